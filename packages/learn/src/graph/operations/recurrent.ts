// ONNX's recurrent operators, one direction each: what trained models run on. They give no cell states or gates of the
// steps, so that they are differentiated as the loop that computes the same (recurrent-loop.ts); training uses that at once.
import { AmaasError, formatShape } from '@amaas/core';
import { pullBack } from '../gradients.ts';
import { type Shape, sameShape } from '../shape.ts';
import { applyOperation, defineOperation, type NodeOf, type Operation, type Value, type ValueType } from '../value.ts';
import { add, relu, sigmoid, tanh } from './arithmetic.ts';
import { greater, where } from './comparison.ts';
import { filled } from './constants.ts';
import { matMul } from './matrix.ts';
import { gruCell, lstmCell, maskOfLengths, type RecurrentCell, recurrentLoop, rnnCell } from './recurrent-loop.ts';
import { concat, slice, split, squeeze, transpose, unsqueeze } from './shaping.ts';

/** Activations of a plain recurrent layer that ONNX's operator has. */
export const RNN_ACTIVATIONS = { tanh, relu, sigmoid } as const;
export type RnnActivation = keyof typeof RNN_ACTIVATIONS;

/** All of one dtype; see recurrent-loop.ts for the order of gates. */
export interface RecurrentWeights {
  /** [features, gates · units] */
  readonly kernel: Value;
  /** [units, gates · units] */
  readonly recurrent: Value;
  /** [gates · units]: added to the products with the input. */
  readonly bias: Value;
}

export interface RecurrentOperatorOptions {
  /** [batch] int32: steps of each sequence; what follows changes nothing, and its output is zero. Default: all. */
  readonly lengths?: Value | undefined;
  /** Each [batch, units]; default zeros. */
  readonly initial?: readonly Value[] | undefined;
  /** From each sequence's last step to the first; outputs stay beside the inputs they come from. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface RecurrentOperatorResult {
  /** [time, batch, units] */
  readonly sequence: Value;
  /** After each sequence's last step: [batch, units], of an LSTM hidden and cell. */
  readonly states: readonly Value[];
}

interface RecurrentAttributes {
  readonly [name: string]: number | string | readonly string[] | undefined;
  readonly hidden_size: number;
  readonly direction: string;
}

const DIRECTION = { hidden_size: { kind: 'int' }, direction: { kind: 'string' } } as const;

interface RnnAttributes extends RecurrentAttributes {
  readonly activations: readonly string[];
}

const RNN = operator<RnnAttributes>({
  name: 'RNN',
  gates: 1,
  states: 1,
  attributes: { ...DIRECTION, activations: { kind: 'strings' } },
  cell: (recurrent, _, { activations }) => rnnCell(recurrent, activationOf(activations[0])),
});

interface GruAttributes extends RecurrentAttributes {
  readonly linear_before_reset: number;
}

const GRU = operator<GruAttributes>({
  name: 'GRU',
  gates: 3,
  states: 1,
  attributes: { ...DIRECTION, linear_before_reset: { kind: 'int' } },
  cell: (recurrent, candidateBias, { linear_before_reset }) =>
    gruCell(recurrent, linear_before_reset === 1 ? { candidateBias } : { resetAfter: false }),
});

const LSTM = operator<RecurrentAttributes>({
  name: 'LSTM',
  gates: 4,
  states: 2,
  attributes: DIRECTION,
  cell: (recurrent) => lstmCell(recurrent),
});

/** activation(x · kernel + h · recurrent + bias). @param x - [time, batch, features] */
export function rnn(
  x: Value,
  weights: RecurrentWeights,
  { activation = 'tanh', ...options }: RecurrentOperatorOptions & { readonly activation?: RnnActivation } = {},
): RecurrentOperatorResult {
  const name = activation.charAt(0).toUpperCase() + activation.slice(1);
  return apply(RNN, { x, weights, options }, { ...directed(weights, options), activations: [name] });
}

export interface GruOptions extends RecurrentOperatorOptions {
  /** See {@link gruCell}; default true. */
  readonly resetAfter?: boolean;
  /** [units]; only with `resetAfter`. */
  readonly candidateBias?: Value | undefined;
}

/** Gated recurrent units. @param x - [time, batch, features] */
export function gru(
  x: Value,
  weights: RecurrentWeights,
  { resetAfter = true, candidateBias, ...options }: GruOptions = {},
): RecurrentOperatorResult {
  const attributes = { ...directed(weights, options), linear_before_reset: resetAfter ? 1 : 0 };
  return apply(GRU, { x, weights, options, candidateBias }, attributes);
}

/** Long short-term memory. @param x - [time, batch, features] */
export function lstm(
  x: Value,
  weights: RecurrentWeights,
  options: RecurrentOperatorOptions = {},
): RecurrentOperatorResult {
  return apply(LSTM, { x, weights, options }, directed(weights, options));
}

interface OperatorInputs {
  readonly x: Value;
  readonly weights: RecurrentWeights;
  readonly options: RecurrentOperatorOptions;
  readonly candidateBias?: Value | undefined;
}

function directed({ recurrent }: RecurrentWeights, { reverse = false }: RecurrentOperatorOptions): RecurrentAttributes {
  return { hidden_size: Number(recurrent.shape[0]), direction: reverse ? 'reverse' : 'forward' };
}

/** With the weights as ONNX has them: [1, gates · units, …], the biases of both products after each other. */
function apply<A extends RecurrentAttributes>(
  operation: Operation<A>,
  { x, weights: { kernel, recurrent, bias }, options: { lengths, initial = [] }, candidateBias }: OperatorInputs,
  attributes: A,
): RecurrentOperatorResult {
  const [columns = 0] = bias.shape;
  const none = zeros(bias.dtype, Number(columns) - Number(candidateBias?.shape[0] ?? 0));
  const operands = [
    x,
    unsqueeze(transpose(kernel), 0),
    unsqueeze(transpose(recurrent), 0),
    unsqueeze(concat(candidateBias === undefined ? [bias, none] : [bias, none, candidateBias], 0), 0),
    ...(lengths === undefined ? [] : [lengths]),
    ...initial.map((state) => unsqueeze(state, 0)),
  ];
  const [sequence, ...states] = applyOperation(operation, operands, attributes);
  if (sequence === undefined) throw new AmaasError('INTERNAL', `${operation.name}: no sequence`);
  const finals = states.map((state) => squeeze(state, 0));
  if (lengths === undefined || initial.length === 0) return { sequence: squeeze(sequence, 1), states: finals };
  // Of a sequence of length 0, ONNX Runtime gives zeros instead of the state it was given.
  const isSome = unsqueeze(greater(lengths, 0), 1);
  return {
    sequence: squeeze(sequence, 1),
    states: finals.map((state, index) => where(isSome, state, initial[index] ?? state)),
  };
}

interface OperatorDefinition<A extends RecurrentAttributes> {
  readonly name: string;
  readonly gates: number;
  readonly states: number;
  readonly attributes: Operation<A>['attributes'];
  cell(recurrent: Value, candidateBias: Value | undefined, attributes: A): RecurrentCell;
}

/** Places of lengths and initial states among ONNX's inputs. */
const LENGTHS_PLACE = 4;

function operator<A extends RecurrentAttributes>(definition: OperatorDefinition<A>): Operation<A> {
  const { name, attributes } = definition;
  return defineOperation<A>({
    name,
    attributes,
    places: (inputs) =>
      [...inputs.keys()].map((index) => (index < LENGTHS_PLACE || hasLengths(inputs) ? index : index + 1)),
    infer: (inputs, given) => inferTypes(definition, inputs, given),
    gradient: (node, outputGradients) => gradient(definition, node, outputGradients),
  });
}

function hasLengths(inputs: readonly Value[]): boolean {
  return inputs[LENGTHS_PLACE]?.dtype === 'int32';
}

function inferTypes<A extends RecurrentAttributes>(
  { name, gates, states }: OperatorDefinition<A>,
  inputs: readonly Value[],
  { hidden_size: units }: A,
): readonly ValueType[] {
  const [x] = inputs;
  const [time, batch, features] = x?.shape ?? [];
  if (x === undefined || time === undefined || batch === undefined || features === undefined || x.shape.length !== 3) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${name}: expected x [time, batch, features], got ${formatShape(x?.shape ?? [])}`,
    );
  }
  const rows = gates * units;
  const expected: ValueType[] = [
    x,
    { dtype: x.dtype, shape: [1, rows, features] },
    { dtype: x.dtype, shape: [1, rows, units] },
    { dtype: x.dtype, shape: [1, 2 * rows] },
    ...(hasLengths(inputs) ? [{ dtype: 'int32', shape: [batch] } as const] : []),
  ];
  const state = { dtype: x.dtype, shape: [1, batch, units] };
  if (inputs.length > expected.length) expected.push(...Array<ValueType>(states).fill(state));
  for (const index of Array(Math.max(expected.length, inputs.length)).keys()) {
    const [wanted, given] = [expected[index], inputs[index]];
    if (wanted === undefined || given?.dtype !== wanted.dtype || !sameShape(given.shape, wanted.shape)) {
      throw new AmaasError('INVALID_GRAPH', `${name}: input ${index} is ${show(given)}, expected ${show(wanted)}`);
    }
  }
  return [{ dtype: x.dtype, shape: [time, 1, batch, units] }, ...Array<ValueType>(states).fill(state)];
}

function gradient<A extends RecurrentAttributes>(
  { gates, cell }: OperatorDefinition<A>,
  { inputs, attributes }: NodeOf<A>,
  outputGradients: readonly (Value | null)[],
): readonly (Value | null)[] {
  const [x, w, r, b, ...rest] = inputs;
  if (!x || !w || !r || !b) return inputs.map(() => null);
  const { hidden_size: units, direction } = attributes;
  const lengths = hasLengths(inputs) ? rest[0] : undefined;
  const states = rest.slice(lengths === undefined ? 0 : 1);
  const [inputBias = b, stateBias = b] = split(squeeze(b, 0), 0, [gates * units, gates * units]);
  const candidateBias = slice(stateBias, 0, (gates - 1) * units, gates * units);
  const made = cell(transpose(squeeze(r, 0)), candidateBias, attributes);
  // What the cell does not add itself belongs to the input's side.
  const isInside = attributes['linear_before_reset'] === 1;
  const outside = isInside
    ? concat([slice(stateBias, 0, 0, (gates - 1) * units), zeros(b.dtype, units)], 0)
    : stateBias;
  const projected = add(matMul(x, transpose(squeeze(w, 0))), add(inputBias, outside));
  const loop = recurrentLoop(projected, made, {
    reverse: direction === 'reverse',
    ...(lengths === undefined ? {} : { mask: maskOfLengths(lengths, knownTime(x.shape)) }),
    ...(states.length === 0 ? {} : { initial: states.map((state) => squeeze(state, 0)) }),
  });
  const again = [unsqueeze(loop.sequence, 1), ...loop.states.map((state) => unsqueeze(state, 0))];
  return pullBack(again, outputGradients, inputs);
}

function knownTime(shape: Shape): number {
  const [time] = shape;
  if (typeof time === 'number') return time;
  throw new AmaasError('INVALID_GRAPH', `gradients: a recurrent operator with lengths needs a known time, got ${time}`);
}

function zeros(dtype: Value['dtype'], size: number): Value {
  return filled(dtype, [size], 0);
}

function activationOf(name: string | undefined): (x: Value) => Value {
  const known = Object.entries(RNN_ACTIVATIONS).find(([key]) => key === name?.toLowerCase());
  if (known === undefined) throw new AmaasError('INVALID_GRAPH', `RNN: unknown activation ${name}`);
  return known[1];
}

function show(type: ValueType | undefined): string {
  return type === undefined ? 'missing' : `${type.dtype} ${formatShape(type.shape)}`;
}
