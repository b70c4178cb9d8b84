// The layout of a loop's node and body, and closing a body over the values it uses from outside.
import { elementCount } from '@amaas/core';
import { isStatic } from '../shape.ts';
import { dependents, type Rebuild, rebuildNode, rewrite, sortNodes } from '../traverse.ts';
import { type Body, input, nodeOf, type Node, type Value } from '../value.ts';

export interface ScanAttributes {
  readonly [name: string]: Body | number | readonly number[];
  /** Inputs: states, elements, captures. Outputs: next states, then what is stacked. */
  readonly body: Body;
  readonly num_scan_inputs: number;
  /** 1: from the last element to the first. */
  readonly scan_input_directions: readonly number[];
  /** 1: stacked from the last to the first, so that results stay beside the elements they come from. */
  readonly scan_output_directions: readonly number[];
}

export interface ScanLayout {
  readonly states: number;
  readonly elements: number;
  readonly captures: number;
  /** How many results of a step are stacked. */
  readonly stacked: number;
}

export function scanLayout({ body, num_scan_inputs, scan_output_directions }: ScanAttributes): ScanLayout {
  const stacked = scan_output_directions.length;
  const states = body.outputs.length - stacked;
  return { states, elements: num_scan_inputs, captures: body.inputs.length - states - num_scan_inputs, stacked };
}

/** Constants up to this many elements are copied into bodies; larger ones are captured and stored once. */
const MAX_INNER_CONSTANT_ELEMENTS = 256;

/**
 * A body that sees nothing but its inputs: the largest values its outputs use that do not depend on `own` become further
 * inputs, so that work that is the same in every step is done once, outside.
 * @returns the body and the outer values its last inputs stand for
 */
export function closeBody(
  own: readonly Value[],
  outputs: readonly Value[],
): { readonly body: Body; readonly captures: readonly Value[] } {
  const inside = dependents(sortNodes(outputs), new Set(own));
  const known = new Set(own);
  const captures = new Set<Value>();
  const use = (value: Value): void => {
    const node = nodeOf(value);
    const outer = node === null ? !known.has(value) && !isSmallConstant(value) : !inside.has(node);
    if (outer) captures.add(value);
  };
  for (const node of inside) for (const value of node.inputs) use(value);
  for (const value of outputs) use(value);
  const placeholders = [...captures].map(
    (value, index) => [value, input(`capture${index}`, value.dtype, value.shape)] as const,
  );
  const closed = rewrite(outputs, new Map(placeholders), rebuildOnly(inside));
  return {
    body: { inputs: [...own, ...placeholders.map(([, placeholder]) => placeholder)], outputs: closed },
    captures: [...captures],
  };
}

/** Leaves nodes outside `nodes` alone, even where a replaced value is among their inputs. */
export function rebuildOnly(nodes: ReadonlySet<Node>): Rebuild {
  return (node, inputs, unchanged) => (nodes.has(node) ? rebuildNode(node, inputs, unchanged) : node.outputs);
}

function isSmallConstant({ origin, shape }: Value): boolean {
  return origin.kind === 'constant' && isStatic(shape) && elementCount(shape) <= MAX_INNER_CONSTANT_ELEMENTS;
}
