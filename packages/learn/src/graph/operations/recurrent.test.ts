// ONNX's operators against ONNX Runtime, the loop against the operators, and both against finite differences.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../reference/index.ts';
import { assertClose, checkOperation } from '../../reference/testing/check-operation.ts';
import { createRandom } from '../../statistics/index.ts';
import { input, type Value } from '../value.ts';
import {
  add,
  concat,
  constantOf,
  gru,
  gruCell,
  lstm,
  lstmCell,
  maskOfLengths,
  matMul,
  type RecurrentOperatorOptions,
  type RecurrentOperatorResult,
  recurrentLoop,
  relu,
  rnn,
  rnnCell,
  unsqueeze,
} from './index.ts';

const [TIME, BATCH, FEATURES, UNITS] = [5, 3, 2, 4];

interface Kind {
  readonly gates: number;
  readonly states: number;
  /** Sources: x, kernel, recurrent, bias, candidate bias. */
  operator(sources: readonly Value[], options: RecurrentOperatorOptions): RecurrentOperatorResult;
  loop(sources: readonly Value[], options: RecurrentOperatorOptions): RecurrentOperatorResult;
}

function kind(
  { gates, states }: { readonly gates: number; readonly states: number },
  operator: (
    x: Value,
    weights: Parameters<typeof lstm>[1],
    rest: RecurrentOperatorOptions & { candidateBias: Value },
  ) => RecurrentOperatorResult,
  cell: (recurrent: Value, candidateBias: Value) => ReturnType<typeof lstmCell>,
): Kind {
  const take = (sources: readonly Value[]): readonly [Value, Value, Value, Value, Value] => {
    const [x, kernel, recurrent, bias, candidateBias] = sources;
    assert(x && kernel && recurrent && bias && candidateBias);
    return [x, kernel, recurrent, bias, candidateBias];
  };
  return {
    gates,
    states,
    operator(sources, options) {
      const [x, kernel, recurrent, bias, candidateBias] = take(sources);
      return operator(x, { kernel, recurrent, bias }, { ...options, candidateBias });
    },
    loop(sources, { lengths, initial, reverse = false }) {
      const [x, kernel, recurrent, bias, candidateBias] = take(sources);
      return recurrentLoop(add(matMul(x, kernel), bias), cell(recurrent, candidateBias), {
        reverse,
        ...(lengths === undefined ? {} : { mask: maskOfLengths(lengths, TIME) }),
        ...(initial === undefined ? {} : { initial }),
      });
    },
  };
}

const KINDS: Readonly<Record<string, Kind>> = {
  rnn: kind(
    { gates: 1, states: 1 },
    (x, w, { candidateBias: _, ...rest }) => rnn(x, w, rest),
    (r) => rnnCell(r),
  ),
  'rnn with relu': kind(
    { gates: 1, states: 1 },
    (x, w, { candidateBias: _, ...rest }) => rnn(x, w, { ...rest, activation: 'relu' }),
    (r) => rnnCell(r, relu),
  ),
  lstm: kind(
    { gates: 4, states: 2 },
    (x, w, { candidateBias: _, ...rest }) => lstm(x, w, rest),
    (r) => lstmCell(r),
  ),
  gru: kind({ gates: 3, states: 1 }, gru, (r, candidateBias) => gruCell(r, { candidateBias })),
  'gru, reset before': kind(
    { gates: 3, states: 1 },
    (x, w, { candidateBias: _, ...rest }) => gru(x, w, { ...rest, resetAfter: false }),
    (r) => gruCell(r, { resetAfter: false }),
  ),
};

const LENGTHS = constantOf('int32', [BATCH], [3, 5, 1]);

const SETTINGS: readonly (readonly [
  string,
  { readonly lengths?: true; readonly initial?: true; readonly reverse?: true },
])[] = [
  ['', {}],
  [', reversed', { reverse: true }],
  [', lengths', { lengths: true }],
  [', lengths, reversed', { lengths: true, reverse: true }],
  [', initial states', { initial: true }],
  [', lengths, initial states, reversed', { lengths: true, initial: true, reverse: true }],
];

/** Sequence and states as one value, so that each is held against the oracle. */
function joined({ sequence, states }: RecurrentOperatorResult): Value {
  return concat([sequence, ...states.map((state) => unsqueeze(state, 0))], 0);
}

for (const [name, { gates, states, operator, loop }] of Object.entries(KINDS)) {
  for (const [setting, { lengths, initial, reverse = false }] of SETTINGS) {
    const shapes = [
      [TIME, BATCH, FEATURES],
      [FEATURES, gates * UNITS],
      [UNITS, gates * UNITS],
      [gates * UNITS],
      [UNITS],
      ...(initial ? Array<readonly number[]>(states).fill([BATCH, UNITS]) : []),
    ];
    const optionsOf = (sources: readonly Value[]): RecurrentOperatorOptions => ({
      reverse,
      ...(lengths ? { lengths: LENGTHS } : {}),
      ...(initial ? { initial: sources.slice(5) } : {}),
    });
    test(`${name}${setting}: the operator gives ONNX Runtime's values, its gradient is that of finite differences`, async () => {
      await checkOperation({
        shapes,
        build: (...sources) => joined(operator(sources, optionsOf(sources))),
      });
    });

    test(`${name}${setting}: the loop gives the operator's values, its gradient is that of finite differences`, async () => {
      await checkOperation({ shapes, build: (...sources) => joined(loop(sources, optionsOf(sources))) });
      checkSame(shapes, (...sources) => [
        joined(loop(sources, optionsOf(sources))),
        joined(operator(sources, optionsOf(sources))),
      ]);
    });
  }
}

/** By the reference, in float64: no more than rounding apart. */
function checkSame(
  shapes: readonly (readonly number[])[],
  build: (...sources: Value[]) => readonly [Value, Value],
): void {
  const random = createRandom('same');
  const sources = shapes.map((shape, index) => input(`x${index}`, 'float64', shape));
  const feeds = new Map(
    sources.map((source) => {
      const shape = source.shape.map(Number);
      const length = shape.reduce((product, size) => product * size, 1);
      return [source, { dtype: source.dtype, shape, data: Float64Array.from({ length }, () => random.normal()) }];
    }),
  );
  const [found, expected] = evaluate(build(...sources), feeds);
  assertClose(found ?? assert.fail(), expected ?? assert.fail(), 1e-13);
}
