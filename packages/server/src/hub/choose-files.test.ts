import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { chooseFiles, externalFiles, sizeInWords } from './choose-files.ts';
import type { HubListing } from './listing.ts';

function listing(...files: readonly (string | readonly [string, number])[]): HubListing {
  return {
    repository: 'owner/repo',
    commit: 'c'.repeat(40),
    license: null,
    files: files.map((file) => {
      const [path, sizeBytes] = typeof file === 'string' ? ([file, 1_000] as const) : file;
      return { path, sizeBytes, identity: { kind: 'git', hex: 'a'.repeat(40) } };
    }),
  };
}

function chosen(list: HubListing, reference: { readonly file?: string; readonly quantization?: string } = {}): object {
  const { format, model, companions } = chooseFiles(list, { file: null, quantization: null, ...reference });
  return [format, model.file.path, model.path, companions.map(({ file, path }) => `${file.path}>${path}`)];
}

function refused(list: HubListing, reference: { readonly file?: string; readonly quantization?: string } = {}): string {
  try {
    chosen(list, reference);
  } catch (error) {
    if (error instanceof AmaasError) return `${error.reason}: ${error.message}`;
  }
  return assert.fail('nothing was thrown');
}

const QUANTS = listing(
  ['m-Q4_K.gguf', 3_100_000_000],
  ['m-Q4_K_M.gguf', 4_920_000_000],
  ['m-IQ4_XS.gguf', 999_600],
  ['sub/m.q8_0.gguf', 12_345],
  ['mmproj-m-F16.gguf', 10],
  'README.md',
);

test('chooseFiles takes the only GGUF of a repository, without projectors and what else is in it', () => {
  const list = listing('README.md', 'deep/m.gguf', 'mmproj-F16.gguf', 'm.imatrix.gguf', 'config.json');
  assert.deepEqual(chosen(list), ['gguf', 'deep/m.gguf', 'm.gguf', []]);
});

test('chooseFiles takes what lies beside a GGUF only where it was published for amaas', () => {
  const files = ['m.gguf', 'chat.jinja', 'config.json'];
  assert.deepEqual(chosen(listing(...files)), ['gguf', 'm.gguf', 'm.gguf', []]);
  const companions = ['amaas.json>amaas.json', 'chat.jinja>chat.jinja'];
  assert.deepEqual(chosen(listing(...files, 'amaas.json')), ['gguf', 'm.gguf', 'm.gguf', companions]);
});

test('chooseFiles chooses by quantisation as a whole word, in any case', () => {
  assert.deepEqual(chosen(QUANTS, { quantization: 'q4_k' }), ['gguf', 'm-Q4_K.gguf', 'm-Q4_K.gguf', []]);
  assert.deepEqual(chosen(QUANTS, { quantization: 'Q4_K_M' }), ['gguf', 'm-Q4_K_M.gguf', 'm-Q4_K_M.gguf', []]);
  assert.deepEqual(chosen(QUANTS, { quantization: 'Q8_0' }), ['gguf', 'sub/m.q8_0.gguf', 'm.q8_0.gguf', []]);
  assert.match(
    refused(QUANTS, { quantization: 'Q4_XS' }),
    /^ARTIFACT_NOT_FOUND: .*no .gguf file for Q4_XS. There are:/,
  );
  assert.match(refused(QUANTS, { quantization: 'F16' }), /^ARTIFACT_NOT_FOUND/); // the projector is no model
});

test('chooseFiles lists the files with their sizes where a reference fits several', () => {
  const message = refused(QUANTS);
  assert.match(
    message,
    /^INVALID_ARGUMENT: pull: owner\/repo has 4 files for .gguf; name one, as in hf:owner\/repo:m-Q4_K.gguf/,
  );
  assert.match(
    message,
    /\n {2}m-Q4_K.gguf {2}3.10 GB\n {2}m-Q4_K_M.gguf {2}4.92 GB\n {2}m-IQ4_XS.gguf {2}1.00 MB\n {2}sub\/m.q8_0.gguf {2}12.3 kB$/,
  );
});

test('chooseFiles refuses models in several GGUF files by name', () => {
  const list = listing('m-Q8_0-00001-of-00002.gguf', 'm-Q8_0-00002-of-00002.gguf', 'm-Q4_0.gguf');
  for (const reference of [{ quantization: 'Q8_0' }, { file: 'm-Q8_0-00002-of-00002.gguf' }]) {
    assert.match(
      refused(list, reference),
      /^UNSUPPORTED_FEATURE: .*m-Q8_0-0000\d-of-00002.gguf of owner\/repo is one of several/,
    );
  }
  assert.match(refused(list), /has 2 files for .gguf/); // the parts of one model count as one
  assert.deepEqual(chosen(list, { quantization: 'Q4_0' }), ['gguf', 'm-Q4_0.gguf', 'm-Q4_0.gguf', []]);
});

test('chooseFiles prefers onnx/model.onnx and takes what lies beside it, the nearer the better', () => {
  const list = listing(
    'model.onnx',
    'onnx/model.onnx',
    'onnx/model_int8.onnx',
    'onnx/config.json',
    'config.json',
    'tokenizer.json',
    'pytorch_model.bin',
  );
  const companions = ['onnx/config.json>config.json', 'tokenizer.json>tokenizer.json'];
  assert.deepEqual(chosen(list), ['onnx', 'onnx/model.onnx', 'model.onnx', companions]);
  assert.deepEqual(chosen(list, { file: 'onnx/model_int8.onnx' }), [
    'onnx',
    'onnx/model_int8.onnx',
    'model_int8.onnx',
    companions,
  ]);
  assert.match(refused(listing('a.onnx', 'b.onnx')), /^INVALID_ARGUMENT: .*2 files for .onnx/);
  assert.deepEqual(chosen(listing('a.onnx')), ['onnx', 'a.onnx', 'a.onnx', []]);
});

test('chooseFiles says what is not there', () => {
  assert.match(refused(listing('README.md')), /^ARTIFACT_NOT_FOUND: .*neither a .gguf nor an .onnx file/);
  assert.match(refused(listing('mmproj-F16.gguf')), /^ARTIFACT_NOT_FOUND: .*no .gguf file of a language model/);
  assert.match(
    refused(QUANTS, { file: 'other.gguf' }),
    /^ARTIFACT_NOT_FOUND: pull: owner\/repo has no file other.gguf. There are:/,
  );
  assert.match(refused(QUANTS, { file: 'README.md' }), /^INVALID_ARGUMENT: .*neither a .gguf nor an .onnx/);
});

test('externalFiles finds the files a model names beside it, once each', () => {
  const list = listing('onnx/model.onnx', 'onnx/model.onnx_data', 'model.onnx_data');
  const [model] = list.files;
  assert.ok(model);
  const found = externalFiles(list, model, ['model.onnx_data', './model.onnx_data']);
  assert.deepEqual(
    found.map(({ file, path }) => [file.path, path]),
    [['onnx/model.onnx_data', 'model.onnx_data']],
  );
  assert.throws(() => externalFiles(list, model, ['other.bin']), { reason: 'INVALID_MODEL' });
  assert.throws(() => externalFiles(list, model, ['../model.onnx_data']), { reason: 'INVALID_ARGUMENT' });
});

test('sizeInWords gives three digits in powers of 1000', () => {
  const sizes = [0, 999, 1_000, 12_345, 999_499, 999_500, 4_920_000_000, 5_000_000_000_000];
  assert.deepEqual(sizes.map(sizeInWords), [
    '0 B',
    '999 B',
    '1.00 kB',
    '12.3 kB',
    '999 kB',
    '1.00 MB',
    '4.92 GB',
    '5000 GB',
  ]);
});
