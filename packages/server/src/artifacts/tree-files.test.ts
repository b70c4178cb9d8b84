import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { sha256 } from './testing/blob-store-contract.ts';
import { assertTreeFiles, assertTreePath, computeTreeDigest, type TreeFile } from './tree-files.ts';

const file = (path: string, content = path): TreeFile => ({ path, digest: sha256(content), sizeBytes: content.length });

test('assertTreePath lets ordinary paths through', () => {
  for (const path of ['model.onnx', 'a/b/c.bin', '.hidden', 'with space', 'ünïcode/模型.onnx', '...', 'a..b', '-']) {
    assert.equal(assertTreePath(path), path);
  }
});

test('assertTreePath refuses whatever could leave the folder or mean two things', () => {
  const bad = [
    '',
    '/',
    '/etc/passwd',
    '..',
    '../x',
    'a/../../x',
    'a/..',
    './a',
    'a/./b',
    'a//b',
    'a/',
    'a\0b',
    'a\\b',
    '..\\x',
  ];
  bad.push('C:/x', 'c:x', 'a\nb', 'a\u007f', `${'x'.repeat(256)}`, 'é'.repeat(128), `${'a/'.repeat(600)}b`, '\ud800');
  for (const path of bad) {
    assert.throws(
      () => assertTreePath(path),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_ARGUMENT',
      JSON.stringify(path),
    );
  }
});

test('assertTreeFiles refuses lists that no directory could hold', () => {
  assertTreeFiles([file('a'), file('ab'), file('b/a'), file('b/c/d')]);
  const cases: [readonly TreeFile[], RegExp][] = [
    [[], /1 to 10000, got 0/],
    [[file('a'), file('a', 'other')], /"a" is listed twice/],
    [[file('a/b'), file('a')], /"a" is both a file and a folder/],
    [[file('x/y/z/w'), file('x/y')], /"x\/y" is both/],
    [[{ ...file('a'), sizeBytes: -1 }], /no valid digest and size/],
    [[{ ...file('a'), sizeBytes: 1.5 }], /no valid digest and size/],
    [[{ ...file('a'), digest: 'sha256:00' }], /no valid digest and size/],
    [[file('../a')], /not allowed/],
  ];
  for (const [files, message] of cases) assert.throws(() => assertTreeFiles(files), message);
});

test('computeTreeDigest is that of the sorted list, whatever the order', () => {
  const files = [file('model.onnx', 'abc'), file('amaas.json', '{}'), file('data/w.bin', 'weights')];
  const expected = createHash('sha256')
    .update(
      `[["amaas.json","${sha256('{}')}",2],["data/w.bin","${sha256('weights')}",7],["model.onnx","${sha256('abc')}",3]]`,
    )
    .digest('hex');
  assert.equal(computeTreeDigest(files), `sha256:${expected}`);
  assert.equal(computeTreeDigest(files.toReversed()), `sha256:${expected}`);
});

test('computeTreeDigest changes with every path, content and file', () => {
  const base = [file('a', '1'), file('b', '2')];
  const others = [
    [file('a', '1')],
    [file('a', '2'), file('b', '1')],
    [file('a', '1'), file('c', '2')],
    [file('a', '1'), file('b', '3')],
    [...base, file('c', '')],
  ];
  const digests = new Set([base, ...others].map((files) => computeTreeDigest(files)));
  assert.equal(digests.size, others.length + 1);
});
