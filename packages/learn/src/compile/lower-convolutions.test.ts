import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  add,
  batchNormalizationTraining,
  concat,
  conv,
  globalAveragePool,
  gradients,
  input,
  maxPool,
  mul,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  type Value,
  constantOf,
  sortNodes,
  sub,
  tanh,
} from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import { lowerConvolutions, simplify } from './index.ts';

interface Network {
  readonly name: string;
  readonly image: readonly number[];
  readonly weights: readonly (readonly number[])[];
  readonly build: (x: Value, weights: readonly Value[]) => Value;
  /** Largest error relative to the largest number; default 1e-9. */
  readonly tolerance?: number;
}

/** Thirds are float32 constants in Winograd's transforms. */
const WINOGRAD = 2e-6;

const NETWORKS: readonly Network[] = [
  {
    name: 'a convolution, relu and pooling twice, then dense',
    image: [3, 2, 10, 10],
    weights: [[4, 2, 3, 3], [4], [3, 4, 3, 3], [3], [3 * 2 * 2, 2]],
    build: (x, [w1 = x, b1 = x, w2 = x, b2 = x]) => {
      const first = maxPool(relu(conv(x, w1, { bias: b1, padding: 'same' })), [2, 2]);
      return reshape(maxPool(relu(conv(first, w2, { bias: b2, padding: [0, 1, 1, 0] })), [2, 2]), [3, -1]);
    },
  },
  {
    name: 'a lone convolution with strides and dilations',
    image: [2, 2, 12, 11],
    weights: [[3, 2, 5, 5]],
    build: (x, [w = x]) => relu(conv(x, w, { strides: [2, 1], dilations: [1, 2], padding: 3 })),
  },
  {
    name: 'pooling without relu between',
    image: [2, 1, 8, 6],
    weights: [[2, 1, 3, 3]],
    build: (x, [w = x]) => maxPool(conv(x, w, { padding: 1 }), [2, 1]),
  },
  {
    name: 'pooling among equals',
    image: [2, 1, 6, 6],
    weights: [[2, 1, 3, 3]],
    build: (x, [w = x]) => maxPool(conv(add(mul(x, 0), 1), w), [2, 2]),
  },
  {
    name: 'pooling with strides and dilations',
    image: [2, 3, 13, 14],
    weights: [[2, 3, 3, 2], [2]],
    build: (x, [w = x, b = x]) =>
      maxPool(relu(conv(x, w, { bias: b, strides: [2, 1], dilations: [1, 3], padding: [1, 1, 0, 0] })), [2, 2]),
  },
  {
    name: 'many channels, relu and pooling',
    image: [2, 32, 6, 10],
    weights: [[33, 32, 3, 3], [33]],
    build: (x, [w = x, b = x]) => maxPool(relu(conv(x, w, { bias: b, padding: 'same' })), [2, 2]),
    tolerance: WINOGRAD,
  },
  {
    name: 'a residual block of many channels with batch normalisation, sides that tiles do not cover evenly',
    image: [2, 32, 7, 5],
    weights: [[34, 32, 3, 3], [34], [34], [32, 34, 3, 3], [32, 1, 1]],
    build: (x, [w1 = x, scale = x, bias = x, w2 = x, offset = x]) => {
      const from = add(x, offset);
      const { y } = batchNormalizationTraining(conv(from, w1, { padding: [1, 0, 1, 2] }), { scale, bias });
      return globalAveragePool(relu(add(from, conv(tanh(y), w2, { padding: [1, 2, 1, 0] }))));
    },
    tolerance: 2e-5, // small variances make gradients large
  },
  {
    name: 'layers that want different layouts',
    image: [2, 32, 6, 6],
    weights: [[32, 32, 5, 5], [32, 32, 3, 3], [32], [2, 32 * 6 * 6]],
    build: (x, [w1 = x, w2 = x, b2 = x, mask = x]) => {
      const first = conv(x, w1, { padding: 'same' });
      const second = mul(conv(first, w2, { bias: b2, padding: 'same' }), reshape(mask, [2, 32, 6, 6]));
      return concat([reshape(sub(first, second), [2, -1]), reduceMean(second, { axes: [3, 1] })], 1);
    },
    tolerance: WINOGRAD,
  },
];

for (const { name, image, weights, build, tolerance = 1e-9 } of NETWORKS) {
  test(`lowerConvolutions keeps values and gradients of ${name}`, () => {
    const random = createRandom(name);
    const shapes = [image, ...weights];
    const [x, ...ws] = shapes.map((shape, index) => input(`x${index}`, 'float32', shape));
    const result = build(x ?? assert.fail(), ws);
    const size = result.shape.map(Number).reduce((a, b) => a * b);
    const projection = constantOf(
      'float32',
      result.shape.map(Number),
      Array.from({ length: size }, () => random.normal()),
    );
    const loss = reduceSum(mul(result, projection));
    const [lowered = loss] = lowerConvolutions([loss]);
    const feeds = new Map(
      [x, ...ws].map((value, index) => {
        const shape = shapes[index] ?? [];
        const data = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
        return [value ?? assert.fail(), { dtype: 'float32', shape, data } satisfies NumericArray];
      }),
    );
    const sources = [...feeds.keys()];
    const expected = evaluate([loss, ...gradients(loss, sources)], feeds).map(numbersOf);
    const names = ['loss', ...sources.keys()].map(String);
    const values = [lowered, ...gradients(lowered, sources)];
    assert(!sortNodes(values).some(({ operation }) => operation.name === 'MaxPool' || operation.name === 'Conv'));
    const simple = simplify(new Map(names.map((each, index) => [each, values[index] ?? loss])));
    const actual = evaluate([...simple.values()], feeds).map(numbersOf);
    for (const [index, { shape, data }] of expected.entries()) {
      assert.deepEqual(actual[index]?.shape, shape);
      const largest = Math.max(1, ...Array.from(data, Math.abs));
      for (const [k, value] of data.entries()) {
        const difference = Math.abs((actual[index]?.data[k] ?? Number.NaN) - value);
        assert(difference < tolerance * largest, `${names[index]}[${k}] differs by ${difference} of ${largest}`);
      }
    }
  });
}
