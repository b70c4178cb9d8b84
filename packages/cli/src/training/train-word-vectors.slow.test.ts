// `amaas train --task word-vectors` by the real command.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

const COMMAND = join(import.meta.dirname, '../../bin/amaas.mjs');

async function folderWithText(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-words-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const sentences = Array.from({ length: 600 }, (_, k) =>
    k % 2 === 0 ? `Stars and moons shine at ${k % 3} o'clock.` : `Forks, knives and spoons lie on table ${k % 7}!`,
  );
  await writeFile(join(folder, 'text.txt'), sentences.join(' '));
  return folder;
}

async function run(cwd: string, ...argv: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, 'train', 'text.txt', ...argv], { cwd });
  return stdout;
}

test('train --task word-vectors writes what is deployed, and shows neighbours', async (t) => {
  const folder = await folderWithText(t);
  const text = await run(folder, '--task', 'word-vectors', '--dimensions', '8', '--epochs', '3', '--subwords');
  assert.match(text, /near knives\s+\w+/);
  assert.match(text, /deploy trained\/text --name text/);
  const files = await readdir(join(folder, 'trained', 'text'));
  assert.deepEqual(files.toSorted(), ['amaas.json', 'example.json', 'model.onnx', 'vectors.bin']);
  const vectors = await readFile(join(folder, 'trained', 'text', 'vectors.bin'));
  assert.match(vectors.toString('latin1', 0, 10), /^\d+ 8\n/);
});

for (const method of ['cbow', 'glove', 'ppmi-svd']) {
  test(`train --task word-vectors --method ${method} answers as JSON`, async (t) => {
    const folder = await folderWithText(t);
    const facts = JSON.parse(
      await run(folder, '--task', 'word-vectors', '--method', method, '--dimensions', '6', '--json', '--out', 'here'),
    );
    assert.deepEqual(
      { ...facts, words: 0, tokens: 0 },
      { model: 'text', folder: join(folder, 'here'), method, words: 0, tokens: 0, dimensions: 6 },
    );
  });
}

test('train --task word-vectors says what is wrong with too little text', async (t) => {
  const folder = await folderWithText(t);
  await writeFile(join(folder, 'text.txt'), 'So little.');
  await assert.rejects(run(folder, '--task', 'word-vectors'), /none of 2 words occurs 5 times/);
  await assert.rejects(run(folder, '--task', 'language-model', '--min-count', '2'), /--min-count is for word vectors/);
});
