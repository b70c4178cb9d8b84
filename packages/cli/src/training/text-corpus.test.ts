import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openTextFiles, type TextFiles } from './text-corpus.ts';

async function folderWith(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-corpus-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

async function read({ corpus }: TextFiles): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const text of corpus.read()) texts.push(text);
  return texts;
}

test('openTextFiles reads texts and JSON lines of a folder in the order of their paths, again and again', async (t) => {
  const folder = await folderWith(t, {
    'b.txt': '\ufeffThe last one.\n',
    'a/2.jsonl': '{"text":"line é","id":1}\n\n{"text":""}\n{"text":"two"}',
    'a/1.txt': 'One.\n<|endoftext|>\nTwo.\n<|endoftext|>\n',
    'picture.png': 'no text',
    '.hidden/c.txt': 'hidden',
  });
  const found = await openTextFiles(folder, 'texts');
  assert.deepEqual([found.files, found.others], [3, ['picture.png']]);
  const texts = ['One.', 'Two.', 'line é', 'two', 'The last one.\n'];
  assert.deepEqual(await read(found), texts);
  assert.deepEqual(await read(found), texts);
});

test('openTextFiles reads one file whatever its name, in pieces between lines where it is long', async (t) => {
  const line = `${'æ'.repeat(99)}\n`;
  const folder = await folderWith(t, { corpus: line.repeat(30_000), 'oneline.txt': `x${'😀'.repeat(1_250_000)}` });
  const pieces = await read(await openTextFiles(join(folder, 'corpus'), 'corpus'));
  assert.equal(pieces.join(''), line.repeat(30_000));
  assert.deepEqual(
    pieces.map((piece) => piece.endsWith('\n') && piece.length <= 2 ** 20),
    [true, true, true],
  );
  const cut = await read(await openTextFiles(join(folder, 'oneline.txt'), 'oneline.txt'));
  assert.equal(cut.join('').length, 2_500_001);
  assert.equal(cut.length, 3);
  assert(cut.every((piece) => piece.isWellFormed()));
});

test('openTextFiles finds ends of documents across the chunks of a file', async (t) => {
  const documents = Array.from({ length: 40_000 }, (_, index) => `Story ${index}.`);
  const folder = await folderWith(t, { 'stories.txt': documents.join('<|endoftext|>') });
  assert.deepEqual(await read(await openTextFiles(join(folder, 'stories.txt'), 'stories.txt')), documents);
});

test('openTextFiles says what is wrong with files, by their names and lines', async (t) => {
  const folder = await folderWith(t, {
    'bad.txt': Uint8Array.of(0x61, 0xff, 0x62),
    'json.jsonl': '{"text":"a"}\n{"text": b}\n',
    'none.jsonl': '{"text":"a"}\n{"title":"a"}\n',
    'pictures/a.png': 'x',
  });
  const message = async (name: string): Promise<string> => {
    const failed = await openTextFiles(join(folder, name), name)
      .then(read)
      .catch((error: Error) => error);
    assert(failed instanceof Error);
    return failed.message;
  };
  assert.equal(await message('bad.txt'), 'train: bad.txt is not UTF-8 text');
  assert.equal(await message('json.jsonl'), 'train: line 2 of json.jsonl is not JSON');
  assert.equal(await message('none.jsonl'), 'train: line 2 of none.jsonl has no "text" that is a string');
  assert.match(await message('pictures'), /pictures holds no text/);
});
