// ONNX's recurrent operators as graph operations, one per direction.
import {
  add,
  cast,
  concat,
  filled,
  gru,
  lstm,
  type RecurrentOperatorOptions,
  type RecurrentOperatorResult,
  type RecurrentWeights,
  RNN_ACTIVATIONS,
  type RnnActivation,
  rnn,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import type { Converters, NodeContext } from './from-onnx-node.ts';
import { MAX_LISTED } from './from-onnx-shaping.ts';

export const RECURRENT: Converters = {
  RNN: (context) =>
    recur(context, 1, ({ x, weights, options, candidateBias, direction }) =>
      rnn(x, withBias(weights, candidateBias), { ...options, activation: activationOf(context, direction) }),
    ),
  GRU(context) {
    expectActivations(context, ['Sigmoid', 'Tanh']);
    const resetAfter = context.int('linear_before_reset', 0) === 1;
    return recur(context, 3, ({ x, weights, options, candidateBias }) =>
      resetAfter
        ? gru(x, weights, { ...options, candidateBias })
        : gru(x, withBias(weights, candidateBias), { ...options, resetAfter }),
    );
  },
  LSTM(context) {
    if (context.optional(7) !== undefined) throw context.unsupported('has peepholes');
    if (context.int('input_forget', 0) !== 0) throw context.unsupported('couples its input and forget gates');
    expectActivations(context, ['Sigmoid', 'Tanh', 'Tanh']);
    return recur(context, 4, ({ x, weights, options, candidateBias }) =>
      lstm(x, withBias(weights, candidateBias), options),
    );
  },
};

interface DirectionInputs {
  /** [time, batch, features] */
  readonly x: Value;
  /** The bias but for what the state's product adds to the last gate, which is apart. */
  readonly weights: RecurrentWeights;
  readonly candidateBias: Value;
  readonly options: RecurrentOperatorOptions;
  /** 0: the first. */
  readonly direction: number;
}

function recur(
  context: NodeContext,
  gates: number,
  run: (inputs: DirectionInputs) => RecurrentOperatorResult,
): readonly Value[] {
  if (context.attribute('clip') !== undefined) throw context.unsupported('clips what goes into its gates');
  const batchFirst = context.int('layout', 0) === 1;
  const given = context.value(0);
  const x = batchFirst ? transpose(given, [1, 0, 2]) : given;
  const name = context.text('direction', 'forward');
  const directions = { forward: [false], reverse: [true], bidirectional: [false, true] }[name];
  if (directions === undefined) throw context.invalid(`has a direction ${name}`);
  const [w, r, b, lengths] = [context.value(1), context.value(2), context.optional(3), context.optional(4)];
  const initial = [5, 6].flatMap((index) => {
    const states = context.optional(index);
    return states === undefined ? [] : [batchFirst ? transpose(states, [1, 0, 2]) : states];
  });
  const units = r.shape[2];
  const isFit = w.shape[0] === directions.length && typeof units === 'number' && w.shape[1] === gates * units;
  if (!isFit || gates * units > MAX_LISTED) {
    throw context.invalid(`has weights [${w.shape}] and [${r.shape}] for ${directions.length} direction(s)`);
  }
  const results = directions.map((reverse, direction) => {
    const own = (value: Value): Value => squeeze(slice(value, 0, direction, direction + 1), 0);
    const biases = b === undefined ? filled(x.dtype, [2 * gates * units], 0) : own(b);
    const [inputBias = biases, stateBias = biases] = split(biases, 0, [gates * units, gates * units]);

    const first = (gates - 1) * units;
    const bias =
      first === 0 ? inputBias : add(inputBias, concat([slice(stateBias, 0, 0, first), filled(x.dtype, [units], 0)], 0));
    return run({
      x,
      weights: { kernel: transpose(own(w)), recurrent: transpose(own(r)), bias },
      candidateBias: slice(stateBias, 0, first, gates * units),
      options: {
        reverse,
        ...(lengths === undefined ? {} : { lengths: cast(lengths, 'int32') }),
        ...(initial.length === 0 ? {} : { initial: initial.map(own) }),
      },
      direction,
    });
  });
  const join = (values: readonly Value[], axis: number): Value =>
    concat(
      values.map((each) => unsqueeze(each, axis)),
      axis,
    );
  const sequence = join(
    results.map((result) => result.sequence),
    1,
  );
  const states = (results[0]?.states ?? []).map((_, index) =>
    join(
      results.flatMap((each) => each.states[index] ?? []),
      0,
    ),
  );
  if (!batchFirst) return [sequence, ...states];
  return [transpose(sequence, [2, 0, 1, 3]), ...states.map((state) => transpose(state, [1, 0, 2]))];
}

function withBias({ bias, ...weights }: RecurrentWeights, last: Value): RecurrentWeights {
  const before = Number(bias.shape[0]) - Number(last.shape[0]);
  const padded = before === 0 ? last : concat([filled(bias.dtype, [before], 0), last], 0);
  return { ...weights, bias: add(bias, padded) };
}

function activationOf(context: NodeContext, direction: number): RnnActivation {
  const name = (context.texts('activations')?.[direction] ?? 'Tanh').toLowerCase();
  const known = Object.keys(RNN_ACTIVATIONS) as RnnActivation[]; // the keys of a const object are exactly these
  const found = known.find((each) => each === name);
  if (found === undefined) throw context.unsupported(`has the activation ${name}`);
  return found;
}

function expectActivations(context: NodeContext, expected: readonly string[]): void {
  const given = context.texts('activations') ?? [];
  const odd = given.find((name, index) => name.toLowerCase() !== expected[index % expected.length]?.toLowerCase());
  if (odd !== undefined) throw context.unsupported(`has the activation ${odd} where ONNX's default is another`);
}
