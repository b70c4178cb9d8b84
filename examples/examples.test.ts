// Every example runs as its first lines say, and prints what it should.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
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
