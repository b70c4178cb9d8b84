import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeListed,
  encodeRunning,
  encodeShown,
  formatOllamaModel,
  OllamaPullStream,
  parseOllamaModel,
} from './index.ts';
import { parameterSize } from './encode-models.ts';
import { parseDuration } from './keep-alive.ts';

const file = {
  architecture: 'qwen3',
  name: 'Tiny',
  quantization: 'Q8_0',
  parameters: 15_191_712,
  fileBytes: 1e7,
  vocabularySize: 512,
  embeddingSize: 288,
  layers: 6,
  trainedContextTokens: 2048,
  chatTemplate: null,
  beginToken: null,
  endToken: null,
  beginsTexts: true,
  specialTokens: [],
  pooling: null,
} as const;
const model = {
  reference: { model: 'tiny' },
  digest: `sha256:${'ab'.repeat(32)}`,
  sizeBytes: 12_345_678,
  createdAt: '2026-03-04T05:06:07Z',
  file,
  abilities: { chat: true, tools: true, thinking: false },
};
const details = {
  parent_model: '',
  format: 'gguf',
  family: 'qwen3',
  families: ['qwen3'],
  parameter_size: '15M',
  quantization_level: 'Q8_0',
};

test('names have a tag, which for the bare name is latest', () => {
  for (const [text, reference, shown] of [
    ['tiny', { model: 'tiny' }, 'tiny:latest'],
    ['tiny:latest', { model: 'tiny' }, 'tiny:latest'],
    ['tiny:canary', { model: 'tiny', label: 'canary' }, 'tiny:canary'],
    ['tiny@3', { model: 'tiny', version: 3 }, 'tiny@3'],
  ] as const) {
    assert.deepEqual(parseOllamaModel(text), reference);
    assert.equal(formatOllamaModel(reference), shown);
  }
  assert.throws(() => parseOllamaModel('Llama 3'), { reason: 'INVALID_NAME' });
});

test('parseDuration reads durations as Go writes them', () => {
  const rows: readonly (readonly [string, number | null])[] = [
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['-1m', -60_000],
    ['-1', -1000],
    ['90', 90_000],
    ['', null],
    ['m', null],
    ['5 m', null],
    ['5m!', null],
    ['1d', null],
  ];
  for (const [text, durationMs] of rows) assert.equal(parseDuration(text), durationMs, text);
});

test('parameterSize is short', () => {
  const rows: readonly (readonly [number, string])[] = [
    [260, '260'],
    [292_800, '293K'],
    [652_320, '652K'],
    [1_543_714_304, '1.5B'],
    [999_900_000, '1B'],
    [7_000_000_000, '7B'],
    [70_553_706_496, '71B'],
  ];
  for (const [parameters, text] of rows) assert.equal(parameterSize(parameters), text);
});

test('encodeListed and encodeRunning name a model with its tag, and when it leaves', () => {
  const listed = { name: 'tiny:latest', model: 'tiny:latest', digest: 'ab'.repeat(32), details };
  assert.deepEqual(encodeListed(model), {
    ...listed,
    modified_at: '2026-03-04T05:06:07Z',
    size: 12_345_678,
    capabilities: ['completion', 'tools'],
  });
  const running = { ...model, memoryBytes: 9_000_000, contextTokens: 512 };
  const seen = { ...listed, size: 9_000_000, size_vram: 0, context_length: 512 };
  const expiresAt = new Date('2026-03-04T06:00:00.500Z');
  assert.deepEqual(encodeRunning({ ...running, expiresAt }), { ...seen, expires_at: '2026-03-04T06:00:00.500Z' });
  assert.deepEqual(encodeRunning({ ...running, expiresAt: null }), { ...seen, expires_at: '9999-12-31T23:59:59Z' });
});

test('encodeShown tells what the file says and what the manifest sets', () => {
  const shown = {
    ...model,
    file: { ...file, pooling: 'mean' },
    version: { model: 'tiny', version: 2 },
    manifest: { sampling: { temperature: 0.7, topK: 40 }, stop: ['\n'], maxTokens: 200 },
    licence: 'MIT',
    template: 'T',
  } as const;
  assert.deepEqual(encodeShown(shown), {
    license: 'MIT',
    modelfile:
      'FROM tiny@2\nPARAMETER temperature 0.7\nPARAMETER top_k 40\nPARAMETER num_predict 200\nPARAMETER stop "\\n"\n',
    parameters: 'temperature 0.7\ntop_k 40\nnum_predict 200\nstop "\\n"',
    template: 'T',
    details,
    model_info: {
      'general.architecture': 'qwen3',
      'general.name': 'Tiny',
      'general.parameter_count': 15_191_712,
      'qwen3.context_length': 2048,
      'qwen3.embedding_length': 288,
      'qwen3.block_count': 6,
      'qwen3.vocab_size': 512,
    },
    capabilities: ['embedding'],
    modified_at: '2026-03-04T05:06:07Z',
  });
});

test('OllamaPullStream tells of every file until it is whole, and of success last', () => {
  const stream = new OllamaPullStream();
  const [big, small] = [
    { path: 'm.gguf', sizeBytes: 1000, identity: 'sha256:ab' },
    { path: 'chat.jinja', sizeBytes: 30, identity: 'git:cd' },
  ];
  const progress = (phase: 'download' | 'admit', ...files: readonly (typeof big & { readonly doneBytes: number })[]) =>
    stream.write({ type: 'progress', phase, files });
  const line = ({ path, sizeBytes, identity }: typeof big, completed: number) => ({
    status: `pulling ${path}`,
    digest: identity,
    total: sizeBytes,
    completed,
  });
  assert.deepEqual(stream.write({ type: 'started', files: [big, small] }), [{ status: 'pulling manifest' }]);
  const both = [
    { ...big, doneBytes: 100 },
    { ...small, doneBytes: 10 },
  ] as const;
  assert.deepEqual(progress('download', ...both), [line(big, 100), line(small, 10)]);
  assert.deepEqual(progress('download', { ...big, doneBytes: 700 }), [line(small, 30), line(big, 700)]);
  const verifying = { status: 'verifying sha256 digest' };
  assert.deepEqual(progress('admit'), [line(big, 1000), verifying]);
  assert.deepEqual(progress('admit'), []);
  assert.deepEqual(stream.write({ type: 'done' }), [{ status: 'success' }]);
  assert.deepEqual(new OllamaPullStream().write({ type: 'done' }), [verifying, { status: 'success' }]);
});
