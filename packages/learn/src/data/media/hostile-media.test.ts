// Files as they come from strangers: sound ones with bytes changed, cut and doubled. Whatever they are, a parser gives a
// value or says INVALID_DATA; it throws nothing else and does not take memory for what a header merely claims.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { AmaasError } from '@amaas/core';
import { createRandom, type Random } from '../../statistics/index.ts';
import { decodeIdx } from './idx.ts';
import { readLabelsCsv } from './labels-csv.ts';
import { readTar } from './tar.ts';
import { chunk, formatChunk, riff } from './testing/wav-writer.ts';
import { readLabelledLines } from './text.ts';
import { decodeWav } from './wav.ts';

const decoder = new TextDecoder();
const parsers: readonly (readonly [name: string, file: Uint8Array, parse: (bytes: Uint8Array) => unknown])[] = [
  ['idx', Uint8Array.of(0, 0, 11, 2, 0, 0, 0, 2, 0, 0, 0, 3, ...new Uint8Array(12)), (bytes) => decodeIdx(bytes, 'f')],
  [
    'wav',
    riff(
      formatChunk({ tag: 1, bits: 16, rate: 8000, channels: 2, extensible: true }),
      chunk('LIST', [1, 2, 3]),
      chunk('data', new Uint8Array(32)),
    ),
    (bytes) => decodeWav(bytes, 'f'),
  ],
  ['tar', archive(), (bytes) => readTar(bytes, 'f')],
  [
    'csv',
    new TextEncoder().encode('file,label\n"a ""b""",c\nd,e\n'),
    (bytes) => readLabelsCsv(decoder.decode(bytes), 'f'),
  ],
  [
    'lines',
    new TextEncoder().encode('ham\thello\nspam\twin\n'),
    (bytes) => readLabelledLines(decoder.decode(bytes), 'f'),
  ],
];

/** A pax archive with one long name, so that it has extended headers. */
function archive(): Uint8Array {
  const command =
    'd=$(mktemp -d); n=$(printf "long%.0s" $(seq 40)); echo x > $d/$n; tar --format=pax -cf - -C $d $n; rm -r $d';
  return new Uint8Array(execFileSync('bash', ['-c', command]));
}

function damaged(file: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(file);
  // Mostly where headers are.
  const place = () => random.integer(random.uniform() < 0.7 ? Math.min(600, bytes.length) : bytes.length);
  for (let change = random.integer(4); change >= 0; change--)
    bytes[place()] = [0, 255, 0x7f, 0x80, random.integer(256)][random.integer(5)] ?? 0;
  const cut = random.uniform();
  if (cut < 0.2) return bytes.subarray(0, random.integer(bytes.length));
  return cut < 0.3 ? Uint8Array.of(...bytes, ...bytes) : bytes;
}

for (const [name, file, parse] of parsers) {
  test(`the ${name} parser answers damaged files with a value or INVALID_DATA`, () => {
    parse(file); // sound before it is damaged
    const random = createRandom(`hostile ${name}`);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = damaged(file, random);
      try {
        parse(bytes);
      } catch (thrown) {
        assert.ok(thrown instanceof AmaasError && thrown.reason === 'INVALID_DATA', `round ${round}: ${thrown}`);
        refused++;
      }
    }
    assert.ok(refused > 100, `${refused} refused`);
  });
}
