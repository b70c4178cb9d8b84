// Values of PyTorch 2.13 in float64: losses with their gradients, optimisers' steps, learning rates by step. What they are
// computed from is made of `madeNumbers`, as the tests beside them say. Where PyTorch has no such rule (Lion, momentum
// with decoupled decay) they are the rule's formula in NumPy.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TorchValues {
  readonly losses: Readonly<Record<string, { readonly rows: readonly number[]; readonly gradient: readonly number[] }>>;
  readonly weightedMeans: Readonly<Record<'sparse' | 'binary' | 'categorical', number>>;
  /** Parameters after the first and the last of eight steps. */
  readonly optimizers: Readonly<
    Record<string, { readonly first: readonly number[]; readonly last: readonly number[] }>
  >;
  readonly schedules: Readonly<Record<string, readonly number[]>>;
  /** ReduceLROnPlateau on `values`, from a rate of 0.4. */
  readonly plateau: Readonly<Record<'values' | 'plain' | 'cooling', readonly number[]>>;
}

export const torchValues: TorchValues = JSON.parse(
  readFileSync(join(import.meta.dirname, 'torch-values.json'), 'utf8'),
);

/** Equal lengths, and every number within `tolerance` · max(1, |expected|). */
export function assertNear(
  actual: Iterable<number>,
  expected: readonly number[],
  { tolerance, what }: { readonly tolerance: number; readonly what: string },
): void {
  const found = [...actual];
  assert.equal(found.length, expected.length, what);
  for (const [index, wanted] of expected.entries()) {
    const value = found[index] ?? Number.NaN;
    assert(
      Math.abs(value - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
      `${what}[${index}]: ${value}, expected ${wanted}`,
    );
  }
}
