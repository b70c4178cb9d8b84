// The derivative of a loop: a loop in the opposite direction that carries the gradients of the states.
//
// What it needs of the forward steps is stacked by the forward loop: states, and values that the forward step computes
// anyway. What only the derivative needs is computed in the backward step, where it costs the same and takes no memory;
// so are rearrangements of stacked values.
import { AmaasError } from '@amaas/core';
import { pullBack } from '../gradients.ts';
import { isStatic } from '../shape.ts';
import { dependents, rewrite, sortNodes } from '../traverse.ts';
import { input, type Node, type NodeOf, nodeOf, type Value } from '../value.ts';
import { add } from './arithmetic.ts';
import { equal, isFloat, where } from './comparison.ts';
import { filled, scalar } from './constants.ts';
import { rebuildOnly, type ScanAttributes, scanLayout } from './scan-body.ts';

interface LoopResult {
  readonly states: readonly Value[];
  readonly outputs: readonly Value[];
}

/** What the derivative is built with; handed in, because the loop itself refers to its derivative. */
export interface LoopBuilder {
  scan(
    initial: readonly Value[],
    sequences: readonly Value[],
    step: (states: readonly Value[], elements: readonly Value[]) => LoopResult,
    options: { readonly reverse: boolean },
  ): LoopResult;
  /** Values of the node's body, stacked over its steps. */
  stack(node: NodeOf<ScanAttributes>, inner: readonly Value[]): readonly Value[];
}

/** Not worth stacking: their source holds the same numbers. */
const REARRANGEMENTS: ReadonlySet<string> = new Set(['Reshape', 'Transpose', 'Expand']);

export function scanGradient(
  node: NodeOf<ScanAttributes>,
  outputGradients: readonly (Value | null)[],
  { scan, stack }: LoopBuilder,
): readonly (Value | null)[] {
  const { inputs, attributes } = node;
  const { body, scan_input_directions } = attributes;
  const layout = scanLayout(attributes);
  const firstCapture = layout.states + layout.elements;
  const step = pullBackStep(node, outputGradients);
  const { stacked, kept } = chooseResiduals(node, step);

  // Stand-ins of one step, and the sequences whose elements they are.
  const sequences = new Map<Value, Value>();
  for (const [index, value] of stack(node, stacked).entries()) sequences.set(at(stacked, index), value);
  for (let index = layout.states; index < firstCapture; index++) {
    sequences.set(at(body.inputs, index), at(inputs, index));
  }
  const carried: number[] = [];
  for (const [index, mark] of step.marks) {
    const gradient = outputGradients[index];
    if (index < layout.states) carried.push(index);
    else if (gradient) sequences.set(mark, gradient);
  }
  const pulled = [...step.pulled.keys()];
  const captures = pulled.filter((index) => index >= firstCapture);
  const elements = pulled.filter((index) => index >= layout.states && index < firstCapture);

  const result = scan(
    [
      ...carried.map((index) => outputGradients[index] ?? zerosLike(at(inputs, index))),
      ...captures.map((index) => zerosLike(at(inputs, index))),
    ],
    [...sequences.values()],
    (states, current) => {
      const standIns = new Map<Value, Value>([...sequences.keys()].map((inner, index) => [inner, at(current, index)]));
      for (const [position, index] of carried.entries()) standIns.set(step.mark(index), at(states, position));
      for (let index = firstCapture; index < inputs.length; index++) {
        standIns.set(at(body.inputs, index), at(inputs, index));
      }
      const gradients = new Map(
        rewrite([...step.pulled.values()], standIns, rebuildOnly(kept)).map((value, i) => [at(pulled, i), value]),
      );
      const gradientOf = (index: number): Value => gradients.get(index) ?? zerosLike(at(inputs, index));
      return {
        states: [
          ...carried.map(gradientOf),
          ...captures.map((index, position) => add(at(states, carried.length + position), gradientOf(index))),
        ],
        outputs: elements.map(gradientOf),
      };
    },
    { reverse: scan_input_directions[0] !== 1 },
  );
  const found = new Map<number, Value>();
  for (const [position, index] of [...carried, ...captures].entries()) found.set(index, at(result.states, position));
  for (const [position, index] of elements.entries()) found.set(index, at(result.outputs, position));
  return inputs.map((_, index) => found.get(index) ?? null);
}

interface PulledStep {
  /** Body output → what stands for its gradient; only those through which something flows back. */
  readonly marks: ReadonlyMap<number, Value>;
  mark(index: number): Value;
  /** Body input → its gradient in terms of the marks and the forward step's values. */
  readonly pulled: ReadonlyMap<number, Value>;
}

function pullBackStep({ attributes }: NodeOf<ScanAttributes>, outputGradients: readonly (Value | null)[]): PulledStep {
  const { body } = attributes;
  const { states } = scanLayout(attributes);
  const marks = new Map<number, Value>();
  const addMark = (index: number): void => {
    const { dtype, shape } = at(body.outputs, index);
    marks.set(index, input(`gradient${index}`, dtype, shape));
  };
  for (const [index, gradient] of outputGradients.entries()) if (gradient !== null) addMark(index);
  const floats = [...body.inputs.keys()].filter((index) => isFloat(at(body.inputs, index).dtype));
  for (;;) {
    const found = pullBack(
      body.outputs,
      body.outputs.map((_, index) => marks.get(index) ?? null),
      floats.map((index) => at(body.inputs, index)),
    );
    const pulled = new Map<number, Value>();
    for (const [position, index] of floats.entries()) {
      const gradient = found[position];
      if (gradient) pulled.set(index, gradient);
    }
    // A state that gets a gradient in one step passes it on in the step before.
    const reached = [...pulled.keys()].filter((index) => index < states && !marks.has(index));
    if (reached.length === 0) return { marks, mark: (index) => marks.get(index) ?? fail('mark'), pulled };
    for (const index of reached) addMark(index);
  }
}

/** What the forward loop stacks, and the nodes that the backward step consists of. */
function chooseResiduals(
  { attributes: { body }, attributes }: NodeOf<ScanAttributes>,
  { pulled, marks }: PulledStep,
): { readonly stacked: readonly Value[]; readonly kept: ReadonlySet<Node> } {
  const { states, elements } = scanLayout(attributes);
  const stateInputs = new Set(body.inputs.slice(0, states));
  const nodes = sortNodes(pulled.values());
  const forward = new Set(sortNodes(body.outputs));
  const varying = dependents(nodes, new Set(body.inputs.slice(0, states + elements)));
  const backward = dependents(nodes, new Set(marks.values()));
  const isStacked = (node: Node): boolean =>
    varying.has(node) &&
    !backward.has(node) &&
    // A loop inside that is not part of the forward step is the forward one with more outputs; they become one there.
    (forward.has(node) ? !REARRANGEMENTS.has(node.operation.name) : node.operation.name === 'Scan');
  const stacked = new Set<Value>();
  const kept = new Set<Node>();
  const open = [...pulled.values()];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = nodeOf(value);
    if (node === null) {
      if (stateInputs.has(value)) stacked.add(value);
    } else if (isStacked(node)) {
      stacked.add(value);
    } else if (!kept.has(node)) {
      kept.add(node);
      open.push(...node.inputs);
    }
  }
  return { stacked: [...stacked], kept };
}

/** Zeros of a value's type, where its sizes are not known too. */
function zerosLike(value: Value): Value {
  if (isStatic(value.shape)) return filled(value.dtype, value.shape, 0);
  const zero = scalar(value.dtype, 0);
  return where(equal(value, value), zero, zero);
}

function at<T>(values: readonly T[], index: number): T {
  return values[index] ?? fail(`value ${index} of ${values.length}`);
}

function fail(what: string): never {
  throw new AmaasError('INTERNAL', `Scan: ${what} is missing`);
}
