import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { endingsText, inspectMediaFolder } from './inspect-folder.ts';
import { madeFolder } from './testing/made-folder.ts';

test('inspectMediaFolder tells kind and classes by the names alone, and counts what it passes over', async (t) => {
  const root = await madeFolder(t, {
    '10/a.PNG': '',
    '9/b.jpeg': '',
    '9/deep/er/c.webp': '',
    '9/.hidden.wav': '',
    '9/notes.txt': '',
    '10/Thumbs.db': '',
    'README.txt': '',
  });
  const { kind, classes, others } = await inspectMediaFolder(root);
  assert.equal(kind, 'image');
  assert.deepEqual(classes, [
    { name: '9', count: 2 },
    { name: '10', count: 1 },
  ]);
  assert.deepEqual(
    [...others],
    [
      ['.txt', 2],
      ['.db', 1],
    ],
  );
  assert.equal(endingsText(others), '2 .txt files, 1 .db file');
  const sounds = await madeFolder(t, { 'no/1.WAV': '', 'yes/1.wav': '' });
  assert.equal((await inspectMediaFolder(sounds)).kind, 'audio');
});

test('inspectMediaFolder says what it found and what it expected', async (t) => {
  const table: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [
      {},
      /^media: there is no file in data\/; expected a folder per class with pictures \(\.jpg.*such as data\/cat\/1\.png$/,
    ],
    [{ 'a/1.png': '', 'a/2.png': '' }, /^media: data\/ has but one class, "a" with 2 pictures; .* a folder each$/],
    [
      { 'a/1.png': '', 'b/2.wav': '', 'b/3.wav': '' },
      /^media: data\/ holds 1 picture \(such as a\/1\.png\) and 2 recordings \(such as b\/2\.wav\); a model is of one kind/,
    ],
    [
      { 'a/1.png': '', 'b/2.png': '', '3.png': '', '4.png': '' },
      /^media: 2 pictures of data\/ lie in no folder, such as 3\.png, so their classes are not known; .* data\/cat\/3\.png$/,
    ],
    [
      { 'train/a/1.png': '', 'Test/a/2.png': '', 'train/b/1.png': '' },
      /^media: the pictures of data\/ lie in Test and train, .* learn from data\/train \(and --test data\/Test to report/,
    ],
    [
      { 'heart.csv': '', 'b.txt': '', 'c.txt': '', 'd.md': '', e: '' },
      /^media: data\/ holds no picture and no WAV recording, but 2 \.txt files, 1 .* and 2 other endings; .* To learn from a table name its file: data\/heart\.csv$/,
    ],
    [{ 'a/1.mp3': '', 'b/2.mp3': '' }, /but 2 \.mp3 files; .*\. Convert \.mp3 recordings to \.wav first$/],
    [{ 'a/1.heic': '' }, /Convert \.heic pictures to \.png or \.jpg first$/],
  ];
  for (const [files, message] of table) {
    const root = await madeFolder(t, files);
    await assert.rejects(inspectMediaFolder(root, { name: 'data/' }), { reason: 'INVALID_DATA', message });
  }
});

test('inspectMediaFolder takes a class called test, and stops when called off', async (t) => {
  const root = await madeFolder(t, { 'test/1.png': '', 'train/2.png': '' });
  assert.equal((await inspectMediaFolder(root)).classes.length, 2, 'no folders below: these may be classes');
  await assert.rejects(inspectMediaFolder(root, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
  await rm(join(root, 'test'), { recursive: true });
  await mkdir(join(root, 'empty'));
  await assert.rejects(inspectMediaFolder(root), /but one class, "train"/);
  assert.deepEqual((await inspectMediaFolder(root, { leastClasses: 1 })).classes, [{ name: 'train', count: 1 }]);
});
