// The loop with a condition, ONNX's Loop: a step repeated as long as it says so. What it carries may grow, such as a text that
// is written. For computing only: it has no derivative; `scan` has.
import { AmaasError, formatShape } from '@amaas/core';
import { type Shape, type Size, sameShape } from '../shape.ts';
import { applyOperation, type Body, defineOperation, input, type Value, type ValueType } from '../value.ts';
import { scalar } from './constants.ts';
import { closeBody } from './scan-body.ts';

interface LoopAttributes {
  readonly [name: string]: Body;
  /** Inputs: number of the step, condition, states, captures. Outputs: condition, next states. */
  readonly body: Body;
}

const LOOP = defineOperation<LoopAttributes>({
  name: 'Loop',
  attributes: { body: { kind: 'body' } },
  countCaptures: ({ body }) => body.inputs.length - body.outputs.length - 1,
  infer,
});

export interface LoopStep {
  /** Whether there is another step: bool, a scalar. */
  readonly goesOn: Value;
  /** The states after the step, of the dtypes and ranks they had before. */
  readonly states: readonly Value[];
}

export interface LoopOptions {
  /** Steps at most: a number, or an int64 scalar. */
  readonly most: number | Value;
  /** Whether there is a first step: bool, a scalar; default true. */
  readonly begins?: Value;
  /** What the sizes that change are named after; loops inside each other, or read together, need different names. Default `loop`. */
  readonly name?: string;
}

/** Steps tried until it is known which sizes change: one that grows with another is found a trial later. */
const MOST_TRIALS = 12;

/**
 * Repeats a step while it says so. Sizes of states may change from step to step: inside the loop each is a symbol, one for
 * all those that begin alike and change alike, and after it another.
 *
 * The step is called a few times, with stand-ins; what it uses from around the loop is found by itself, and whatever does not
 * depend on states is computed once, before the loop.
 * @param step - given the states and the number of the step (int64 scalar, from 0)
 * @returns the states after the last step; the initial ones where there was none
 * @throws INVALID_GRAPH when a state changes its dtype or rank.
 */
export function loop(
  initial: readonly Value[],
  step: (states: readonly Value[], index: Value) => LoopStep,
  { most, begins = scalar('bool', 1), name = 'loop' }: LoopOptions,
): readonly Value[] {
  const index = input('index', 'int64', []);
  let sizes: readonly Shape[] = initial.map(({ shape }) => shape);
  for (let trial = 0; trial < MOST_TRIALS; trial++) {
    const states = initial.map(({ dtype }, at) => input(`state${at}`, dtype, sizes[at] ?? []));
    const next = step(states, index);
    assertStates(states, next);
    const named = nameSizes(
      states.map(({ shape }, at) => ({
        before: shape,
        after: next.states[at]?.shape ?? [],
        from: initial[at]?.shape ?? [],
      })),
      name,
    );
    if (!named.every((shape, at) => sameShape(shape, sizes[at] ?? []))) {
      sizes = named;
      continue;
    }
    const condition = input('condition', 'bool', []);
    const { body, captures } = closeBody([index, condition, ...states], [next.goesOn, ...next.states]);
    const limit = typeof most === 'number' ? scalar('int64', most) : most;
    return applyOperation(LOOP, [limit, begins, ...initial, ...captures], { body });
  }
  throw new AmaasError('INVALID_GRAPH', 'Loop: sizes of its states change in ways that cannot be followed');
}

function assertStates(before: readonly Value[], { states, goesOn }: LoopStep): void {
  if (goesOn.dtype !== 'bool' || goesOn.shape.length > 0) {
    throw new AmaasError('INVALID_GRAPH', `Loop: expected a condition that is a bool scalar, got ${show(goesOn)}`);
  }
  if (states.length !== before.length) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `Loop: a step must give ${before.length} states as it was given, got ${states.length}`,
    );
  }
  for (const [at, state] of before.entries()) {
    const next = states[at];
    if (next?.dtype === state.dtype && next.shape.length === state.shape.length) continue;
    throw new AmaasError('INVALID_GRAPH', `Loop: state ${at} starts as ${show(state)} and becomes ${show(next)}`);
  }
}

interface Course {
  readonly from: Shape;
  readonly before: Shape;
  readonly after: Shape;
}

/** Shapes with symbols for what changes: one for sizes that began alike, were taken to be alike, and became alike. */
function nameSizes(courses: readonly Course[], name: string): readonly Shape[] {
  const symbols = new Map<string, string>();
  return courses.map(({ from, before, after }) =>
    before.map((size, axis): Size => {
      if (after[axis] === size) return size;
      const key = JSON.stringify([from[axis], size, after[axis]]);
      const symbol = symbols.get(key) ?? `${name}.${symbols.size}`;
      symbols.set(key, symbol);
      return symbol;
    }),
  );
}

function infer([limit, begins, ...rest]: readonly Value[], { body }: LoopAttributes): readonly ValueType[] {
  if (limit?.dtype !== 'int64' || limit.shape.length > 0 || begins?.dtype !== 'bool' || begins.shape.length > 0) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `Loop: expected an int64 and a bool scalar, got ${show(limit)} and ${show(begins)}`,
    );
  }
  const states = body.outputs.length - 1;
  for (const [at, inner] of body.inputs.slice(2).entries()) {
    const outer = rest[at];
    const after = at < states ? body.outputs[at + 1]?.shape : inner.shape;
    const fits =
      outer?.dtype === inner.dtype &&
      outer.shape.length === inner.shape.length &&
      inner.shape.every((size, axis) => size === outer.shape[axis] || size !== after?.[axis]);
    if (!fits) {
      throw new AmaasError('INVALID_GRAPH', `Loop: input ${at + 2} is ${show(outer)}, its body expects ${show(inner)}`);
    }
  }
  return body.outputs.slice(1).map(({ dtype, shape }, at) => {
    const before = body.inputs[at + 2]?.shape ?? [];
    return { dtype, shape: before.map((size, axis) => (size === shape[axis] ? size : `${size}.end`)) };
  });
}

function show(value: ValueType | undefined): string {
  return value === undefined ? 'nothing' : `${value.dtype} ${formatShape(value.shape)}`;
}
