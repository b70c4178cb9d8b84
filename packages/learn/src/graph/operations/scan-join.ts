// Makes one loop of those that repeat the same steps, and drops what nobody reads.
//
// Differentiation leaves a graph with the forward loop twice, without and with the stacked values that the backward loop
// needs, and a backward loop that also gives gradients nobody asked for. Until they are joined, both are computed.
import { AmaasError } from '@amaas/core';
import { rebuildNode, rewrite, sortNodes } from '../traverse.ts';
import { applyOperation, type Body, type Node, type NodeOf, nodeOf, type Value } from '../value.ts';
import { type ScanAttributes, scanLayout } from './scan-body.ts';

/**
 * The values again, with loops joined and cut down to what is used, in bodies too. To be called before passes that
 * rebuild bodies: loops are known to be the same by their bodies' inputs.
 */
export function joinScans(values: readonly Value[]): readonly Value[] {
  const nodes = sortNodes(values);
  const loops = groupLoops(nodes);
  if (loops.size === 0) return values;
  const used = new Set(values);
  const plans = new Map<Loop, Plan>();
  // From the last node to the first: all who read a loop come after the first node of its group.
  for (const node of nodes.toReversed()) {
    const loop = loops.get(node);
    if (loop === undefined) {
      if (node.outputs.some((output) => used.has(output))) for (const value of node.inputs) used.add(value);
    } else if (loop[0] === node && loop.some(({ outputs }) => outputs.some((output) => used.has(output)))) {
      const plan = planLoop(loop, used);
      plans.set(loop, plan);
      for (const index of plan.inputs) used.add(at(node.inputs, index));
    }
  }
  const built = new Map<Loop, readonly Value[]>();
  return rewrite(values, new Map(), (node, inputs, unchanged) => {
    const loop = loops.get(node);
    if (loop === undefined) return rebuildNode(node, inputs, unchanged);
    const plan = plans.get(loop);
    if (plan === undefined || (unchanged && plan.isWhole)) return node.outputs;
    const results = built.get(loop) ?? buildLoop(loop[0], plan, inputs);
    built.set(loop, results);
    const { body } = loop.find((each) => each === node)?.attributes ?? fail();
    const { states } = scanLayout(loop[0].attributes);
    return node.outputs.map((output, index) => {
      const position =
        index < states
          ? plan.states.indexOf(index)
          : plan.stacked.indexOf(at(body.outputs, index)) + plan.states.length;
      return used.has(output) ? at(results, position) : output;
    });
  });
}

/** Nodes that repeat the same steps over the same inputs. */
type Loop = readonly [NodeOf<ScanAttributes>, ...NodeOf<ScanAttributes>[]];

function groupLoops(nodes: readonly Node[]): ReadonlyMap<Node, Loop> {
  const byInputs = new Map<readonly Value[], NodeOf<ScanAttributes>[][]>();
  for (const node of nodes) {
    if (!isScan(node)) continue;
    const key = node.attributes.body.inputs;
    const groups = byInputs.get(key) ?? [];
    byInputs.set(key, groups);
    const group = groups.find(([first]) => first !== undefined && repeats(first, node));
    if (group === undefined) groups.push([node]);
    else group.push(node);
  }
  const loops = new Map<Node, Loop>();
  for (const [first, ...rest] of [...byInputs.values()].flat()) {
    if (first === undefined) continue;
    const loop: Loop = [first, ...rest];
    for (const node of loop) loops.set(node, loop);
  }
  return loops;
}

function isScan(node: Node): node is NodeOf<ScanAttributes> {
  return node.operation.name === 'Scan' && node.operation.domain === '';
}

function repeats(a: NodeOf<ScanAttributes>, b: NodeOf<ScanAttributes>): boolean {
  const { states } = scanLayout(a.attributes);
  return (
    a.inputs.every((value, index) => value === b.inputs[index]) &&
    a.attributes.body.outputs.slice(0, states).every((value, index) => value === b.attributes.body.outputs[index]) &&
    a.attributes.scan_input_directions[0] === b.attributes.scan_input_directions[0]
  );
}

interface Plan {
  /** Of the body's inputs. */
  readonly inputs: readonly number[];
  readonly states: readonly number[];
  /** Outputs of the old bodies that stay stacked, in the new order. */
  readonly stacked: readonly Value[];
  readonly body: Body;
  /** The loop is one node and stays as it is. */
  readonly isWhole: boolean;
}

function planLoop(loop: Loop, used: ReadonlySet<Value>): Plan {
  const [{ attributes }] = loop;
  const layout = scanLayout(attributes);
  const finals = new Set<number>();
  const stacked = new Set<Value>();
  for (const node of loop) {
    for (const [index, output] of node.outputs.entries()) {
      if (!used.has(output)) continue;
      if (index < layout.states) finals.add(index);
      else stacked.add(at(node.attributes.body.outputs, index));
    }
  }
  const before = attributes.body.outputs.slice(0, layout.states);
  const rough = findLive(attributes.body.inputs, before, { finals, stacked });
  // Bodies first: what a loop inside no longer reads need not be carried by this one.
  const kept = [...rough].filter((index) => index < layout.states);
  const inner = joinScans([...kept.map((index) => at(before, index)), ...stacked]);
  const after = before.map((value, index) => inner[kept.indexOf(index)] ?? value);
  const results = inner.slice(kept.length);
  const live = findLive(attributes.body.inputs, after, { finals, stacked: results });
  const { states, elements } = layout;
  // ONNX's Scan needs a sequence to know when to end.
  const hasElement = attributes.body.inputs.some(
    (_, index) => index >= states && index < states + elements && live.has(index),
  );
  if (!hasElement) live.add(states);
  const inputs = [...live].toSorted((a, b) => a - b);
  const liveStates = inputs.filter((index) => index < states);
  const body = {
    inputs: inputs.map((index) => at(attributes.body.inputs, index)),
    outputs: [...liveStates.map((index) => at(after, index)), ...results],
  };
  const isWhole =
    loop.length === 1 &&
    inputs.length === attributes.body.inputs.length &&
    body.outputs.length === attributes.body.outputs.length &&
    body.outputs.every((value, index) => value === attributes.body.outputs[index]);
  return { inputs, states: liveStates, stacked: [...stacked], body, isWhole };
}

/** Indices of the body's inputs that some results depend on; a state needs what its next value needs. */
function findLive(
  inputs: readonly Value[],
  nextStates: readonly Value[],
  { finals, stacked }: { readonly finals: Iterable<number>; readonly stacked: Iterable<Value> },
): Set<number> {
  const indices = new Map(inputs.map((value, index) => [value, index]));
  const live = new Set<number>();
  const seen = new Set<Node>();
  const open = [...stacked];
  const keepInput = (index: number): void => {
    if (live.has(index)) return;
    live.add(index);
    if (index < nextStates.length) open.push(at(nextStates, index));
  };
  for (const index of finals) keepInput(index);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = nodeOf(value);
    const index = indices.get(value);
    if (index !== undefined) keepInput(index);
    else if (node !== null && !seen.has(node)) {
      seen.add(node);
      open.push(...node.inputs);
    }
  }
  return live;
}

function buildLoop(
  { operation, attributes }: NodeOf<ScanAttributes>,
  { inputs: kept, stacked, body }: Plan,
  inputs: readonly Value[],
): readonly Value[] {
  const layout = scanLayout(attributes);
  const direction = attributes.scan_input_directions[0] ?? 0;
  const elements = kept.filter((index) => index >= layout.states && index < layout.states + layout.elements).length;
  return applyOperation(
    operation,
    kept.map((index) => at(inputs, index)),
    {
      body,
      num_scan_inputs: elements,
      scan_input_directions: new Array<number>(elements).fill(direction),
      scan_output_directions: new Array<number>(stacked.length).fill(direction),
    },
  );
}

function at<T>(values: readonly T[], index: number): T {
  return values[index] ?? fail();
}

function fail(): never {
  throw new AmaasError('INTERNAL', 'joinScans: a loop lost a value');
}
