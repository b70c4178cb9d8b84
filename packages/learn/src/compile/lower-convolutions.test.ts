import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conv,
  gradients,
  input,
  maxPool,
  mul,
  reduceSum,
  relu,
  reshape,
  type Value,
  constantOf,
  sortNodes,
} from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import { lowerConvolutions, simplify } from './index.ts';

interface Network {
  readonly name: string;
  readonly image: readonly number[];
  readonly weights: readonly (readonly number[])[];
  readonly build: (x: Value, weights: readonly Value[]) => Value;
}

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
];

for (const { name, image, weights, build } of NETWORKS) {
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
      for (const [k, value] of data.entries()) {
        assert(
          Math.abs((actual[index]?.data[k] ?? Number.NaN) - value) < 1e-9 * Math.max(1, Math.abs(value)),
          `${names[index]}[${k}]`,
        );
      }
    }
  });
}
