// The loop over a sequence, ONNX's Scan. Its derivative is a loop in the opposite direction (scan-gradient.ts).
// The graph may hold a loop more than once after differentiation; `joinScans` (scan-join.ts) makes one of them.
import { AmaasError, formatShape } from '@amaas/core';
import { isStatic, type Shape, type Size, sameShape } from '../shape.ts';
import { applyOperation, defineOperation, input, type NodeOf, type Value, type ValueType } from '../value.ts';
import { filled } from './constants.ts';
import { closeBody, type ScanAttributes, scanLayout } from './scan-body.ts';
import { scanGradient } from './scan-gradient.ts';

export interface ScanStep {
  /** The states after the step, of the dtypes and shapes they had before. */
  readonly states: readonly Value[];
  /** Stacked over the steps. */
  readonly outputs: readonly Value[];
}

export interface ScanOptions {
  /** From the last element to the first; stacked results stay beside the elements they come from. */
  readonly reverse?: boolean;
}

export interface ScanResult {
  /** After the last step; the initial ones for sequences of length 0. */
  readonly states: readonly Value[];
  /** One per output of a step, [length, ...shape]. */
  readonly outputs: readonly Value[];
}

const SCAN = defineOperation<ScanAttributes>({
  name: 'Scan',
  attributes: {
    body: { kind: 'body' },
    num_scan_inputs: { kind: 'int' },
    scan_input_directions: { kind: 'ints' },
    scan_output_directions: { kind: 'ints' },
  },
  countCaptures: (attributes) => scanLayout(attributes).captures,
  infer,
  gradient: (node, outputGradients) => scanGradient(node, outputGradients, { scan, stack }),
});

/**
 * Repeats a step over the first axis of some sequences, carrying states along.
 *
 * The step is called once, with stand-ins; what it uses from around the loop is found by itself, and whatever does not
 * depend on states or elements is computed once, before the loop. Loops can be nested. Floats are differentiable:
 * states, sequences and what was used from around.
 * @param sequences - at least one, [length, ...shape], of one length. It may be a symbol, but ONNX Runtime then refuses to
 *   run sequences of length 0
 * @param step - given the states and one element of each sequence
 * @throws INVALID_GRAPH when a state changes its dtype or shape, or the sequences differ in length.
 */
export function scan(
  initial: readonly Value[],
  sequences: readonly Value[],
  step: (states: readonly Value[], elements: readonly Value[]) => ScanStep,
  { reverse = false }: ScanOptions = {},
): ScanResult {
  if (sequences.length === 0 || sequences.some(({ shape }) => shape.length === 0)) {
    throw new AmaasError('INVALID_GRAPH', 'Scan: expected at least one sequence and no scalars among them');
  }
  const states = initial.map(({ dtype, shape }, index) => input(`state${index}`, dtype, shape));
  const elements = sequences.map(({ dtype, shape }, index) => input(`element${index}`, dtype, shape.slice(1)));
  const next = step(states, elements);
  if (next.states.length !== initial.length) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `Scan: a step must give ${initial.length} states as it was given, got ${next.states.length}`,
    );
  }
  const { body, captures } = closeBody([...states, ...elements], [...next.states, ...next.outputs]);
  const direction = reverse ? 1 : 0;
  const operands = [...initial, ...sequences, ...captures];
  const results = applyOperation(SCAN, operands, {
    body,
    num_scan_inputs: sequences.length,
    scan_input_directions: sequences.map(() => direction),
    scan_output_directions: next.outputs.map(() => direction),
  });
  const outputs = results.slice(initial.length);
  // ONNX Runtime refuses to run a loop without elements; where that is known here there is none.
  if (sequences[0]?.shape[0] === 0 && outputs.every(({ shape }) => isStatic(shape))) {
    return { states: initial, outputs: outputs.map(({ dtype, shape }) => filled(dtype, shape, 0)) };
  }
  return { states: results.slice(0, initial.length), outputs };
}

/** Values of a loop's body stacked over its steps: the loop once more, with more outputs. */
function stack(node: NodeOf<ScanAttributes>, inner: readonly Value[]): readonly Value[] {
  const { attributes, inputs, outputs } = node;
  const { body, scan_output_directions, scan_input_directions } = attributes;
  const { states } = scanLayout(attributes);
  const missing = inner.filter((value) => !body.outputs.includes(value, states));
  if (missing.length === 0) return inner.map((value) => outputs[body.outputs.indexOf(value, states)] ?? value);
  const all = [...body.outputs, ...missing];
  const direction = scan_input_directions[0] ?? 0;
  const results = applyOperation(SCAN, inputs, {
    ...attributes,
    body: { inputs: body.inputs, outputs: all },
    scan_output_directions: [...scan_output_directions, ...missing.map(() => direction)],
  });
  return inner.map((value) => results[all.indexOf(value, states)] ?? value);
}

function infer(inputs: readonly Value[], attributes: ScanAttributes): readonly ValueType[] {
  const { body } = attributes;
  const { states, elements } = scanLayout(attributes);
  let length: Size | undefined;
  for (const [index, inner] of body.inputs.entries()) {
    const outer = inputs[index];
    const isElement = index >= states && index < states + elements;
    const given: Shape | undefined = isElement ? outer?.shape.slice(1) : outer?.shape;
    if (outer === undefined || given === undefined || outer.dtype !== inner.dtype || !sameShape(given, inner.shape)) {
      throw new AmaasError('INVALID_GRAPH', `Scan: input ${index} is ${show(outer)}, its body expects ${show(inner)}`);
    }
    if (!isElement) continue;
    length ??= outer.shape[0];
    if (outer.shape[0] !== length) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Scan: sequences of ${length} and ${outer.shape[0]} elements do not go together`,
      );
    }
  }
  return body.outputs.map((result, index) => {
    if (index >= states) return { dtype: result.dtype, shape: [length ?? 0, ...result.shape] };
    const before = body.inputs[index];
    if (before === undefined || before.dtype !== result.dtype || !sameShape(before.shape, result.shape)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Scan: state ${index} starts as ${show(before)} and becomes ${show(result)}`,
      );
    }
    return { dtype: result.dtype, shape: result.shape };
  });
}

function show(value: ValueType | undefined): string {
  return value === undefined ? 'missing' : `${value.dtype} ${formatShape(value.shape)}`;
}
