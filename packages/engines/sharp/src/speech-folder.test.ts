import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listSpeechFiles, openSpeechFolder } from './speech-folder.ts';
import { madeFolder } from './testing/made-folder.ts';

/** PCM of 16 bits, one channel, 8 kHz. */
function wav(samples: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * samples.length, 4);
  bytes.write('WAVEfmt ', 8);
  for (const [at, value] of [16, 1 | (1 << 16), 8000, 16_000, 2 | (16 << 16), 0x61746164].entries()) {
    bytes.writeUInt32LE(value, 16 + 4 * at);
  }
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (const [at, value] of samples.entries()) bytes.writeInt16LE(value, 44 + 2 * at);
  return new Uint8Array(bytes);
}

test('openSpeechFolder takes transcripts from text files beside the recordings', async (t) => {
  const root = await madeFolder(t, {
    'a/1.wav': wav([1, 2]),
    'a/1.txt': 'hello you\n',
    '2.WAV': wav([3]),
    '2.txt': 'bye',
  });
  const media = await openSpeechFolder(root, { sampleRateHz: 8000 });
  assert.deepEqual(
    media.files.map(({ name, label }) => [name, label]),
    [
      ['2.WAV', 'bye'],
      ['a/1.wav', 'hello you\n'],
    ],
  );
  assert.deepEqual(await media.load(1), Float32Array.of(1 / 32768, 2 / 32768));
});

test('listSpeechFiles takes those a table names, by whichever names its columns have', async (t) => {
  const sounds = { 'a/1.wav': wav([1]), '2.wav': wav([2]), 'unused.wav': wav([3]) };
  for (const [table, text] of [
    ['transcripts.csv', 'file,text\na/1.wav,"one, two"\n2,three\n'],
    ['transcripts.tsv', 'speaker\tpath\ttranscript\nx\ta/1.wav\tone, two\ny\t2.wav\tthree\n'],
    ['Transcripts.csv', 'name;sentence\n2;three\na/1;one, two\n'],
  ] as const) {
    const root = await madeFolder(t, { ...sounds, [table]: text });
    const files = await listSpeechFiles(root);
    assert.deepEqual(
      files.map(({ name, label }) => [name, label]).toSorted(),
      [
        ['2.wav', 'three'],
        ['a/1.wav', 'one, two'],
      ],
      table,
    );
  }
});

test('listSpeechFiles names what is missing', async (t) => {
  const table: readonly (readonly [Readonly<Record<string, string | Uint8Array>>, RegExp])[] = [
    [{ 'notes.txt': 'x' }, /there is no file below .* that ends in \.wav/],
    [
      { '1.wav': wav([1]), '2.wav': wav([1]), '3.wav': wav([1]), '2.txt': 'two' },
      /^speech: 1\.wav and 1 more has no transcript; write what is said into 1\.txt, or .* transcripts\.csv/,
    ],
    [
      { '1.wav': wav([1]), 'transcripts.csv': 'file,text\n9.wav,nine\n' },
      /names "9\.wav", which is not among the 1 rec/,
    ],
    [{ '1.wav': wav([1]), 'transcripts.csv': 'file,text\n1.wav,\n' }, /row 1 has no label for "1\.wav"/],
    [{ '1.wav': wav([1]), 'transcripts.csv': 'sound,text\n1.wav,x\n' }, /has no column "file"/],
  ];
  for (const [files, message] of table) {
    const root = await madeFolder(t, files);
    await assert.rejects(listSpeechFiles(root), { reason: 'INVALID_DATA', message });
  }
});
