import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { type ReadVersionFile, readVersionSettings } from './manifest.ts';

function files(contents: Readonly<Record<string, string>>): ReadVersionFile {
  return async (path) => (Object.hasOwn(contents, path) ? new TextEncoder().encode(contents[path]) : null);
}

const refuses = (pattern: RegExp) => (error: unknown) =>
  error instanceof AmaasError && error.reason === 'INVALID_CONFIG' && pattern.test(error.message);

test('readVersionSettings lets the caller win over amaas.json and amaas.json over config.pbtxt, field by field', async () => {
  const read = files({
    'amaas.json': JSON.stringify({ instances: 2, isolation: 'process', description: 'from the file' }),
    'config.pbtxt':
      'name: "m" platform: "onnxruntime_onnx" max_batch_size: 0 instance_group [ { count: 7 } ] version_policy { latest { num_versions: 3 } }',
  });
  const settings = await readVersionSettings('m', read, { isolation: 'thread' });
  assert.equal(settings.manifest.isolation, 'thread');
  assert.equal(settings.manifest.instances, 2);
  assert.equal(settings.manifest.description, 'from the file');
  assert.equal(settings.manifest.batching?.dim, null);
  assert.deepEqual(settings.policy, { kind: 'latest', count: 3 });
});

test('readVersionSettings reads the labels file, with either line end and without a last empty line', async () => {
  const read = files({ 'amaas.json': '{"labels":"classes.txt"}', 'classes.txt': 'cat\r\ndog\nbird\n' });
  assert.deepEqual((await readVersionSettings('m', read)).manifest.labels, ['cat', 'dog', 'bird']);
});

test('readVersionSettings says what is wrong, where, and what came', async () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ 'amaas.json': '{"isolation":"vm"}' }, /amaas\.json: \/isolation must be equal to one of .*"thread".* got "vm"/],
    [{ 'amaas.json': '{"batchng":{}}' }, /amaas\.json: \/batchng is not a known field/],
    [{ 'amaas.json': '{"instances":' }, /amaas\.json: not valid JSON/],
    [{ 'amaas.json': '{"labels":"gone.txt"}' }, /labels names the file "gone\.txt", which is not beside the model/],
    [{ 'config.pbtxt': 'name: "other" platform: "onnxruntime_onnx"' }, /name is "other", but the model is called "m"/],
  ];
  for (const [contents, pattern] of cases) {
    await assert.rejects(readVersionSettings('m', files(contents)), refuses(pattern), JSON.stringify(contents));
  }
});
