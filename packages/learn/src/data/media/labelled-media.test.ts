import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { AmaasError, type Tensor } from '@amaas/core';
import { labelledIdx } from './labelled-idx.ts';
import {
  createLabelledMedia,
  type LabelledMedia,
  type MediaFile,
  type MediaReadOptions,
  sortClassNames,
} from './labelled-media.ts';

type Entry = readonly [name: string, label: string, byte: number];

/** Files of one byte; `reads` counts how many are read at once. */
function filesOf(entries: readonly Entry[]) {
  const reads = { now: 0, most: 0, total: 0 };
  const files = entries.map(
    ([name, label, byte]): MediaFile => ({
      name,
      label,
      read: async () => {
        reads.total++;
        reads.most = Math.max(reads.most, ++reads.now);
        await new Promise((resolve) => setTimeout(resolve, byte % 3)); // so that they do not finish in order
        reads.now--;
        return Uint8Array.of(byte);
      },
    }),
  );
  return { files, reads };
}

/** Tens become numbers; 13 is corrupt, 14 fails for another reason. */
function decode(bytes: Uint8Array): number {
  const [byte = 0] = bytes;
  if (byte === 13) throw new AmaasError('INVALID_ARGUMENT', 'unlucky');
  if (byte === 14) throw new AmaasError('ENGINE_MISSING', 'no decoder');
  return byte * 10;
}

const letters = Array.from('gfedcba', (letter, at): Entry => [`${letter}.x`, at % 2 === 0 ? 'even' : 'odd', at]);

async function collect<Value>(media: LabelledMedia<Value>, options: MediaReadOptions) {
  const reading = media.read(options);
  const batches: { readonly values: readonly Value[]; readonly labels: number[]; readonly indices: number[] }[] = [];
  for await (const { values, labels, indices } of reading)
    batches.push({ values, labels: [...labels], indices: [...indices] });
  return { batches, skipped: reading.skipped };
}

test('createLabelledMedia sorts files and classes, whatever order they were found in', () => {
  const media = createLabelledMedia({ kind: 'audio', files: filesOf(letters).files, decode });
  assert.deepEqual(
    media.files.map((file) => file.name),
    ['a.x', 'b.x', 'c.x', 'd.x', 'e.x', 'f.x', 'g.x'],
  );
  assert.deepEqual(
    [media.classNames, [...media.labels]],
    [
      ['even', 'odd'],
      [0, 1, 0, 1, 0, 1, 0],
    ],
  );
  assert.deepEqual(sortClassNames(['10', '9', '0', '9']), ['0', '9', '10']);
  assert.deepEqual(sortClassNames(['10', '9', 'b', 'B', 'é']), ['10', '9', 'B', 'b', 'é']);
});

test('LabelledMedia.read gives full batches in the order asked for, a few files at once', async () => {
  const { files, reads } = filesOf(letters);
  const media = createLabelledMedia({ kind: 'audio', files, decode });
  const all = await collect(media, { batchSize: 3, parallel: 2 });
  assert.deepEqual(all, {
    batches: [
      { values: [60, 50, 40], labels: [0, 1, 0], indices: [0, 1, 2] },
      { values: [30, 20, 10], labels: [1, 0, 1], indices: [3, 4, 5] },
      { values: [0], labels: [0], indices: [6] },
    ],
    skipped: [],
  });
  assert.deepEqual([reads.most, reads.total], [2, 7]);
  const chosen = await collect(media, { batchSize: 4, order: Int32Array.of(5, 0, 5) });
  assert.deepEqual(chosen.batches, [{ values: [10, 60, 10], labels: [1, 0, 1], indices: [5, 0, 5] }]);
  assert.deepEqual((await collect(media, { batchSize: 4, order: [] })).batches, []);
});

test('LabelledMedia.read names a corrupt file, or skips it when asked and counts it', async () => {
  const { files } = filesOf([
    ['a', 'x', 1],
    ['b', 'x', 13],
    ['c', 'y', 3],
    ['d', 'y', 13],
    ['e', 'y', 5],
  ]);
  const media = createLabelledMedia({ kind: 'image', files, decode });
  const expected = { reason: 'INVALID_DATA', message: 'image: b: unlucky' };
  await assert.rejects(collect(media, { batchSize: 2 }), expected);
  await assert.rejects(media.load(1), expected);
  assert.deepEqual(await collect(media, { batchSize: 2, whenCorrupt: 'skip' }), {
    batches: [
      { values: [10, 30], labels: [0, 1], indices: [0, 2] },
      { values: [50], labels: [1], indices: [4] },
    ],
    skipped: [
      { name: 'b', message: 'image: b: unlucky' },
      { name: 'd', message: 'image: d: unlucky' },
    ],
  });
  await assert.rejects(collect(media, { batchSize: 2, order: [1, 3], whenCorrupt: 'skip' }), {
    reason: 'INVALID_DATA',
    message: 'image: none of 2 files could be read; the first: image: b: unlucky',
  });
});

test('LabelledMedia.read skips nothing that is not the fault of the file', async () => {
  const { files } = filesOf([['a', 'x', 14]]);
  const media = createLabelledMedia({ kind: 'image', files, decode });
  await assert.rejects(collect(media, { batchSize: 1, whenCorrupt: 'skip' }), { reason: 'ENGINE_MISSING' });
  const gone: MediaFile = { name: 'b', label: 'x', read: () => Promise.reject(new Error('EIO')) };
  const broken = createLabelledMedia({ kind: 'image', files: [gone], decode });
  await assert.rejects(collect(broken, { batchSize: 1, whenCorrupt: 'skip' }), /EIO/);
});

test('LabelledMedia.read stops when called off or left, without reading on', async () => {
  const many = Array.from({ length: 100 }, (_, at) => [String(at).padStart(3, '0'), 'x', 1] as const);
  const { files, reads } = filesOf(many);
  const media = createLabelledMedia({ kind: 'text', files, decode });
  const controller = new AbortController();
  let batches = 0;
  await assert.rejects(
    async () => {
      for await (const _ of media.read({ batchSize: 2, parallel: 4, signal: controller.signal })) {
        batches++;
        controller.abort();
      }
    },
    { reason: 'CANCELLED' },
  );
  assert.equal(batches, 1, 'what was loaded ahead is not given out');
  assert.ok(reads.total <= 6, String(reads.total));
  for await (const _ of media.read({ batchSize: 5 })) break;
  assert.equal(reads.now, 0, 'what was under way has ended');
  assert.ok(reads.total <= 16, String(reads.total));
  await assert.rejects(media.computeDigest(AbortSignal.abort()), { reason: 'CANCELLED' });
});

test('LabelledMedia.computeDigest depends on names, labels and contents, and on nothing else', async () => {
  const digestOf = (entries: readonly Entry[]) =>
    createLabelledMedia({ kind: 'audio', files: filesOf(entries).files, decode }).computeDigest();
  const first = await digestOf([
    ['a', 'x', 1],
    ['b', 'y', 2],
  ]);
  assert.equal(
    first,
    await digestOf([
      ['b', 'y', 2],
      ['a', 'x', 1],
    ]),
  );
  const sha = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
  const lines = `["a","x","${sha(Uint8Array.of(1))}"]\n["b","y","${sha(Uint8Array.of(2))}"]`;
  assert.equal(first, sha(lines));
  for (const other of [
    [
      ['a', 'x', 1],
      ['b', 'y', 3],
    ],
    [
      ['a', 'x', 1],
      ['b', 'x', 2],
    ],
    [
      ['a', 'x', 1],
      ['c', 'y', 2],
    ],
  ] as const)
    assert.notEqual(first, await digestOf(other));
});

test('createLabelledMedia refuses what cannot be a data set', () => {
  const refused = (entries: readonly Entry[], message: string, classNames?: readonly string[]) =>
    assert.throws(
      () =>
        createLabelledMedia({
          kind: 'image',
          files: filesOf(entries).files,
          decode,
          ...(classNames && { classNames }),
        }),
      { reason: 'INVALID_DATA', message },
    );
  refused([], 'image: there are no files to learn from');
  refused(
    [
      ['a', 'x', 1],
      ['a', 'y', 2],
    ],
    'image: there are two files "a"',
  );
  refused([['a', 'x', 1]], 'image: "a" is of class "x", which is not among the classes', ['y']);
  const media = createLabelledMedia({ kind: 'image', files: filesOf(letters).files, decode });
  for (const options of [
    { batchSize: 0 },
    { batchSize: 1.5 },
    { batchSize: 1, parallel: 0 },
    { batchSize: 1, order: [7] },
    { batchSize: 1, order: [-1] },
  ])
    assert.throws(() => media.read(options), { reason: 'INVALID_DATA' });
});

test('labelledIdx pairs pictures with labels', async () => {
  const images: Tensor = { dtype: 'uint8', shape: [3, 1, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const labels: Tensor = { dtype: 'uint8', shape: [3], data: Uint8Array.of(10, 2, 10) };
  const media = labelledIdx(images, labels);
  assert.deepEqual(
    [media.classNames, [...media.labels]],
    [
      ['2', '10'],
      [1, 0, 1],
    ],
  );
  assert.deepEqual(await media.load(2), { width: 2, height: 1, channels: 1, data: Uint8Array.of(5, 6) });
  const named = labelledIdx(images, { ...labels, data: Uint8Array.of(1, 0, 1) }, ['shoe', 'bag']);
  assert.deepEqual(
    [named.classNames, [...named.labels]],
    [
      ['shoe', 'bag'],
      [1, 0, 1],
    ],
  );
  assert.throws(() => labelledIdx(images, labels, ['a']), /label 10 of picture 0 has no name; there are 1/);
  assert.throws(
    () => labelledIdx(images, { ...labels, shape: [2], data: Uint8Array.of(1, 2) }),
    /3 pictures and 2 labels/,
  );
  assert.throws(() => labelledIdx(labels, labels), /expected pictures uint8 \[N,H,W\].* got uint8 \[3\]/);
});
