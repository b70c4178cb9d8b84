import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createLabelledMedia, type LabelledMedia } from '../data/index.ts';
import { checkClasses, findSharedValues, keyOfBytes, type MediaRows, readMedia, splitMedia } from './media-data.ts';

/** Numbers as media: what is no number is broken. */
function numbers(contents: readonly (readonly [label: string, text: string])[]): LabelledMedia<number> {
  return createLabelledMedia<number>({
    kind: 'image',
    files: contents.map(([label, text], at) => ({
      name: `${label}/${String(at).padStart(4, '0')}`,
      label,
      read: async () => new TextEncoder().encode(text),
    })),
    decode: (bytes, name) => {
      const value = Number(new TextDecoder().decode(bytes));
      if (Number.isNaN(value)) throw new AmaasError('INVALID_ARGUMENT', `image: ${name} is no number`);
      return value;
    },
  });
}

function rowsOf(labels: readonly number[]): MediaRows<number> {
  return {
    values: labels.map((_, at) => at),
    labels: Float64Array.from(labels),
    files: labels.map((label, at) => ({
      name: `${label}/${at}`,
      label: `${label}`,
      read: async () => new Uint8Array(),
    })),
  };
}

function refused(message: RegExp) {
  return { name: 'AmaasError', reason: 'INVALID_DATA', message };
}

test('readMedia skips as many as it may, one at least, and tells how far it is', async () => {
  const whole = Array.from({ length: 600 }, (_, at) => [at % 2 === 0 ? 'a' : 'b', `${at}`] as const);
  const broken = (count: number) => numbers(whole.map(([label, text], at) => [label, at < count ? 'x' : text]));
  const heard: (readonly [number, number])[] = [];
  const { summary, rows } = await readMedia(broken(60), {
    whenCorrupt: 'skip',
    maxSkippedShare: 0.1,
    onRead: (files, total) => heard.push([files, total]),
  });
  assert.deepEqual([summary.files, summary.skipped.length, rows.values.length], [540, 60, 540]);
  assert.deepEqual(heard.at(-1), [600, 600]);
  assert.ok(heard.length > 1);
  await assert.rejects(
    readMedia(broken(61), { whenCorrupt: 'skip', maxSkippedShare: 0.1 }),
    refused(
      /^train: 61 of 600 image files cannot be read, .*:\n {2}image: a\/0000 is no number\n(.*\n){2} {2}and 58 more\nReplace/,
    ),
  );
  const few = numbers([
    ['a', 'x'],
    ['a', '1'],
    ['b', '2'],
  ]);
  assert.equal((await readMedia(few, { whenCorrupt: 'skip', maxSkippedShare: 0.1 })).summary.files, 2);
  const worse = numbers(['x', 'x', '1', '2', '3'].map((text) => ['a', text] as const));
  await assert.rejects(readMedia(worse, { whenCorrupt: 'skip', maxSkippedShare: 0.1 }), refused(/2 of 5 image files/));
  await assert.rejects(readMedia(few, {}), refused(/a\/0000 is no number/));
});

test('splitMedia says what is too little, in files and groups', () => {
  const sizes = { seed: 1, test: 0.2, validation: 0.15 };
  assert.throws(
    () => splitMedia(rowsOf([0, 0, 1, 1, 2]), sizes),
    refused(/^train: 5 files of 3 classes do not give 3 parts .*; every class needs 3 or more$/),
  );
  const ten = rowsOf(Array.from({ length: 50 }, (_, at) => at % 10));
  assert.throws(() => splitMedia(ten, sizes), refused(/50 files of 10 classes .* hold out at least 10 for each of/));
  assert.equal(splitMedia(ten, { ...sizes, validation: 10 }).validation.labels.length, 10);
  assert.throws(
    () => splitMedia(ten, { ...sizes, groupOf: ({ name }) => (name.startsWith('0') ? 'anna' : 'ben') }),
    refused(/^train: the files are of 2 groups \(anna, ben\).* 3 are needed, so group by something else$/),
  );
});

test('splitMedia keeps groups together', () => {
  const rows = rowsOf(Array.from({ length: 90 }, (_, at) => at % 3));
  const groupOf = ({ name }: { readonly name: string }): string => `${Number(name.split('/')[1]) % 7}`;
  const parts = splitMedia(rows, { seed: 3, test: 0.2, validation: 0.15, groupOf });
  const groups = [parts.train, parts.validation, parts.test].map(({ files }) => [...new Set(files.map(groupOf))]);
  assert.equal(groups.flat().length, 7);
  assert.equal(new Set(groups.flat()).size, 7);
});

test('checkClasses refuses classes without training files and warns of those without held-out ones', () => {
  const parts = { train: rowsOf([0, 1]), validation: rowsOf([0]), test: rowsOf([0, 2, 3]), findings: [] };
  assert.throws(
    () => checkClasses(parts, ['a', 'b', 'c', 'd']),
    refused(/^train: all files of classes "c", "d" are held/),
  );
  const [finding, second] = checkClasses({ ...parts, test: rowsOf([0]) }, ['a', 'b']);
  assert.equal(second, undefined);
  assert.match(finding?.message ?? '', /^no file of class "b" is held out, so the report says nothing about it; add/);
  assert.deepEqual(checkClasses({ ...parts, test: rowsOf([1, 0]) }, ['a', 'b']), []);
});

test('findSharedValues names held-out files that are in training too', () => {
  const of = (values: readonly number[], folder: string): MediaRows<number> => ({
    values,
    labels: new Float64Array(values.length),
    files: values.map((value) => ({ name: `${folder}/${value}`, label: 'a', read: async () => new Uint8Array() })),
  });
  const parts = { train: of([1, 2, 3], 'r'), validation: of([], 'v'), test: of([7, 3, 1], 't'), findings: [] };
  const [finding] = findSharedValues(parts, String);
  assert.match(finding?.message ?? '', /^2 test values of 3 also are in training \(t\/3, t\/1\), which flatters/);
  assert.deepEqual(findSharedValues({ ...parts, train: of([2], 'r') }, String), []);
});

test('keyOfBytes tells bytes apart that differ in one place, in order, or in length', () => {
  const keys = new Set<string>();
  for (let at = 0; at < 200; at++)
    for (let value = 1; value < 50; value++) {
      const bytes = new Uint8Array(200);
      bytes[at] = value;
      keys.add(keyOfBytes(bytes));
    }
  for (let length = 0; length <= 200; length++) keys.add(keyOfBytes(new Uint8Array(length)));
  assert.equal(keys.size, 200 * 49 + 201);
  assert.equal(keyOfBytes(Uint8Array.of(3, 5)), keyOfBytes(new Uint8Array([3, 5])));
});
