// Penalties on weights, added to the loss. Unlike decoupled weight decay they go through the optimiser's moments.
import { AmaasError } from '@amaas/core';
import { abs, add, mul, reduceSum, square, type Value } from '../graph/index.ts';

/** The scalar a tensor of weights adds to the loss. */
export type Regularizer = (weights: Value) => Value;

/** strength · Σ |w|. @throws INVALID_ARGUMENT unless the strength is a finite number of at least 0 */
export function l1(strength: number): Regularizer {
  assertStrength('l1', strength);
  return (weights) => mul(reduceSum(abs(weights)), strength);
}

/**
 * strength · Σ w², as Keras defines it (its derivative is 2 · strength · w; PyTorch's `weight_decay` λ is strength = λ/2).
 * @throws as {@link l1}
 */
export function l2(strength: number): Regularizer {
  assertStrength('l2', strength);
  return (weights) => mul(reduceSum(square(weights)), strength);
}

/** Elastic net: l1 and l2 together. @throws as {@link l1} */
export function l1l2(l1Strength: number, l2Strength: number): Regularizer {
  const [first, second] = [l1(l1Strength), l2(l2Strength)];
  return (weights) => add(first(weights), second(weights));
}

/** A negative strength would reward large weights: training runs away. */
function assertStrength(name: string, strength: number): void {
  if (strength >= 0 && Number.isFinite(strength)) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `${name}: the strength must be a finite number of at least 0, got ${strength}`,
  );
}
