// What a simplifying rule is.
import type { Node, Value } from '../graph/index.ts';

/** A local rule: other outputs for a node, or null to leave it. `uses` counts the readers of a value before the pass. */
export type Rule = (node: Node, uses: (value: Value) => number) => readonly Value[] | null;

export function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number');
}
