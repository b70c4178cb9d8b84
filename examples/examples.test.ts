// Every example runs as its first lines say, and prints what it should.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { readGguf } from '@amaas/learn/gguf';
import { llamaFromGguf } from '@amaas/learn/language';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';

async function runExample(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, name), ...args], {
    timeout: 120_000,
  });
  return stdout;
}

test('binary-classifier reaches an accuracy', async () => {
  const accuracy = /test accuracy ([\d.]+)/.exec(await runExample('binary-classifier.ts'))?.[1];
  assert(Number(accuracy) > 0.9, accuracy);
});

test('small-network lists its parameters and learns', async () => {
  const output = await runExample('small-network.ts');
  assert.match(output, /0\.dense\/kernel +6400 +\[100, 64\]/);
  assert.match(output, /total +8577/); // 100·64 + 64 + 64·32 + 32 + 32 + 1
  const losses = (/loss (.*)/.exec(output)?.[1] ?? '').split(' → ').map(Number);
  assert.equal(losses.length, 5);
  assert((losses[4] ?? 1) < (losses[0] ?? 0) / 2, output);
});

test('linear-regression finds the plane', async () => {
  const output = await runExample('linear-regression.ts');
  const [a = 0, b = 0, bias = 0] = [...output.matchAll(/-?\d+\.\d+/g)].map(([text]) => Number(text));
  assert(Math.abs(a - 3) < 0.05 && Math.abs(b + 2) < 0.05 && Math.abs(bias - 5) < 0.05, output);
});

test('logistic-regression separates the classes', async () => {
  const accuracy = /test accuracy ([\d.]+)/.exec(await runExample('logistic-regression.ts'))?.[1];
  assert(Number(accuracy) > 0.85, accuracy);
});

test('scaling-and-splitting scales by the training rows', async () => {
  const output = await runExample('scaling-and-splitting.ts');
  const train: number[][] = JSON.parse(/train (\[\[.*?\]\])/.exec(output)?.[1] ?? '[]');
  assert.equal(train.length, 3);
  for (const column of [0, 1]) {
    const values = train.map((row) => row[column] ?? Number.NaN);
    assert(Math.abs(values.reduce((sum, value) => sum + value, 0)) < 1e-9);
    assert(Math.abs(values.reduce((sum, value) => sum + value ** 2, 0) / 3 - 1) < 1e-9);
  }
});

test('digits-cnn learns digits from a part of MNIST', { skip: skipWithoutSharedData('images/mnist') }, async () => {
  const output = await runExample('digits-cnn.ts', sharedDataPath('images/mnist'), '3000', '2');
  const accuracy = /test accuracy ([\d.]+)/.exec(output)?.[1];
  assert(Number(accuracy) > 0.85, output);
});

const PLAYS = 'text/tinyshakespeare_input.txt';

/** The beginning of the plays, in a folder that goes with the test. */
async function writePlays(t: TestContext, characters: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-plays-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'plays.txt');
  await writeFile(path, (await readFile(sharedDataPath(PLAYS), 'utf8')).slice(0, characters));
  return path;
}

test('gpt-shakespeare begins to learn letters', { skip: skipWithoutSharedData(PLAYS) }, async (t) => {
  const output = await runExample('gpt-shakespeare.ts', await writePlays(t, 60_000), '40');
  assert.match(output, /^ROMEO:/);
  const loss = /held-out loss ([\d.]+) per letter/.exec(output)?.[1];
  assert(Number(loss) < 3.3, output); // that of letters drawn alike: 4.2
});

test('story-teller leaves a GGUF file with its tokenizer', { skip: skipWithoutSharedData(PLAYS) }, async (t) => {
  const plays = await writePlays(t, 40_000);
  const output = await runExample('story-teller.ts', plays, '4', `${plays}.gguf`);
  assert.match(output, /[\d.]+ bits per byte; .*plays\.txt\.gguf: \d+ bytes/);
  const { options, tokenizer } = await llamaFromGguf(await readGguf(await readFile(`${plays}.gguf`)));
  assert.deepEqual([options.layers, options.width, options.keyValueHeads], [4, 128, 2]);
  assert.equal(tokenizer?.decode(tokenizer.encode('Speak, speak.').ids), 'Speak, speak.');
});

test('word-vectors finds words that stand together', { skip: skipWithoutSharedData(PLAYS) }, async (t) => {
  const plays = await writePlays(t, 500_000);
  const output = await runExample('word-vectors.ts', plays, `${plays}.model`, 'king');
  for (const method of ['word2vec', 'GloVe']) {
    assert.match(new RegExp(`${method}: king → .*`).exec(output)?.[0] ?? output, /henry|richard|edward/);
  }
  assert((await readFile(join(`${plays}.model`, 'model.onnx'))).length > 100_000);
});

test('spoken-digits-ctc learns to write dialled numbers', async () => {
  const output = await runExample('spoken-digits-ctc.ts');
  const rate = /character error rate +([\d.]+) %/.exec(output)?.[1];
  assert(Number(rate) < 15, output);
  assert.match(output, /a held-out recording of "\d+"\n {2}by the graph +\d+\n {2}by beam search \d+\n/);
});

test('translator translates sentences it never saw, and leaves a folder to be deployed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'translator-'));
  t.after(() => rm(folder, { recursive: true }));
  const output = await runExample('translator.ts', 'transformer', '', '', '12', folder);
  const bleu = /BLEU ([\d.]+)/.exec(output)?.[1];
  assert(Number(bleu) > 60, output);
  const manifest = JSON.parse(await readFile(join(folder, 'amaas.json'), 'utf8'));
  assert.equal(manifest.postprocess.tokens.tokenizer, 'tokenizer.json');
});
