// What recurrent layers have in common: sequences come as [batch, time, width], are worked on with time first, and may end
// early. Training runs the differentiable loop; inference ONNX's operators, where a layer has one that ONNX Runtime runs
// faster. Both use the same weights. Knows no particular cell: those are in recurrent.ts.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  cast,
  equal,
  isStatic,
  matMul,
  maskOfLengths,
  not,
  type RecurrentCell,
  type RecurrentOperatorOptions,
  type RecurrentOperatorResult,
  recurrentLoop,
  reshape,
  sameShape,
  scalar,
  transpose,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import type { Layer } from './layer.ts';
import type { Scope } from './scope.ts';

/** What goes into a recurrent layer besides the sequences. */
export interface RecurrentInputs {
  /** [batch] int32 or int64: steps of each sequence, 0 … time; what follows is padding. Default: all. */
  readonly lengths?: Value | undefined;
  /**
   * [batch, time], bool or numbers: steps that are not false or 0 count, the others are padding, wherever they are. Instead
   * of `lengths`, which exported models compute faster.
   */
  readonly mask?: Value | undefined;
  /** States to begin with, as {@link RecurrentResult.states}; default zeros. */
  readonly initial?: readonly Value[] | undefined;
}

export interface RecurrentResult {
  /** [batch, time, width] with `returnSequences`, zero at padded steps; else [batch, width]: after the last step. */
  readonly y: Value;
  /** After the last step, one [batch, width] per {@link RecurrentLayer.stateWidths}. */
  readonly states: readonly Value[];
}

/**
 * A layer over sequences [batch, time, features].
 *
 * Padded steps change nothing: states pass over them, outputs there are zero, and a layer that goes backwards begins at
 * each sequence's own end. Long sequences can be trained and answered in pieces, by giving the states of one piece to the
 * next.
 */
export interface RecurrentLayer extends Layer {
  /** Widths of its states: hidden, for an LSTM hidden and cell; of several layers or directions one after the other. */
  readonly stateWidths: readonly number[];
  /** Whether `y` is the whole sequence. */
  readonly returnSequences: boolean;
  /** With lengths, masks and states; `apply` is its `y` without them. */
  run(x: Value, scope: Scope, inputs?: RecurrentInputs): RecurrentResult;
  /** The same with time first, for layers made of layers. */
  overTime(x: Value, scope: Scope, inputs: TimeInputs): TimeResult;
  /** The layer going the other way. */
  reversed(): RecurrentLayer;
}

export interface TimeInputs {
  /** [batch] int32 */
  readonly lengths?: Value | undefined;
  /** [time, batch, 1] bool; also beside `lengths`, where the time is known. */
  readonly mask?: Value | undefined;
  readonly initial?: readonly Value[] | undefined;
}

export interface TimeResult {
  /** [time, batch, width], zero at padded steps. */
  readonly sequence: Value;
  /** [batch, width]: the output of the last step. */
  readonly last: Value;
  readonly states: readonly Value[];
}

export interface RecurrentDefinition {
  readonly name: string;
  readonly stateWidths: readonly number[];
  readonly returnSequences: boolean;
  overTime(x: Value, scope: Scope, inputs: TimeInputs): TimeResult;
  reversed(): RecurrentLayer;
}

/** A recurrent layer from what it does with time first. */
export function recurrentLayer(definition: RecurrentDefinition): RecurrentLayer {
  const { name, stateWidths, returnSequences } = definition;
  const run = (x: Value, scope: Scope, inputs: RecurrentInputs = {}): RecurrentResult => {
    const given = timeInputs(x, inputs, { name, stateWidths });
    const { sequence, last, states } = definition.overTime(transpose(x, [1, 0, 2]), scope, given);
    return { y: returnSequences ? transpose(sequence, [1, 0, 2]) : last, states };
  };
  return {
    name,
    stateWidths,
    returnSequences,
    run,
    apply: (x, scope) => run(x, scope).y,
    overTime: (x, scope, inputs) => definition.overTime(x, scope, inputs),
    reversed: () => definition.reversed(),
  };
}

function timeInputs(
  x: Value,
  { lengths, mask, initial }: RecurrentInputs,
  { name, stateWidths }: Pick<RecurrentDefinition, 'name' | 'stateWidths'>,
): TimeInputs {
  const [batch, time, features] = x.shape;
  if (batch === undefined || time === undefined || typeof features !== 'number' || x.shape.length !== 3) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${name}: expected [batch, time, features] of known features, got ${formatShape(x.shape)}`,
    );
  }
  const expectShape = (what: string, value: Value, shape: Value['shape']): void => {
    if (sameShape(value.shape, shape)) return;
    throw new AmaasError(
      'INVALID_GRAPH',
      `${name}: ${what} must be ${formatShape(shape)}, got ${formatShape(value.shape)}`,
    );
  };
  if (initial !== undefined && initial.length !== stateWidths.length) {
    throw new AmaasError('INVALID_GRAPH', `${name}: takes ${stateWidths.length} states, got ${initial.length}`);
  }
  for (const [index, state] of (initial ?? []).entries()) {
    expectShape(`state ${index}`, state, [batch, stateWidths[index] ?? 0]);
  }
  if (lengths !== undefined && mask !== undefined) {
    throw new AmaasError('INVALID_GRAPH', `${name}: takes lengths or a mask, not both`);
  }
  if (mask !== undefined) {
    expectShape('mask', mask, [batch, time]);
    const counts = mask.dtype === 'bool' ? mask : not(equal(mask, scalar(mask.dtype, 0)));
    return { mask: unsqueeze(transpose(counts), 2), initial };
  }
  if (lengths === undefined) return { initial };
  expectShape('lengths', lengths, [batch]);
  const counted = cast(lengths, 'int32');
  return { lengths: counted, mask: typeof time === 'number' ? maskOfLengths(counted, time) : undefined, initial };
}

export interface CellInputs extends TimeInputs {
  /** [time, batch, features] */
  readonly x: Value;
  readonly kernel: Value;
  /** [gates · units], or null for none. */
  readonly bias: Value | null;
  readonly reverse: boolean;
}

/** The differentiable form: all products with the input at once, then the loop. */
export function runLoop(
  cell: RecurrentCell,
  { x, kernel, bias, lengths, mask, initial, reverse }: CellInputs,
): TimeResult {
  if (lengths !== undefined && mask === undefined) {
    throw new AmaasError('INVALID_GRAPH', 'a recurrent layer takes lengths where the time is known; give a mask');
  }
  const { sequence, states } = recurrentLoop(projectSteps(x, kernel, bias), cell, {
    reverse,
    ...(mask === undefined ? {} : { mask }),
    ...(initial === undefined ? {} : { initial }),
  });
  return withLast(sequence, states);
}

/** ONNX's operator. @throws INVALID_GRAPH for a mask: it knows lengths only */
export function runOperator(
  run: (x: Value, options: RecurrentOperatorOptions) => RecurrentOperatorResult,
  { x, lengths, mask, initial, reverse }: CellInputs,
): TimeResult {
  if (lengths === undefined && mask !== undefined) {
    throw new AmaasError('INVALID_GRAPH', "ONNX's recurrent operators take lengths, not masks");
  }
  const { sequence, states } = run(x, { lengths, initial, reverse });
  return withLast(sequence, states);
}

function withLast(sequence: Value, states: readonly Value[]): TimeResult {
  const [last] = states;
  if (last === undefined) throw new AmaasError('INTERNAL', 'a recurrent layer without states');
  return { sequence, last, states };
}

function projectSteps(x: Value, kernel: Value, bias: Value | null): Value {
  const rows = isStatic(x.shape) ? reshape(x, [-1, x.shape.at(-1) ?? 1]) : x;
  const product = matMul(rows, kernel);
  const shifted = bias === null ? product : add(product, bias);
  return isStatic(x.shape) ? reshape(shifted, [...x.shape.slice(0, -1), kernel.shape.at(-1) ?? 1]) : shifted;
}
