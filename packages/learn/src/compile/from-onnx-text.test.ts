// Operators on text and of classical machine learning: what graphs write is read back, what others write is computed as
// ONNX Runtime does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DType } from '@amaas/core';
import { input, type Shape, type Value } from '../graph/index.ts';
import * as op from '../graph/index.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type OnnxAttribute,
  readModel,
  stringAttribute,
  stringsAttribute,
  tensorValueInfo,
  writeModel,
} from '../onnx/index.ts';
import { arrayFromTensor, evaluate, type ReferenceArray, tensorFromArray } from '../reference/index.ts';
import { assertClose, ortExecutor } from '../reference/testing/check-operation.ts';
import { fromOnnx } from './from-onnx.ts';
import { compileToOnnx } from './to-onnx.ts';

const words: ReferenceArray = { dtype: 'string', shape: [4], texts: ['blue sky', '', 'Blue-green', 'sky 12 sky'] };

const ROUND_TRIPS: Readonly<Record<string, (x: Value) => Value>> = {
  'labelEncoder from text to numbers': (x) => op.labelEncoder(x, new Map([['', 4]]), { to: 'float32', fallback: -1.5 }),
  'labelEncoder there and back': (x) => {
    const codes = op.labelEncoder(x, new Map([['blue sky', 1]]), { to: 'int64', fallback: 7 });
    return op.labelEncoder(codes, new Map([[7, 'other']]), { to: 'string', fallback: 'first' });
  },
  splitCharacters: (x) => op.splitCharacters(x),
  'splitWords counted': (x) => op.ngramCounts(op.splitWords(x), [['sky', '12'], ['sky'], ['blue', 'sky'], ['blue']]),
  replaceCharacters: (x) =>
    op.replaceCharacters(
      x,
      new Map([
        ['b', 'B'],
        [' ', '_'],
      ]),
    ),
  hashStrings: (x) => op.hashStrings(x, 13, 5),
  matchesPattern: (x) => op.matchesPattern(x, '[a-z ]+'),
};

for (const [name, build] of Object.entries(ROUND_TRIPS)) {
  test(`fromOnnx reads back: ${name}`, () => {
    const x = input('x', 'string', ['N']);
    const y = build(x);
    const { inputs, outputs } = fromOnnx(readModel(compileToOnnx(new Map([['y', y]]), { inputs: [x] })));
    const [expected] = evaluate([y], new Map([[x, words]]));
    const [found] = evaluate([outputs.get('y') ?? assert.fail()], new Map([[inputs[0] ?? assert.fail(), words]]));
    assertClose(found ?? assert.fail(), expected ?? assert.fail(), 1e-6);
  });
}

interface Foreign {
  readonly attributes: readonly OnnxAttribute[];
  readonly x: ReferenceArray;
  readonly to?: DType;
  readonly shape: Shape;
  readonly domain?: string;
}

const rows: ReferenceArray = {
  dtype: 'float32',
  shape: [3, 2],
  data: Float64Array.of(1.5, -2, Number.NaN, 0.25, 3, Number.NaN),
};
const full: ReferenceArray = { ...rows, data: Float64Array.of(1.5, -2, 3.5, 0.25, 3, 0.75) };
const tokens: ReferenceArray = { dtype: 'string', shape: [2, 3], texts: ['a', 'b', 'a', 'b', 'c', ''] };
const pool = [
  stringsAttribute('pool_strings', ['a', 'c', 'a', 'b', 'b', 'a']),
  intsAttribute('ngram_counts', [0, 2]),
  intsAttribute('ngram_indexes', [3, 0, 1, 2]),
  intAttribute('min_gram_length', 1),
  intAttribute('max_gram_length', 2),
  intAttribute('max_skip_count', 0),
  floatsAttribute('weights', [0.5, 2, 3, 4]),
];

const FOREIGN: readonly (readonly [name: string, foreign: Foreign])[] = [
  [
    'Scaler',
    { attributes: [floatsAttribute('offset', [1, 2]), floatsAttribute('scale', [0.5, 3])], x: full, shape: [3, 2] },
  ],
  [
    'Imputer',
    {
      attributes: [floatsAttribute('imputed_value_floats', [7, 8]), floatAttribute('replaced_value_float', Number.NaN)],
      x: rows,
      shape: [3, 2],
    },
  ],
  ['Binarizer', { attributes: [floatAttribute('threshold', 0.5)], x: full, shape: [3, 2] }],
  ['Normalizer', { attributes: [stringAttribute('norm', 'L2')], x: full, shape: [3, 2] }],
  ['Normalizer', { attributes: [stringAttribute('norm', 'L1')], x: full, shape: [3, 2] }],
  [
    'LinearRegressor',
    {
      attributes: [
        intAttribute('targets', 3),
        floatsAttribute('coefficients', [1, 2, 3, 4, 5, 6]),
        floatsAttribute('intercepts', [0.1, 0.2, 0.3]),
      ],
      x: full,
      shape: [3, 3],
    },
  ],
  [
    'LabelEncoder',
    {
      attributes: [stringsAttribute('keys_strings', ['a', 'b']), intsAttribute('values_int64s', [10, 20])],
      x: tokens,
      to: 'int64',
      shape: [2, 3],
    },
  ],
  [
    'TfIdfVectorizer',
    { domain: '', attributes: [...pool, stringAttribute('mode', 'TFIDF')], x: tokens, shape: [2, 4] },
  ],
  ['TfIdfVectorizer', { domain: '', attributes: [...pool, stringAttribute('mode', 'IDF')], x: tokens, shape: [2, 4] }],
];

for (const [opType, { attributes, x, to = 'float32', shape, domain = 'ai.onnx.ml' }] of FOREIGN) {
  test(`fromOnnx reads ${opType} as ONNX Runtime does`, async () => {
    const bytes = writeModel({
      irVersion: 8,
      opsetImports: [{ version: 18 }, { domain: 'ai.onnx.ml', version: 3 }],
      graph: {
        nodes: [{ opType, inputs: ['x'], outputs: ['y'], attributes, domain }],
        initializers: [],
        inputs: [tensorValueInfo('x', x.dtype, x.shape)],
        outputs: [tensorValueInfo('y', to, shape)],
      },
    });
    const { inputs, outputs } = fromOnnx(readModel(bytes));
    const [found] = evaluate([outputs.get('y') ?? assert.fail()], new Map([[inputs[0] ?? assert.fail(), x]]));
    const compiled = await (await ortExecutor()).compile(bytes);
    const expected = await compiled.run(new Map([['x', tensorFromArray(x)]]));
    await compiled.dispose();
    assertClose(found ?? assert.fail(), arrayFromTensor(expected.get('y') ?? assert.fail()), 1e-6);
  });
}
