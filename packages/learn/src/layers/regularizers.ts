// Penalties on weights, added to the loss. Unlike decoupled weight decay they go through the optimiser's moments.
import { abs, add, mul, reduceSum, square, type Value } from '../graph/index.ts';

/** The scalar a tensor of weights adds to the loss. */
export type Regularizer = (weights: Value) => Value;

/** strength · Σ |w| */
export function l1(strength: number): Regularizer {
  return (weights) => mul(reduceSum(abs(weights)), strength);
}

/** strength · Σ w², as Keras defines it (its derivative is 2 · strength · w; PyTorch's `weight_decay` λ is strength = λ/2). */
export function l2(strength: number): Regularizer {
  return (weights) => mul(reduceSum(square(weights)), strength);
}

/** Elastic net: l1 and l2 together. */
export function l1l2(l1Strength: number, l2Strength: number): Regularizer {
  return (weights) => add(l1(l1Strength)(weights), l2(l2Strength)(weights));
}
