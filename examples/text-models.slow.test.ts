// The examples that classify texts and tag words: they learn, and what they write takes raw texts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { NamedTensors } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';

/** What an example prints, and the model it wrote asked with one text. */
async function runExample(t: TestContext, name: string, text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-example-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'model.onnx');
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, `${name}.ts`), path], {
    timeout: 180_000,
  });
  const model = await (await createOrtNodeExecutor({ threads: 1 })).compile(await readFile(path));
  const data = [new TextEncoder().encode(text)];
  const answer = await model.run(new Map([['text', { dtype: 'string', shape: [1], data }]]));
  await model.dispose();
  return { stdout, answer };
}

function textsOf(answer: NamedTensors, name: string): readonly string[] {
  const tensor = answer.get(name);
  assert(tensor?.dtype === 'string');
  return tensor.data.map((bytes) => new TextDecoder().decode(bytes));
}

test('bilstm-sentiment learns what "not" does, and writes a model that takes raw texts', async (t) => {
  const { stdout, answer } = await runExample(t, 'bilstm-sentiment', 'This time the story is not clever');
  const accuracy = /^Accuracy +([\d.]+)/m.exec(stdout)?.[1];
  assert(Number(accuracy) > 0.9, stdout);
  assert.deepEqual(textsOf(answer, 'label'), ['negative']);
});

test('transformer-classifier learns the same, and writes a model that takes raw texts', async (t) => {
  const { stdout, answer } = await runExample(t, 'transformer-classifier', 'the music is not dull');
  const accuracy = /test accuracy ([\d.]+)/.exec(stdout)?.[1];
  assert(Number(accuracy) > 0.9, stdout);
  assert(Number(answer.get('probability')?.data[0]) > 0.5);
});

test('part-of-speech tags better than by the most frequent tag, and writes a model that takes raw sentences', async (t) => {
  const { stdout, answer } = await runExample(t, 'part-of-speech', 'The cat sleeps.');
  const [accuracy, baseline] = [/: ([\d.]+) % right/, /most frequent tag: ([\d.]+) %/].map((found) =>
    Number(found.exec(stdout)?.[1]),
  );
  assert((accuracy ?? 0) > (baseline ?? 100) + 5, stdout);
  assert.deepEqual(textsOf(answer, 'words'), ['The', 'cat', 'sleeps', '.', '']);
  assert.deepEqual(textsOf(answer, 'tags'), ['DET', 'NOUN', 'VERB', 'PUNCT', '']);
  assert.match(stdout, /The\/DET old\/ADJ/);
});
