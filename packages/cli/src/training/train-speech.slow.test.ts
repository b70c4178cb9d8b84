// `amaas train --task speech` by the real command and a real server: what is served writes what the training said it would.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { AmaasHome, type ServedAmaas } from '../../../../conformance/testing/amaas-command.ts';
import { madeRecordings, SPEECH_RATE_HZ } from '../../../learn/src/pipelines/testing/made-speech.ts';

let home: AmaasHome;
let server: ServedAmaas;
const recordings = madeRecordings(72);

before(async () => {
  home = await AmaasHome.create();
  for (const { name, text, samples } of recordings) {
    await put(`talks/${name}.wav`, wav(samples, SPEECH_RATE_HZ));
    await put(`talks/${name}.txt`, `${text}\n`);
    // The same at twice the rate: a model is asked with whatever there is.
    const doubled = Float32Array.from({ length: 2 * samples.length }, (_, at) => samples[Math.floor(at / 2)] ?? 0);
    await put(`doubled/${name}.wav`, wav(doubled, 2 * SPEECH_RATE_HZ));
  }
  server = await home.serve(['--bundled-models', 'off']);
});

after(() => home?.dispose());

async function put(name: string, contents: Uint8Array | string): Promise<void> {
  const path = join(home.folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
}

/** PCM of 16 bits, one channel. */
function wav(samples: Float32Array, rateHz: number): Uint8Array {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * samples.length, 4);
  bytes.write('WAVEfmt ', 8);
  for (const [at, value] of [16, 1 | (1 << 16), rateHz, 2 * rateHz, 2 | (16 << 16), 0x61746164].entries()) {
    bytes.writeUInt32LE(value, 16 + 4 * at);
  }
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (const [at, value] of samples.entries()) bytes.writeInt16LE(Math.round(32_000 * value), 44 + 2 * at);
  return new Uint8Array(bytes);
}

async function run(...argv: readonly string[]) {
  return home.run(argv, { environment: { AMAAS_URL: server.url } });
}

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test('amaas train --task speech serves a model that writes held-out recordings', async () => {
  const trained = JSON.parse(
    await done(
      ...['train', 'talks', '--task', 'speech', '--epochs', '80', '--batch-size', '8', '--learning-rate', '0.01'],
      ...['--test', '12', '--predictions', 'heard.jsonl', '--json'],
    ),
  );
  assert.deepEqual([trained.model, trained.version, trained.sampleRateHz], ['talks', 1, SPEECH_RATE_HZ]);
  assert.deepEqual(trained.characters, [' ', 'a', 'b', 'c']);
  assert(trained.metrics['character error rate'] < 0.3, JSON.stringify(trained.metrics));
  assert.match(await readFile(join(home.folder, 'trained/talks/report.html'), 'utf8'), /word error rate/);
  const heard = (await readFile(join(home.folder, 'heard.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(heard.length, 12);
  for (const { file, heard: text } of heard.slice(0, 3)) {
    const answer = JSON.parse(await done('predict', 'talks', `talks/${file}`, '--output', 'text', '--json'));
    assert.deepEqual(answer.outputs[0]?.data, [text]);
    const given = JSON.parse(
      await done('predict', 'talks', `@talks/${file}`, '--sample-rate', String(SPEECH_RATE_HZ), '--json'),
    );
    assert.deepEqual(
      given.outputs.map(({ name }: { readonly name: string }) => name),
      ['text', 'log_probabilities'],
    );
    await done('predict', 'talks', `doubled/${file}`, '--output', 'text');
  }
});

test('amaas predict takes a recording for a model deployed as a folder, and says what is missing', async () => {
  await done('deploy', 'trained/talks', '--name', 'plain');
  const [{ name = '' } = {}] = recordings;
  await done('predict', 'plain', `talks/${name}.wav`);
  await done('predict', 'plain', `talks/${name}.wav`, '--sample-rate', String(SPEECH_RATE_HZ));
  const noWav = await run('predict', 'plain', 'talks.wav', '--sample-rate', '8000');
  assert.match(noWav.stderr, /there is no file or folder .*talks\.wav/);
});

test('amaas train --task speech refuses what it cannot learn', async () => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['heard.jsonl'], /takes a folder of WAV recordings with their transcripts; heard\.jsonl is none/],
    [['talks', '--seconds', '2'], /speech is heard whole/],
    [['talks', '--size', '8x8'], /--size is for pictures/],
    [['doubled'], /has no transcript; write what is said into/],
  ];
  for (const [argv, message] of table) {
    const { code, stderr } = await run('train', ...argv, '--task', 'speech', '--no-deploy');
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  }
});
