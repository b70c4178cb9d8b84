// Recurrent cells as differentiable loops: what is trained. Gates lie in ONNX's order (LSTM: input, output, forget, cell;
// GRU: update, reset, candidate), so that the same weights serve ONNX's own operators (recurrent.ts). Unrolled, a step of
// training takes as long (LSTM 2 × 256 on 64 × 64 blocks: 249 ms of one core, the loop 247) and 3 s to load instead of 0.05.
// Sources: Elman 1990; Hochreiter & Schmidhuber 1997 with Gers et al. 2000; Cho et al. 2014.
import { AmaasError, formatShape } from '@amaas/core';
import type { Value } from '../value.ts';
import { add, mul, sigmoid, sub, tanh } from './arithmetic.ts';
import { equal, less, where } from './comparison.ts';
import { constantOf, filled, scalar } from './constants.ts';
import { matMul } from './matrix.ts';
import { scan } from './scan.ts';
import { gather } from './selection.ts';
import { split, unsqueeze } from './shaping.ts';

/** One step of a recurrent layer. */
export interface RecurrentCell {
  readonly units: number;
  /** How many tensors [batch, units] it carries along; the first is its output. */
  readonly states: number;
  /** @param projected - [batch, gates · units]: the step's input times the input weights, plus the bias */
  step(projected: Value, states: readonly Value[]): readonly Value[];
}

export interface RecurrentLoopOptions {
  /** Each [batch, units]; default zeros. */
  readonly initial?: readonly Value[];
  /** [time, batch, 1] bool: steps where it is false change nothing, and their output is zero. */
  readonly mask?: Value;
  /** From the last step to the first; outputs stay beside the inputs they come from. Default false. */
  readonly reverse?: boolean;
}

export interface RecurrentLoopResult {
  /** [time, batch, units] */
  readonly sequence: Value;
  /** After the last step; each [batch, units]. */
  readonly states: readonly Value[];
}

/**
 * A cell over all steps.
 * @param projected - [time, batch, gates · units]: one matrix product of all steps, made before
 * @throws INVALID_GRAPH when the initial states are not as many as the cell's
 */
export function recurrentLoop(
  projected: Value,
  cell: RecurrentCell,
  { initial, mask, reverse = false }: RecurrentLoopOptions = {},
): RecurrentLoopResult {
  const first = initial ?? zeroStates(projected, cell);
  if (first.length !== cell.states) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `recurrentLoop: the cell has ${cell.states} states, but ${first.length} are given`,
    );
  }
  const { states, outputs } = scan(
    first,
    mask === undefined ? [projected] : [projected, mask],
    (before, [element, present]) => {
      if (element === undefined) throw new AmaasError('INTERNAL', 'recurrentLoop: a step without input');
      const after = cell.step(element, before);
      const next =
        present === undefined ? after : after.map((value, index) => where(present, value, before[index] ?? value));
      return { states: next, outputs: next.slice(0, 1) };
    },
    { reverse },
  );
  const [sequence] = outputs;
  if (sequence === undefined) throw new AmaasError('INTERNAL', 'recurrentLoop: no sequence');
  return { sequence: mask === undefined ? sequence : where(mask, sequence, 0), states };
}

/** The mask of sequences that end early. @param lengths - [batch] int32 or int64. @returns [time, batch, 1] bool */
export function maskOfLengths(lengths: Value, time: number): Value {
  const steps = constantOf(lengths.dtype, [time, 1, 1], Array(time).keys());
  return less(steps, unsqueeze(lengths, 1));
}

function zeroStates(projected: Value, { states, units }: RecurrentCell): readonly Value[] {
  const batch = projected.shape[1];
  if (typeof batch === 'number')
    return Array.from({ length: states }, () => filled(projected.dtype, [batch, units], 0));
  const [part] = split(gather(projected, scalar('int64', 0)), 1, [units, Number(projected.shape[2]) - units]);
  if (part === undefined) throw new AmaasError('INTERNAL', 'recurrentLoop: no part');
  // Whatever the numbers are; a product with zero would keep those that are not finite.
  return Array.from({ length: states }, () => where(equal(part, part), scalar(part.dtype, 0), 0));
}

/** activation(x + h · R). @param recurrent - R [units, units] */
export function rnnCell(recurrent: Value, activation: (x: Value) => Value = tanh): RecurrentCell {
  return {
    units: unitsOf(recurrent, 1),
    states: 1,
    step: (projected, [hidden = projected]) => [activation(add(projected, matMul(hidden, recurrent)))],
  };
}

/** States: hidden, cell. @param recurrent - [units, 4 · units]: input, output, forget, cell */
export function lstmCell(recurrent: Value): RecurrentCell {
  const units = unitsOf(recurrent, 4);
  return {
    units,
    states: 2,
    step(projected, [hidden = projected, cell = projected]) {
      const [input, output, forget, candidate] = split(add(projected, matMul(hidden, recurrent)), 1, [
        units,
        units,
        units,
        units,
      ]).map((gate, index) => (index < 3 ? sigmoid(gate) : tanh(gate)));
      if (!input || !output || !forget || !candidate) throw new AmaasError('INTERNAL', 'lstmCell: no gates');
      const next = add(mul(forget, cell), mul(input, candidate));
      return [mul(output, tanh(next)), next];
    },
  };
}

export interface GruCellOptions {
  /**
   * Whether the reset gate is applied to the product of the state with its weights (Keras's and PyTorch's form, the default;
   * ONNX's `linear_before_reset`) or to the state itself (Cho et al. 2014).
   */
  readonly resetAfter?: boolean;
  /** [units]: added to that product, inside the reset gate; only with `resetAfter`. */
  readonly candidateBias?: Value | undefined;
}

/** @param recurrent - [units, 3 · units]: update, reset, candidate */
export function gruCell(recurrent: Value, { resetAfter = true, candidateBias }: GruCellOptions = {}): RecurrentCell {
  const units = unitsOf(recurrent, 3);
  const [gateWeights = recurrent, candidateWeights = recurrent] = split(recurrent, 1, [2 * units, units]);
  return {
    units,
    states: 1,
    step(projected, [hidden = projected]) {
      const [gateInput = projected, candidateInput = projected] = split(projected, 1, [2 * units, units]);
      const bent = resetAfter ? split(matMul(hidden, recurrent), 1, [2 * units, units]) : [];
      const [update, reset] = split(sigmoid(add(gateInput, bent[0] ?? matMul(hidden, gateWeights))), 1, [units, units]);
      if (!update || !reset) throw new AmaasError('INTERNAL', 'gruCell: no gates');
      const past =
        bent[1] === undefined
          ? matMul(mul(reset, hidden), candidateWeights)
          : mul(reset, candidateBias === undefined ? bent[1] : add(bent[1], candidateBias));
      const candidate = tanh(add(candidateInput, past));
      return [add(candidate, mul(update, sub(hidden, candidate)))];
    },
  };
}

function unitsOf(recurrent: Value, gates: number): number {
  const [units, columns] = recurrent.shape;
  if (typeof units === 'number' && recurrent.shape.length === 2 && columns === gates * units) return units;
  throw new AmaasError(
    'INVALID_GRAPH',
    `recurrent weights: expected [units, ${gates === 1 ? '' : `${gates} · `}units], got ${formatShape(recurrent.shape)}`,
  );
}
