import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { tensorFromPixels } from '@amaas/learn/data';
import sharp from 'sharp';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import type { ImagePreparation } from './decode-image.ts';
import { openAudioFolder, openImageFolder, openLabelledLines, openTextFolder, openTextLines } from './folders.ts';
import { madeFolder } from './testing/made-folder.ts';

const FSDD = 'speech/fsdd_360.tar.gz';
const image: ImagePreparation = { width: 2, height: 2, fit: 'stretch', channels: 'gray' };

function grey(value: number): Promise<Buffer> {
  return sharp({ create: { width: 5, height: 4, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toBuffer();
}

test('openImageFolder reads a folder per class and passes over what is no picture', async (t) => {
  const root = await madeFolder(t, {
    'dogs/a.png': await grey(10),
    'dogs/deep/b.PNG': await grey(20),
    'cats/c.png': await grey(30),
    'cats/notes.txt': 'not a picture by its name',
    'cats/.hidden.png': 'neither',
    'README.md': 'nor this',
  });
  await symlink(join(root, 'cats/c.png'), join(root, 'dogs/linked.png'));
  await symlink(root, join(root, 'dogs/round'));
  const media = await openImageFolder(root, { image });
  assert.deepEqual(
    media.files.map((file) => file.name),
    ['cats/c.png', 'dogs/a.png', 'dogs/deep/b.PNG', 'dogs/linked.png'],
  );
  assert.deepEqual(
    [media.classNames, [...media.labels]],
    [
      ['cats', 'dogs'],
      [0, 1, 1, 1],
    ],
  );
  for await (const { values, labels } of media.read({ batchSize: 9 })) {
    const { shape, data } = tensorFromPixels(values, { channels: 'gray', layout: 'nchw' });
    assert.deepEqual(
      [shape, [...labels]],
      [
        [4, 1, 2, 2],
        [0, 1, 1, 1],
      ],
    );
    assert.deepEqual([...data], [30, 30, 30, 30, 10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30]);
  }
});

test('openImageFolder names a corrupt picture and one that is too large, and skips them when asked', async (t) => {
  const whole = await grey(10);
  const large = await sharp({ create: { width: 500, height: 500, channels: 3, background: '#102030' } })
    .png()
    .toBuffer();
  const root = await madeFolder(t, {
    'a/good.png': whole,
    'a/half.png': whole.subarray(0, whole.length / 2),
    'b/empty.jpg': '',
    'b/large.png': large,
  });
  const media = await openImageFolder(root, { image, maxPixels: 100_000 });
  await assert.rejects(media.load(1), {
    reason: 'INVALID_DATA',
    message: /^image: a\/half\.png cannot be read as a picture/,
  });
  const reading = media.read({ batchSize: 2, whenCorrupt: 'skip' });
  const counts: number[] = [];
  for await (const { values } of reading) counts.push(values.length);
  assert.deepEqual(counts, [1]);
  assert.deepEqual(
    reading.skipped.map(({ name }) => name),
    ['a/half.png', 'b/empty.jpg', 'b/large.png'],
  );
  assert.match(reading.skipped[2]?.message ?? '', /500 × 500 pixels; at most 100000/);
  assert.match(await media.computeDigest(), /^[0-9a-f]{64}$/);
});

test('openImageFolder takes the labels of a table, and exactly its files', async (t) => {
  const root = await madeFolder(t, {
    'one.png': await grey(1),
    'sub/two.png': await grey(2),
    'three.png': await grey(3),
    'labels.csv': 'path,class\none.png,cat\nsub/two.png,dog\n',
    'wrong.csv': 'file,label\none.png,cat\nfour.png,dog\n',
  });
  const labelsPath = join(root, 'labels.csv');
  const media = await openImageFolder(root, { image, labelsPath, fileColumn: 'path', labelColumn: 'class' });
  assert.deepEqual(
    media.files.map(({ name, label }) => [name, label]),
    [
      ['one.png', 'cat'],
      ['sub/two.png', 'dog'],
    ],
  );
  await assert.rejects(openImageFolder(root, { image, labelsPath: join(root, 'wrong.csv') }), {
    reason: 'INVALID_DATA',
    message: 'media: wrong.csv names "four.png", which is not among the 3 files',
  });
  await assert.rejects(openImageFolder(root, { image }), {
    message: 'media: "one.png" has no class; files lie in a folder per class, or a table of labels names them',
  });
});

test('openTextFolder reads one text per file, from a folder or an archive of it alike', async (t) => {
  const root = await madeFolder(t, {
    'data/pos/1.txt': 'good film',
    'data/neg/2.txt': 'bad film',
    'data/neg/3.txt': Uint8Array.of(0x63, 0x61, 0x66, 0xe9),
  });
  const options = { encoding: 'windows-1252' };
  const media = await openTextFolder(join(root, 'data'), options);
  const archive = join(root, 'data.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', join(root, 'data'), 'pos', 'neg']);
  const packed = await openTextFolder(archive, options);
  assert.equal(await packed.computeDigest(), await media.computeDigest());
  for (const each of [media, packed]) {
    assert.deepEqual(each.classNames, ['neg', 'pos']);
    assert.deepEqual(await Promise.all([0, 1, 2].map((index) => each.load(index))), ['bad film', 'café', 'good film']);
  }
  await assert.rejects((await openTextFolder(join(root, 'data'))).load(1), {
    message: /neg\/3\.txt is not valid utf-8/,
  });
  await assert.rejects(
    openAudioFolder(join(root, 'data'), { sampleRateHz: 8000 }),
    /no file below .* that ends in \.wav/,
  );
  await assert.rejects(openTextFolder(join(root, 'absent')), /ENOENT/);
  await assert.rejects(openTextFolder(archive, { ...options, maxArchiveBytes: 1000 }), { reason: 'REQUEST_TOO_LARGE' });
});

test('openTextLines and openLabelledLines take one text per line, by file and by label', async (t) => {
  const root = await madeFolder(t, {
    'polarity.pos': 'good\nvery good\n',
    'polarity.neg': 'bad\n\nworse',
    'README.txt': 'not one of them',
    'by-folder/up/a.txt': 'x\ny',
    'by-folder/down/b.txt': 'z',
    'sms.tsv': 'ham\thello\nspam\twin\nham\tbye',
  });
  const texts = async (media: Awaited<ReturnType<typeof openTextLines>>) => {
    const all: [string | undefined, string][] = [];
    for await (const { values, labels } of media.read({ batchSize: 2 }))
      for (const [at, text] of values.entries()) all.push([media.classNames[labels[at] ?? -1], text]);
    return all;
  };
  const options = { extensions: ['.pos', '.neg'], classOf: (path: string) => path.split('.')[1] ?? null };
  assert.deepEqual(await texts(await openTextLines(root, options)), [
    ['neg', 'bad'],
    ['neg', 'worse'],
    ['pos', 'good'],
    ['pos', 'very good'],
  ]);
  assert.deepEqual(await texts(await openTextLines(join(root, 'by-folder'))), [
    ['down', 'z'],
    ['up', 'x'],
    ['up', 'y'],
  ]);
  assert.deepEqual((await openTextLines(root, { extensions: ['.tsv'] })).classNames, ['sms']);
  assert.deepEqual(await texts(await openLabelledLines(join(root, 'sms.tsv'))), [
    ['ham', 'hello'],
    ['spam', 'win'],
    ['ham', 'bye'],
  ]);
});

test('openAudioFolder reads spoken digits out of their archive', { skip: skipWithoutSharedData(FSDD) }, async () => {
  const media = await openAudioFolder(sharedDataPath(FSDD), {
    sampleRateHz: 16_000,
    classOf: (path) => /(\d)_[a-z]+_\d+\.wav$/.exec(path)?.[1] ?? null,
  });
  assert.deepEqual(media.classNames, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  const counts = new Array<number>(10).fill(0);
  let longest = 0;
  for await (const { values, labels } of media.read({ batchSize: 64 })) {
    for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
    for (const samples of values) longest = Math.max(longest, samples.length);
  }
  assert.deepEqual(counts, new Array<number>(10).fill(36));
  assert.ok(longest > 8000 && longest < 40_000, String(longest));
});
