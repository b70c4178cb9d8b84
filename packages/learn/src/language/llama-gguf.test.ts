import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createGguf, type GgufContents, type GgufValue, readGguf } from '../gguf/index.ts';
import { createRandom } from '../statistics/index.ts';
import { trainBpe } from '../tokenize/index.ts';
import { llamaFromGguf, llamaToGguf } from './llama-gguf.ts';
import { llamaParts, reorderRows, takePart } from './llama-weights.ts';
import { drawLlama } from './testing/llama-network.ts';

const OPTIONS = {
  ...{ vocabularySize: 7, blockSize: 32, layers: 2, heads: 4, keyValueHeads: 2, width: 16, innerWidth: 24 },
  ...{ rotary: { base: 50_000 }, epsilon: Math.fround(1e-6), tied: false },
};

test('llamaFromGguf gives back what llamaToGguf was given', async () => {
  const untied = drawLlama(OPTIONS, 'a');
  const tied = drawLlama({ ...OPTIONS, tied: true, keyValueHeads: 4, layers: 1 }, 'b');
  for (const model of [untied, tied]) {
    const loaded = await llamaFromGguf(await readGguf(createGguf(llamaToGguf(model, { chatTemplate: '{{ x }}' }))));
    assert.deepEqual(loaded.options, model.options);
    assert.deepEqual(new Map([...loaded.weights].sort()), new Map([...model.weights].sort()));
    assert.equal(loaded.tokenizer, null);
    assert.equal(loaded.chatTemplate, '{{ x }}');
  }
});

test('llamaToGguf passes on what llamaFromGguf read', async () => {
  const tokenizer = trainBpe(['the cat sat on the mat'], { vocabularySize: 262 });
  const model = drawLlama({ ...OPTIONS, vocabularySize: 270 }, 'passed');
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const first = llamaToGguf(model, {
    ...{ tokenizer, chatTemplate: '{{ y }}', name: 'cats' },
    specialTokens: { start: 0, end: 3, addsStart: true, addsEnd: false },
    metadata: new Map([['general.license', text('MIT')]]),
  });
  const loaded = await llamaFromGguf(await readGguf(createGguf(first)));
  assert.deepEqual(
    loaded.metadata,
    new Map([
      ['general.name', text('cats')],
      ['general.license', text('MIT')],
    ]),
  );
  const again = llamaToGguf(loaded, loaded);
  assert.deepEqual(new Map([...again.metadata].sort()), new Map([...first.metadata].sort()));
  assert.deepEqual(llamaToGguf(loaded, { ...loaded, name: 'dogs' }).metadata.get('general.name'), text('dogs'));
});

test('llamaFromGguf ties a network whose two tables are equal', async () => {
  const model = drawLlama({ ...OPTIONS, tied: true }, 'c');
  const contents = llamaToGguf(model);
  const table = contents.tensors.get('token_embd.weight');
  assert.ok(table !== undefined);
  const twice = { ...contents, tensors: new Map([...contents.tensors, ['output.weight', table]]) };
  const loaded = await llamaFromGguf(await readGguf(createGguf(twice)));
  assert.equal(loaded.options.tied, true);
  assert.deepEqual(new Map([...loaded.weights].sort()), new Map([...model.weights].sort()));
});

test('reorderRows puts the rows of each head as the converter of llama.cpp does, and back', () => {
  const part = llamaParts(OPTIONS).find(({ kernel }) => kernel === 'q');
  assert.ok(part !== undefined);
  const rows = Float32Array.from({ length: 16 }, (_, row) => row);
  // numpy: arange(16).reshape(4, 2, 2).swapaxes(1, 2).reshape(16)
  const turned = Float32Array.of(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  assert.deepEqual(reorderRows(rows, { ...part, turnedHeads: 4, shape: [16, 1] }, 'toNeighbours'), turned);
  const one = { ...part, turnedHeads: 1, shape: [16, 1] };
  const whole = reorderRows(rows, one, 'toNeighbours');
  assert.deepEqual(whole, Float32Array.of(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
  assert.deepEqual(reorderRows(whole, one, 'toHalves'), rows);
});

const LEGACY = 'llm/stories260K.bin';
const STORIES = 'llm/stories260K.gguf';

test("takePart gives the matrices of llama2.c's own checkpoint of a published model", {
  skip: skipWithoutSharedData(LEGACY, STORIES),
}, async () => {
  const model = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(STORIES))));
  const bytes = readFileSync(sharedDataPath(LEGACY));
  // Seven numbers, then: the table, and of all layers attention norms, q, k, v, o, dense norms, gate, down, up; the last norm.
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 28, bytes.byteOffset + bytes.length));
  const order = ['embed_tokens', 'input_layernorm', 'q_proj', 'k_proj', 'v_proj', 'o_proj', 'post_attention_layernorm'];
  const names = [...order, 'gate_proj', 'down_proj', 'up_proj', 'model.norm'];
  let at = 0;
  for (const name of names) {
    for (const part of llamaParts(model.options).filter(({ huggingFace }) => huggingFace.endsWith(name))) {
      const ours = reorderRows(takePart(model.weights, part), part, 'toNeighbours');
      assert.deepEqual(ours, numbers.subarray(at, at + ours.length), part.huggingFace);
      at += ours.length;
    }
  }
  assert.equal(at, 260_032);
});

test('llamaFromGguf refuses what the network does not have, by its name', async () => {
  const contents = llamaToGguf(drawLlama(OPTIONS, 'd'));
  const refuses = async (changed: Partial<GgufContents>, message: string): Promise<void> => {
    const file = await readGguf(createGguf({ ...contents, ...changed }));
    await assert.rejects(llamaFromGguf(file), { reason: 'INVALID_MODEL', message });
  };
  const saying = (key: string, value: GgufValue): Partial<GgufContents> => ({
    metadata: new Map([...contents.metadata, [key, value]]),
  });
  const text = (value: string): GgufValue => ({ type: 'string', value });
  await refuses(
    saying('general.architecture', text('gpt2')),
    'llama: general.architecture expects "llama", got "gpt2"',
  );
  await refuses(
    saying('llama.rope.scaling.type', text('linear')),
    'llama: llama.rope.scaling.type is linear, which the network llama does not do',
  );
  await refuses(
    saying('llama.expert_count', { type: 'uint32', value: 8 }),
    'llama: llama.expert_count is 8, which the network llama does not do',
  );
  await refuses(
    saying('llama.rope.dimension_count', { type: 'uint32', value: 2 }),
    'llama: llama.rope.dimension_count is 2, which the network llama does not do',
  );
  await refuses(
    saying('llama.block_count', { type: 'uint32', value: 3 }),
    'llama: tensor blk.2.attn_norm.weight expects [16], got nothing',
  );
  await refuses(
    saying('llama.feed_forward_length', { type: 'uint32', value: 0 }),
    'llama: llama.feed_forward_length expects a whole number of at least 1, got 0',
  );
  const bias = { type: 'F32', shape: [16], load: () => new Float32Array(16) } as const;
  for (const name of ['blk.0.attn_q.bias', 'rope_freqs.weight', 'blk.1.attn_q_norm.weight']) {
    await refuses(
      { tensors: new Map([...contents.tensors, [name, bias]]) },
      `llama: tensor "${name}" is nothing that the network llama has`,
    );
  }
  await refuses(
    { tensors: new Map([...contents.tensors, ['blk.0.ffn_up.weight', bias]]) },
    'llama: tensor blk.0.ffn_up.weight expects [24,16], got [16]',
  );
});

const DAMAGES = 300;

test(`llamaFromGguf reads or refuses each of ${DAMAGES} damaged headers`, {
  skip: skipWithoutSharedData(STORIES),
}, async () => {
  const random = createRandom('damaged');
  const original = readFileSync(sharedDataPath(STORIES));
  const headerBytes = 14_176; // tensors begin here
  let read = 0;
  for (let round = 0; round < DAMAGES; round++) {
    const bytes = new Uint8Array(original);
    for (let change = 0; change <= random.integer(3); change++) {
      // Half of them where the sizes are.
      const at = random.integer(2) === 0 ? random.integer(headerBytes) : 11_000 + random.integer(headerBytes - 11_000);
      bytes.fill([0, 1, 0xff, random.integer(256)][random.integer(4)] ?? 0, at, at + 1 + random.integer(4));
    }
    try {
      await llamaFromGguf(await readGguf(bytes));
      read++;
    } catch (error) {
      assert.ok(error instanceof AmaasError, `round ${round}: ${String(error)}`);
      assert.ok(['INVALID_MODEL', 'UNSUPPORTED_TENSOR'].includes(error.reason), `${error.reason}: ${error.message}`);
    }
  }
  assert.ok(read > DAMAGES / 50 && read < DAMAGES * 0.9, `${read} of ${DAMAGES} were read`);
});

test('llamaToGguf stores vectors as F32, and rows that are no whole blocks as F16', () => {
  const sizes = { ...OPTIONS, width: 32, innerWidth: 40 };
  const { tensors, metadata } = llamaToGguf(drawLlama(sizes, 'e'), { quantization: 'Q4_0' });
  const typeOf = (name: string): string | undefined => tensors.get(`${name}.weight`)?.type;
  assert.deepEqual(['token_embd', 'blk.0.attn_q', 'blk.1.ffn_up', 'output'].map(typeOf), [
    'Q4_0',
    'Q4_0',
    'Q4_0',
    'Q4_0',
  ]);
  assert.deepEqual(['output_norm', 'blk.0.ffn_norm'].map(typeOf), ['F32', 'F32']);
  assert.equal(typeOf('blk.0.ffn_down'), 'F16');
  assert.deepEqual(metadata.get('general.file_type'), { type: 'uint32', value: 2 });
  assert.deepEqual(metadata.get('general.quantization_version'), { type: 'uint32', value: 2 });
});

test('llamaToGguf refuses weights that are missing', () => {
  const { options, weights } = drawLlama(OPTIONS, 'f');
  const fewer = new Map([...weights].filter(([name]) => name !== '1.gate up/kernel'));
  assert.throws(() => createGguf(llamaToGguf({ options, weights: fewer })), {
    reason: 'INVALID_CHECKPOINT',
    message: 'llama: 1.gate up/kernel expects [16,48], got nothing',
  });
});
