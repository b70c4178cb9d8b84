// Models made of Transformer blocks by their own words: shapes, parameters, halves built apart. Their training is held
// against PyTorch's by `train/torch-models.test.ts`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantOf, input, type Shape, type Value, verifyGraph } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { madeIndices, madeNumbers } from '../train/testing/made-numbers.ts';
import {
  createScope,
  encoderDecoder,
  type EncoderDecoderOptions,
  gpt,
  type Layer,
  llama,
  type Network,
  SOURCE_INPUT,
  TARGET_INPUT,
} from './index.ts';

const LLAMA = { vocabularySize: 9, blockSize: 6, layers: 1, heads: 4, keyValueHeads: 2, width: 16 } as const;
const TRANSLATOR: EncoderDecoderOptions = { sourceVocabularySize: 7, layers: 1, heads: 2, width: 8 };

function apply(made: Layer, shape: Shape) {
  const { scope, record } = createScope(false);
  const y = made.apply(input('ids', 'int64', shape), scope);
  verifyGraph([y]);
  return { y, names: record().parameters.map(({ name, shape: sizes }) => `${name} ${sizes}`) };
}

function build(network: Network, batch: number | string, times: readonly [number, number]) {
  const { scope, record } = createScope(false);
  const source = input('source', 'int64', [batch, times[0]]);
  const target = input('target', 'int64', [batch, times[1]]);
  const y = network.build(
    new Map([
      [SOURCE_INPUT, source],
      [TARGET_INPUT, target],
    ]),
    scope,
  );
  verifyGraph([y]);
  return { y, source, target, parameters: record().parameters };
}

test('llama gives logits per token, its kernels side by side, and its own kernel for logits where it is not tied', () => {
  const tied = apply(llama(LLAMA), [2, 5]);
  assert.deepEqual(tied.y.shape, [2, 5, 9]);
  assert.deepEqual(tied.names, [
    'tokens 9,16',
    '0.attention norm/scale 16',
    '0.attention.query key value/kernel 16,32',
    '0.attention.output/kernel 16,16',
    '0.dense norm/scale 16',
    // 8/3 of 16 is 42.7, and 48 the next multiple of 8.
    '0.gate up/kernel 16,96',
    '0.output/kernel 48,16',
    'norm/scale 16',
  ]);
  const apart = apply(llama({ ...LLAMA, tied: false, innerWidth: 10 }), ['N', 6]);
  assert.deepEqual(apart.y.shape, ['N', 6, 9]);
  assert.deepEqual(apart.names.slice(-4), [
    '0.gate up/kernel 16,20',
    '0.output/kernel 10,16',
    'norm/scale 16',
    'logits/kernel 16,9',
  ]);
});

test('gpt has biases everywhere or nowhere, as nanoGPT', () => {
  const options = { vocabularySize: 9, blockSize: 6, layers: 1, heads: 2, width: 4 };
  const isBias = (name: string): boolean => name.includes('bias');
  assert.deepEqual(apply(gpt(options), [2, 6]).names.filter(isBias), []);
  assert.deepEqual(apply(gpt({ ...options, useBias: true }), [2, 6]).names.filter(isBias), [
    '0.attention norm/bias 4',
    '0.attention.query key value/bias 12',
    '0.attention.output/bias 4',
    '0.dense norm/bias 4',
    '0.dense/bias 16',
    '0.output/bias 4',
    'norm/bias 4',
  ]);
});

test('encoderDecoder shares one table, or has two, and positions where they are learned', () => {
  const tables = (options: EncoderDecoderOptions): readonly string[] =>
    build(encoderDecoder(options), 'N', [6, 5])
      .parameters.filter(({ name }) => /tokens|positions/.test(name))
      .map(({ name, shape }) => `${name} ${shape}`);
  assert.deepEqual(tables(TRANSLATOR), ['tokens 7,8']);
  assert.deepEqual(tables({ ...TRANSLATOR, targetVocabularySize: 9, learnedPositions: 6 }), [
    'source tokens 7,8',
    'source positions 6,8',
    'target tokens 9,8',
    'target positions 6,8',
  ]);
  assert.deepEqual(build(encoderDecoder({ ...TRANSLATOR, targetVocabularySize: 9 }), 'N', [6, 5]).y.shape, ['N', 5, 9]);
});

test('encoderDecoder: its halves apart give what they give together, and later ids change nothing before them', () => {
  const model = encoderDecoder({ ...TRANSLATOR, norm: 'rms', activation: 'swiglu', useBias: false });
  const whole = build(model, 2, [6, 5]);
  const { scope, record } = createScope(false);
  const encoded = model.encode(whole.source, scope.inside('any').inside('where'));
  assert.deepEqual(encoded.source.shape, [2, 6, 8]);
  const apart = createScope(false);
  const shorter = input('shorter', 'int64', [2, 3]);
  const y = model.decode(shorter, apart.scope, model.encode(whole.source, apart.scope));
  assert(record().parameters.every(({ name }) => name.startsWith('any.where')));

  const weights = new Map<string, NumericArray>(
    whole.parameters.map(({ name, shape }, k) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, { dtype: 'float32', shape, data: madeNumbers(k, count) }];
    }),
  );
  const sources = madeIndices(1, 12, 7);
  const targets = madeIndices(2, 10, 7);
  const at = (data: readonly number[], time: number): NumericArray => ({
    dtype: 'int64',
    shape: [2, time],
    data: Float64Array.from([...data.slice(0, time), ...data.slice(data.length / 2, data.length / 2 + time)]),
  });
  const feeds = new Map<Value, NumericArray>([
    [whole.source, at(sources, 6)],
    [whole.target, at(targets, 5)],
    [shorter, at(targets, 3)],
    ...[...whole.parameters, ...apart.record().parameters].map(
      ({ name, value }) => [value, weights.get(name) ?? assert.fail(name)] as const,
    ),
  ]);
  const [full = [], short = []] = evaluate([whole.y, y], feeds).map((array) => [...numbersOf(array).data]);
  for (const row of [0, 1]) {
    for (let index = 0; index < 21; index++) {
      const [one = Number.NaN, other = 0] = [short[21 * row + index], full[35 * row + index]];
      assert(Math.abs(one - other) < 1e-12, `${row} ${index}: ${one} ${other}`);
    }
  }
});

test('models of blocks refuse what does not fit, by name', () => {
  const { scope } = createScope(false);
  const refused: readonly (readonly [() => unknown, string, string?])[] = [
    [
      () => llama({ ...LLAMA, keyValueHeads: 0 }),
      'llama: keyValueHeads must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
    [() => apply(llama(LLAMA), [2, 7]), 'llama: expected ids [batch, time ≤ 6] of a known time, got [2,7]'],
    [
      () => encoderDecoder({ ...TRANSLATOR, targetVocabularySize: 0 }),
      'encoderDecoder: targetVocabularySize must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
    [
      () => build(encoderDecoder({ ...TRANSLATOR, learnedPositions: 5 }), 2, [6, 5]),
      'encoderDecoder: expected at most 5 ids, got 6',
    ],
    [
      () => encoderDecoder(TRANSLATOR).encode(constantOf('int64', [6], [1, 2, 3, 4, 5, 6]), scope),
      'encoderDecoder: expected ids [batch, time] of a known time, got [6]',
    ],
  ];
  for (const [attempt, message, reason = 'INVALID_GRAPH'] of refused) assert.throws(attempt, { reason, message });
});
