// A layer: a description that builds its part of a graph whenever it is applied. Layers hold no tensors.
import type { Value } from '../graph/index.ts';
import type { Scope } from './scope.ts';

/** One value in, one value out. */
export interface Layer {
  /** What it is called inside a sequence: `dense`, `conv2d`. Parameters are stored under position and name. */
  readonly name: string;
  apply(x: Value, scope: Scope): Value;
}

/** Named values in, one value out: what `functional` makes, and what training and export work on. */
export interface Network {
  /** The network's inputs, in order; null: one input, named by whoever builds it. */
  readonly inputNames: readonly string[] | null;
  build(inputs: ReadonlyMap<string, Value>, scope: Scope): Value;
}

/** A layer of one's own from a function. */
export function layer(name: string, apply: (x: Value, scope: Scope) => Value): Layer {
  return { name, apply };
}
