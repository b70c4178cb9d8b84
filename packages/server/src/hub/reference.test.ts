import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { assertRevision, isHubReference, parseHubReference, showSource } from './reference.ts';

const nothing = { revision: null, file: null, quantization: null };

test('parseHubReference reads every way of naming a model on the hub', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['hf:owner/repo', nothing],
    ['hf:owner/repo:file.gguf', { ...nothing, file: 'file.gguf' }],
    ['hf:owner/repo:onnx/model_int8.onnx', { ...nothing, file: 'onnx/model_int8.onnx' }],
    ['hf:owner/repo:Q4_K_M', { ...nothing, quantization: 'Q4_K_M' }],
    ['hf:owner/repo@v1.0:Q8_0', { ...nothing, revision: 'v1.0', quantization: 'Q8_0' }],
    ['hf:owner/repo@refs/pr/3', { ...nothing, revision: 'refs/pr/3' }],
    ['hf.co/owner/repo:IQ2_XXS', { ...nothing, quantization: 'IQ2_XXS' }],
    ['hf.co/owner/repo:latest', nothing],
    ['huggingface.co/owner/repo', nothing],
    ['https://huggingface.co/owner/repo/', nothing],
    ['https://huggingface.co/owner/repo/blob/main/sub/a.gguf', { ...nothing, revision: 'main', file: 'sub/a.gguf' }],
    ['https://hf.co/owner/repo/resolve/v2/a.gguf', { ...nothing, revision: 'v2', file: 'a.gguf' }],
    ['https://huggingface.co/owner/repo/tree/dev', { ...nothing, revision: 'dev' }],
  ];
  for (const [text, rest] of cases) {
    assert.deepEqual(parseHubReference(text), { repository: 'owner/repo', ...rest }, text);
    assert.ok(isHubReference(text));
  }
});

test('parseHubReference reads what showSource writes', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const source = showSource({ repository: 'Owner_1/Re.po-2', commit, file: 'onnx/model.onnx' });
  assert.deepEqual(parseHubReference(source), {
    repository: 'Owner_1/Re.po-2',
    revision: commit,
    file: 'onnx/model.onnx',
    quantization: null,
  });
});

test('parseHubReference refuses what names no model, and says why', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['llama3', /does not start with hf:/],
    ['https://example.com/owner/repo', /does not start with hf:/],
    ['hf:', /owner\/name/],
    ['hf:repo', /owner\/name/],
    ['hf:a/b/c', /owner\/name/],
    ['hf:owner/..', /"\.\." is no name/],
    ['hf:../repo', /"\.\." is no name/],
    ['hf:owner/re po', /"re po" is no name/],
    ['hf:owner/re--po', /is no name/],
    ['hf:owner/repo%2f..', /is no name/],
    ['hf:owner/repo:', /nothing follows/],
    ['hf:owner/repo:../../etc/passwd', /"\.\."/],
    ['hf:owner/repo:/etc/x.gguf', /absolute/],
    ['hf:owner/repo:a\\b.gguf', /backslashes/],
    ['hf:owner/repo:what is this', /names no .gguf/],
    ['hf:owner/repo@../..:x.gguf', /revision/],
    [`hf:owner/${'a'.repeat(97)}`, /is no name/],
    [`hf:owner/repo:${'a'.repeat(2000)}.gguf`, /does not start|path/],
  ];
  for (const [text, problem] of cases) {
    assert.throws(
      () => parseHubReference(text),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_ARGUMENT' && problem.test(error.message),
      text,
    );
  }
});

test('assertRevision lets branches, tags, commits and pull requests pass, and nothing that climbs', () => {
  for (const revision of ['main', 'refs/pr/12', 'v1.2+b', 'a'.repeat(40)])
    assert.equal(assertRevision(revision), revision);
  for (const revision of ['', '..', 'a/../b', 'a//b', 'a b', 'a?b', '/a', 'a'.repeat(300)]) {
    assert.throws(() => assertRevision(revision), { reason: 'INVALID_ARGUMENT' }, revision);
  }
});
