// Attention of new tokens to remembered ones against attention over whole sequences, in float64, where decoders do not reach:
// ALiBi, queries that share keys, tokens that are absent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { input, type Value } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { madeNumbers } from '../train/testing/made-numbers.ts';
import { attendSteps, placeTokens } from './attention-steps.ts';
import { type AttentionOptions, createScope, multiHeadSelfAttention } from './index.ts';
import { ids, weightsOf } from './testing/stepwise-runs.ts';

const WIDTH = 24;
const TIME = 5;
/** Absent at the front. */
const PRESENT = [
  [1, 1, 1, 1, 1],
  [-1, -1, 1, 1, 1],
];

const CASES: Readonly<Record<string, AttentionOptions>> = {
  'six slopes': { heads: 6, alibi: true },
  'six slopes, shared keys': { heads: 6, keyValueHeads: 3, alibi: true },
  'one key for all, no slopes': { heads: 4, keyValueHeads: 1, useBias: false },
};

function numbers(shape: readonly number[], seed: number): NumericArray {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'float32', shape, data: Float64Array.from(madeNumbers(seed, count)) };
}

function columns({ data }: NumericArray, from: number, to: number): NumericArray {
  const rows = [0, 1].flatMap((row) => [...data.subarray((row * TIME + from) * WIDTH, (row * TIME + to) * WIDTH)]);
  return { dtype: 'float32', shape: [2, to - from, WIDTH], data: Float64Array.from(rows) };
}

for (const [name, options] of Object.entries(CASES)) {
  test(`attendSteps gives what attention over whole sequences gives: ${name}`, () => {
    const x = numbers([2, TIME, WIDTH], 3);
    const whole = createScope(false);
    const tokens = input('x', 'float32', [2, TIME, WIDTH]);
    const mask = input('mask', 'float32', [2, TIME]);
    const y = multiHeadSelfAttention({ ...options, causal: true }).run(tokens, whole.scope, { mask });
    const [expected] = evaluate(
      [y],
      new Map<Value, NumericArray>([
        ...weightsOf(whole.record().parameters),
        [tokens, x],
        [
          mask,
          { dtype: 'float32', shape: [2, TIME], data: Float64Array.from(PRESENT.flat(), (each) => (each > 0 ? 1 : 0)) },
        ],
      ]),
    ).map(numbersOf);

    const shared = options.keyValueHeads ?? options.heads;
    const depth = WIDTH / options.heads;
    const empty = (shape: readonly number[]): NumericArray => ({ dtype: 'float32', shape, data: new Float64Array() });
    let states = [empty([2, 0]), empty([2, shared, 0, depth]), empty([2, shared, 0, depth])];
    const isGrouped = shared !== options.heads;
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 5],
    ] as const) {
      const { scope, record } = createScope(false);
      const isOne = to - from === 1;
      const fresh = input('ids', 'int64', ['N', isOne ? 1 : 'T']);
      const rows = input('rows', 'float32', isOne ? ['N', WIDTH] : ['N', 'T', WIDTH]);
      const past = input('past', 'float32', ['N', 'P']);
      const [key, value] = ['key', 'value'].map((each) => input(each, 'float32', ['N', shared, 'P', depth]));
      assert(key && value);
      const place = placeTokens(fresh, past, isGrouped);
      const { y: attended, remembered } = attendSteps(rows, {
        ...options,
        ...{ scope, hidden: place.hidden, distances: place.distances(), past: { key, value } },
      });
      const part = columns(x, from, to);
      const [found, ...next] = evaluate(
        [attended, place.present, remembered.key, remembered.value],
        new Map<Value, NumericArray>([
          ...weightsOf(record().parameters),
          [fresh, ids(PRESENT.map((row) => row.slice(from, to)))],
          [rows, isOne ? { ...part, shape: [2, WIDTH] } : part],
          ...[past, key, value].map((each, index) => [each, states[index] ?? assert.fail()] as const),
        ]),
      ).map(numbersOf);
      states = next;
      for (const row of [0, 1]) {
        for (let at = from; at < to; at++) {
          if ((PRESENT[row]?.[at] ?? 0) < 0) continue;
          for (let column = 0; column < WIDTH; column++) {
            const one = found?.data[(row * (to - from) + at - from) * WIDTH + column] ?? Number.NaN;
            const other = expected?.data[(row * TIME + at) * WIDTH + column] ?? 0;
            assert(Math.abs(one - other) < 1e-9, `row ${row}, token ${at}, ${column}: ${one} is not ${other}`);
          }
        }
      }
    }
  });
}
