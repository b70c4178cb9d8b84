// Walking and rebuilding graphs. All walks are iterative: graphs of unrolled loops are deeper than the call stack.
import { AmaasError } from '@amaas/core';
import { applyOperation, type Node, nodeOf, type Value } from './value.ts';

/** Every node the values depend on, each after those it takes its inputs from. */
export function sortNodes(values: Iterable<Value>): readonly Node[] {
  const sorted: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack: Node[] = [];
  const push = (value: Value): void => {
    const node = nodeOf(value);
    if (node !== null && !state.has(node)) stack.push(node);
  };
  for (const value of values) {
    push(value);
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const seen = state.get(node);
      if (seen === undefined) {
        state.set(node, 'open');
        // Reversed, so that the first input is walked first and the order reads like the code that built it.
        for (const source of node.inputs.toReversed()) push(source);
      } else {
        stack.pop();
        if (seen === 'open') {
          state.set(node, 'done');
          sorted.push(node);
        }
      }
    }
  }
  return sorted;
}

/** Every input value (fed from outside) the values depend on, in the order of first use. */
export function collectInputs(values: Iterable<Value>): readonly Value[] {
  const roots = [...values];
  const found = new Set<Value>();
  for (const node of sortNodes(roots)) {
    for (const value of node.inputs) if (value.origin.kind === 'input') found.add(value);
  }
  for (const value of roots) if (value.origin.kind === 'input') found.add(value);
  return [...found];
}

/** The nodes among `nodes` (sorted) that depend on any of `sources`. */
export function dependents(nodes: readonly Node[], sources: ReadonlySet<Value>): ReadonlySet<Node> {
  const reached = new Set<Node>();
  for (const node of nodes) {
    const depends = node.inputs.some((value) => {
      const origin = nodeOf(value);
      return sources.has(value) || (origin !== null && reached.has(origin));
    });
    if (depends) reached.add(node);
  }
  return reached;
}

/** Makes the new outputs for a node whose inputs have been replaced; `unchanged` tells that they are the old ones. */
export type Rebuild = (node: Node, inputs: readonly Value[], unchanged: boolean) => readonly Value[];

/** Keeps a node as it is, or applies its operation to the new inputs. */
export const rebuildNode: Rebuild = (node, inputs, unchanged) =>
  unchanged ? node.outputs : applyOperation(node.operation, inputs, node.attributes);

/**
 * The values again with parts of the graph replaced; what does not change is shared with the old graph.
 * @param replacements - value → what takes its place
 * @param rebuild - decides each node's new outputs, after its inputs
 */
export function rewrite(
  values: readonly Value[],
  replacements: ReadonlyMap<Value, Value>,
  rebuild: Rebuild = rebuildNode,
): readonly Value[] {
  const replaced = new Map(replacements);
  const current = (value: Value): Value => replaced.get(value) ?? value;
  for (const node of sortNodes(values)) {
    const inputs = node.inputs.map(current);
    const unchanged = inputs.every((value, index) => value === node.inputs[index]);
    const outputs = rebuild(node, inputs, unchanged);
    for (const [index, output] of node.outputs.entries()) {
      const replacement = outputs[index];
      if (replacement === undefined) {
        throw new AmaasError('INTERNAL', `rewrite: output ${index} of ${node.operation.name} was lost`);
      }
      if (!replaced.has(output) && replacement !== output) replaced.set(output, replacement);
    }
  }
  return values.map(current);
}
