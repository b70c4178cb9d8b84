// Layers by their own words: shapes, parameters by name, what training changes, and what they refuse. Their values and
// gradients are held against PyTorch by `train/torch-models.test.ts`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantOf, gradients, input, mul, reduceSum, type Shape, type Value } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import {
  activation,
  averagePool2d,
  batchNorm,
  conv1d,
  conv2d,
  conv2dTranspose,
  createScope,
  dense,
  dropout,
  embedding,
  flatten,
  functional,
  globalAveragePool,
  globalMaxPool,
  gpt,
  type Layer,
  l1,
  l1l2,
  l2,
  layer,
  layerNorm,
  leNet,
  maxPool1d,
  maxPool2d,
  mlp,
  multiHeadSelfAttention,
  reshape,
  residual,
  resNet,
  rmsNorm,
  sequential,
  tabularNetwork,
  textCnn,
  textLstm,
  textTransformer,
  transformerBlock,
} from './index.ts';

function apply(made: Layer, shape: Shape, { training = false, dtype = 'float32' as 'float32' | 'int64' } = {}) {
  const { scope, record } = createScope(training);
  const y = made.apply(input('x', dtype, shape), scope);
  return { y, ...record() };
}

const IDS = { dtype: 'int64' as const };

const SHAPES: readonly (readonly [string, Layer, Shape, Shape, { readonly dtype?: 'int64' }?])[] = [
  ['dense', dense(3), [2, 5, 4], [2, 5, 3]],
  ['embedding', embedding(9, 4), [2, 3], [2, 3, 4], IDS],
  ['conv2d', conv2d(5, 3, { strides: 2, padding: 'same' }), [2, 3, 9, 8], [2, 5, 5, 4]],
  ['conv2d, dilated, in groups', conv2d(6, [3, 2], { dilations: [2, 1], groups: 3 }), [2, 3, 9, 8], [2, 6, 5, 7]],
  ['conv2dTranspose', conv2dTranspose(5, 3, { strides: 2, outputPadding: 1, padding: 1 }), [2, 3, 4, 5], [2, 5, 8, 10]],
  ['conv1d', conv1d(4, 3, { padding: 'same' }), [2, 3, 7], [2, 4, 7]],
  ['maxPool2d', maxPool2d(), [2, 3, 8, 6], [2, 3, 4, 3]],
  ['maxPool2d, overlapping', maxPool2d(3, { strides: 2, padding: 1 }), [2, 3, 8, 6], [2, 3, 4, 3]],
  ['maxPool1d', maxPool1d(3), [2, 3, 9], [2, 3, 3]],
  ['averagePool2d', averagePool2d([2, 1]), [2, 3, 8, 6], [2, 3, 4, 6]],
  ['globalAveragePool', globalAveragePool(), [2, 3, 8, 6], [2, 3]],
  ['globalMaxPool', globalMaxPool(), [2, 3, 8], [2, 3]],
  ['flatten', flatten(), [2, 3, 8], [2, 24]],
  ['reshape', reshape([4, -1]), [2, 3, 8], [2, 4, 6]],
  ['layerNorm', layerNorm(), [2, 3], [2, 3]],
  ['rmsNorm', rmsNorm(), [2, 3], [2, 3]],
  ['batchNorm', batchNorm(), [2, 3, 4], [2, 3, 4]],
  ['attention', multiHeadSelfAttention({ heads: 2 }), [2, 3, 4], [2, 3, 4]],
  ['transformerBlock', transformerBlock({ heads: 2 }), [2, 3, 4], [2, 3, 4]],
  ['gpt', gpt({ vocabularySize: 9, blockSize: 5, layers: 1, heads: 2, width: 4 }), [2, 3], [2, 3, 9], IDS],
  ['mlp', mlp({ hidden: [4, 3], head: { kind: 'multiclass', classes: 5 } }), [2, 6], [2, 5]],
  ['leNet', leNet({ kind: 'binary' }), [2, 1, 8, 8], [2, 1]],
  ['resNet', resNet({ head: { kind: 'regression' } }), [2, 3, 9, 9], [2, 1]],
  ['textCnn', textCnn({ vocabularySize: 9, head: { kind: 'multiclass', classes: 4 } }), [2, 7], [2, 4], IDS],
  ['textLstm', textLstm({ vocabularySize: 9, head: { kind: 'multiclass', classes: 4 } }), [2, 7], [2, 4], IDS],
  ['textTransformer', textTransformer({ vocabularySize: 9, head: { kind: 'binary' } }), [2, 7], [2, 1], IDS],
];

for (const [name, made, from, to, options] of SHAPES) {
  test(`${name} turns [${from}] into [${to}], also for a batch that is not known yet`, () => {
    assert.deepEqual(apply(made, from, options).y.shape, to);
    assert.deepEqual(apply(made, ['N', ...from.slice(1)], options).y.shape, ['N', ...to.slice(1)]);
  });
}

test('layers name their parameters by position and kind, and say which decay', () => {
  const network = sequential([
    dense(4, { useBias: false }),
    batchNorm(),
    residual([dense(4)], dense(4)),
    sequential([layerNorm()], 'inner'),
  ]);
  const { parameters, statistics } = apply(network, [2, 3], { training: true });
  assert.deepEqual(
    parameters.map(({ name, shape, decays }) => [name, shape.join(), decays]),
    [
      ['0.dense/kernel', '3,4', true],
      ['1.batchNorm/scale', '4', false],
      ['1.batchNorm/bias', '4', false],
      ['2.residual.shortcut/kernel', '4,4', true],
      ['2.residual.shortcut/bias', '4', false],
      ['2.residual.0.dense/kernel', '4,4', true],
      ['2.residual.0.dense/bias', '4', false],
      ['3.inner.0.layerNorm/scale', '4', false],
      ['3.inner.0.layerNorm/bias', '4', false],
    ],
  );
  assert.deepEqual(
    statistics.map(({ name, initial, updated }) => [name, initial, updated !== null]),
    [
      ['1.batchNorm/mean', 0, true],
      ['1.batchNorm/variance', 1, true],
    ],
  );
});

/** Values of a layer for fed numbers; parameters as their names say, or made by `weights`. */
function run(
  made: Layer,
  x: NumericArray,
  { training = false, weights = {} as Readonly<Record<string, readonly number[]>>, uniform = 0.5 } = {},
) {
  const { scope, record } = createScope(training);
  const source = input('x', 'float64', x.shape);
  const y = made.apply(source, scope);
  const feeds = new Map<Value, NumericArray>([[source, x]]);
  const { parameters, statistics, randomInputs } = record();
  for (const { name, shape, value, initializer } of parameters) {
    const data = weights[name] ?? initializer(shape, createRandom(name));
    feeds.set(value, { dtype: value.dtype, shape, data: Float64Array.from(data) });
  }
  for (const { name, shape, value, initial } of statistics) {
    const data = weights[name] ?? new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(initial);
    feeds.set(value, { dtype: value.dtype, shape, data: Float64Array.from(data) });
  }
  for (const { value } of randomInputs) {
    const shape = value.shape.map(Number);
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float64Array.from({ length: size }, (_, k) => (uniform + k * 0.37) % 1);
    feeds.set(value, { dtype: value.dtype, shape, data });
  }
  return [...numbersOf(evaluate([y], feeds)[0]).data];
}

const numbers = (shape: readonly number[], ...data: readonly number[]): NumericArray => ({
  dtype: 'float64',
  shape,
  data: Float64Array.from(data),
});

test('dropout zeroes what its numbers say and scales up the rest, in training alone', () => {
  const x = numbers([6], 1, 2, 3, 4, 5, 6);
  // Drawn: 0.1, 0.47, 0.84, 0.21, 0.58, 0.95; 0.3 and above are kept.
  const kept = [0, 1, 1, 0, 1, 1];
  const dropped = run(dropout(0.3), x, { training: true, uniform: 0.1 });
  for (const [k, value] of dropped.entries()) assert(Math.abs(value - ((k + 1) * (kept[k] ?? 0)) / 0.7) < 1e-6);
  assert.deepEqual(run(dropout(0.3), x), [1, 2, 3, 4, 5, 6]);
  assert.equal(apply(dropout(0), [2, 3], { training: true }).randomInputs.length, 0);
  assert.throws(() => dropout(1), { reason: 'INVALID_ARGUMENT', message: 'dropout: rate must be in [0, 1), got 1' });
});

test('a shared layer shares its weights, and refuses to be used with two shapes', () => {
  const shared = layer('twice', (x, scope) => {
    const first = dense(3).apply(x, scope.inside('shared'));
    return dense(3).apply(first, scope.inside('shared'));
  });
  assert.equal(apply(shared, [2, 3]).parameters.length, 2);
  assert.throws(() => apply(shared, [2, 4]), {
    reason: 'INVALID_GRAPH',
    message: 'shared/kernel: is used with shape [3,3] after [4,3]',
  });
});

test('a batch normalisation that is shared updates its statistics by each use in turn', () => {
  const shared = layer('twice', (x, scope) => {
    const first = batchNorm({ momentum: 0.5 }).apply(x, scope.inside('norm'));
    return batchNorm({ momentum: 0.5 }).apply(first, scope.inside('norm'));
  });
  const { scope, record } = createScope(true);
  const x = input('x', 'float32', [4, 1]);
  shared.apply(x, scope);
  const [mean] = record().statistics;
  assert(mean?.updated);
  // Of numbers around 10 first, then of normalised ones around 0: (0 / 2 + 10 / 2) / 2.
  const feeds = new Map<Value, NumericArray>([[x, { ...numbers([4, 1], 8, 9, 11, 12), dtype: 'float32' }]]);
  for (const { value, shape, initializer } of record().parameters)
    feeds.set(value, { dtype: value.dtype, shape, data: Float64Array.from(initializer(shape, createRandom(0))) });
  for (const { value, shape, initial } of record().statistics)
    feeds.set(value, { dtype: value.dtype, shape, data: Float64Array.of(initial) });
  const [found = 0] = numbersOf(evaluate([mean.updated], feeds)[0]).data;
  assert(Math.abs(found - 2.5) < 1e-9, `${found}`);
});

test('regularisers add what Keras defines, with its derivatives', () => {
  const w = input('w', 'float64', [2, 2]);
  const data = numbers([2, 2], 0.5, -2, 1.5, -0.25);
  const value = (regularizer: (weights: Value) => Value): readonly number[] => {
    const penalty = regularizer(w);
    const [gradient = w] = gradients(penalty, [w]);
    const feeds = new Map([[w, data]]);
    return evaluate([penalty, gradient], feeds).flatMap((array) => [...numbersOf(array).data]);
  };
  assert.deepEqual(value(l1(0.5)), [2.125, 0.5, -0.5, 0.5, -0.5]);
  assert.deepEqual(value(l2(0.5)), [0.5 * (0.25 + 4 + 2.25 + 0.0625), 0.5, -2, 1.5, -0.25]);
  assert.deepEqual(value(l1l2(0.25, 0.5)), [0.25 * 4.25 + 3.28125, 0.75, -2.25, 1.75, -0.5]);
});

test('activation takes names and functions, and no other name', () => {
  assert.deepEqual(run(activation('relu'), numbers([3], -1, 0, 2)), [0, 0, 2]);
  assert.deepEqual(
    run(
      activation((x) => mul(x, 3)),
      numbers([2], -1, 2),
    ),
    [-3, 6],
  );
  // @ts-expect-error: JavaScript may pass any text
  assert.throws(() => apply(activation('relu7'), [2]), {
    reason: 'INVALID_ARGUMENT',
    message: /^activation: expected one of linear, .* or a function, got relu7$/,
  });
});

test('tabularNetwork builds with either kind of column alone, and without hidden layers', () => {
  const head = { kind: 'multiclass', classes: 3 } as const;
  const shapes = { numeric: input('numeric', 'float32', [2, 4]), categories: input('categories', 'int64', [2, 1]) };
  const build = (names: readonly ('numeric' | 'categories')[], hidden: readonly number[], wide: boolean) => {
    const { scope, record } = createScope(true);
    const network = tabularNetwork({
      ...{ head, hidden, wide, dropout: 0.1 },
      numericWidth: names.includes('numeric') ? 4 : 0,
      categories: names.includes('categories') ? [{ codes: 6, width: 2 }] : [],
    });
    assert.deepEqual(network.inputNames, names);
    const y = network.build(new Map(names.map((name) => [name, shapes[name]])), scope);
    assert.deepEqual(y.shape, [2, 3]);
    return record().parameters.map(({ name }) => name);
  };
  assert.deepEqual(build(['numeric'], [], true), ['deep.1.dense/kernel', 'deep.1.dense/bias']);
  assert.deepEqual(build(['categories'], [5], false), [
    'category.0/table',
    'deep.0.sequential.0.dense/kernel',
    'deep.0.sequential.0.dense/bias',
    'deep.1.dense/kernel',
    'deep.1.dense/bias',
  ]);
  assert.deepEqual(build(['numeric', 'categories'], [5], true), [
    'category.0/table',
    'deep.0.dense/kernel',
    'deep.0.dense/bias',
    'head/kernel',
    'head/bias',
    'wide/kernel',
  ]);
});

test('layers refuse what they cannot be built on, by name', () => {
  const refused: readonly (readonly [() => unknown, string, string?])[] = [
    [() => dense(0), 'dense: units must be a whole number of at least 1, got 0', 'INVALID_ARGUMENT'],
    [() => conv2d(2.5, 3), 'conv2d: filters must be a whole number of at least 1, got 2.5', 'INVALID_ARGUMENT'],
    [
      () => embedding(0, 3),
      'embedding: vocabularySize must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
    [() => apply(dense(3), [2, 'M']), 'dense: expected a last axis of known size, got [2,M]'],
    [
      () => apply(dense(3), [32]),
      'dense: expected rows that are arrays, [batch, ..., in], got [32]; a row of one number is [v], not v',
    ],
    [() => apply(embedding(5, 3), [2, 4]), 'embedding: expected ids of int32 or int64, got float32'],
    [() => l1(-0.5), 'l1: the strength must be a finite number of at least 0, got -0.5', 'INVALID_ARGUMENT'],
    [() => l2(-0.01), 'l2: the strength must be a finite number of at least 0, got -0.01', 'INVALID_ARGUMENT'],
    [
      () => l1l2(0.1, Number.NaN),
      'l2: the strength must be a finite number of at least 0, got NaN',
      'INVALID_ARGUMENT',
    ],
    [() => apply(conv2d(3, 3), [2, 3, 8]), 'conv2d: expected [batch, channels, height, width], got [2,3,8]'],
    [() => apply(conv1d(3, 3), [2, 3, 8, 8]), 'conv1d: expected [batch, channels, length], got [2,3,8,8]'],
    [() => apply(batchNorm(), [2, 'C']), 'batchNorm: expected [batch, channels, ...], got [2,C]'],
    [
      () => apply(residual([dense(4)]), [2, 3]),
      'residual: the layers turn [2,3] into [2,4]; give a shortcut that does the same',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 3 }), [2, 5, 4]),
      'attention: a width of 4 cannot be divided into 3 heads',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 2 }), [2, 'T', 4]),
      'attention: expected [batch, time, width], time and width of known sizes, got [2,T,4]',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 0 }), [2, 5, 4]),
      'attention: heads must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
    [
      () => gpt({ vocabularySize: 5, blockSize: 0, layers: 1, heads: 1, width: 2 }),
      'gpt: blockSize must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
    [
      () => apply(gpt({ vocabularySize: 5, blockSize: 3, layers: 1, heads: 1, width: 2 }), [2, 4], IDS),
      'gpt: expected ids [batch, time ≤ 3] of a known time, got [2,4]',
    ],
    [
      () => functional(['a'], (inputs) => inputs.get('b')).build(new Map(), createScope(false).scope),
      'functional: there is no input b, only a',
    ],
  ];
  for (const [attempt, message, reason = 'INVALID_GRAPH'] of refused) assert.throws(attempt, { reason, message });
});

test('a layer of one’s own adds penalties and random numbers where it stands', () => {
  const own = layer('own', (x, scope) => {
    scope.penalize(reduceSum(mul(x, constantOf('float32', [3], [1, 2, 3]))));
    return mul(x, scope.uniform(x.shape));
  });
  const { penalties, randomInputs } = apply(sequential([own, own]), [2, 3], { training: true });
  assert.equal(penalties.length, 2);
  assert.deepEqual(
    randomInputs.map(({ name, value }) => [name, value.shape]),
    [
      ['random.0', [2, 3]],
      ['random.1', [2, 3]],
    ],
  );
});
