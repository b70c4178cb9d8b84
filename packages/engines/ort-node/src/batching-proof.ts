// Proves, by running the model, that rows may be joined: what a row gives must not depend on its neighbours.
// A declared batch dim is a claim; a softmax or a normalisation over it breaks the claim. Knows nothing of sessions.
import type { BatchingProof, Dim, NamedTensors, TensorSpec } from '@amaas/core';
import { joinRows, rowDifference } from './rows.ts';

/** Rows compared. */
const PROOF_ROWS = 5;
/** The second joined run: another order, other neighbours, another count. Rows from PROOF_ROWS on are only neighbours. */
const SECOND_ORDER = [6, 3, 1, 5, 0, 4, 2];

/** Rows run in the course of a proof, so that the caller can tell whether there is time for it. */
export const PROOF_ROWS_RUN = 2 * PROOF_ROWS + SECOND_ORDER.length;

export type RunModel = (inputs: NamedTensors) => NamedTensors;

/** Why the declared shapes alone rule out joining rows; null when they do not. */
export function whyShapesForbidBatching(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): string | null {
  if (inputs.length === 0) return 'the model has no inputs';
  const tensors = [
    ...inputs.map((spec) => ['input', spec] as const),
    ...outputs.map((spec) => ['output', spec] as const),
  ];
  for (const [kind, { name, shape }] of tensors) {
    if (shape === null) continue;
    const [lead] = shape;
    if (lead === undefined) return `${kind} "${name}" has no batch dim`;
    // scikit-learn's exporter writes [1] for outputs that have a row per input row: the runs will tell.
    if (kind === 'output' && lead === 1) continue;
    if (typeof lead === 'number') return `${kind} "${name}" has fixed first dim ${lead}`;
  }
  return whySymbolForbidsBatching(inputs);
}

/** Rows cannot be counted by a dim that also measures something else, as in a square matrix `[N,N]`. */
function whySymbolForbidsBatching(inputs: readonly TensorSpec[]): string | null {
  const leads = new Set<Dim | undefined>(
    inputs.map(({ shape }) => shape?.[0]).filter((dim) => typeof dim === 'string'),
  );
  for (const { name, shape } of inputs) {
    const again = shape?.slice(1).find((dim) => leads.has(dim));
    if (again !== undefined) return `dim "${again}" counts rows and appears inside input "${name}" too`;
  }
  return null;
}

/**
 * Runs rows alone, together, and together in another order among other neighbours, and compares.
 * @param makeRow - a request of one row; different for every index
 */
export function proveBatching(run: RunModel, makeRow: (index: number) => NamedTensors): BatchingProof {
  const rows = SECOND_ORDER.map((_, index) => makeRow(index));
  const compared = rows.slice(0, PROOF_ROWS);
  const alone = compared.map((row) => run(row));
  const firstOrder = compared.map((_, index) => index);
  for (const order of [firstOrder, SECOND_ORDER]) {
    const together = run(joinRows(order.flatMap((index) => rows[index] ?? [])));
    const reason = findDifference(alone, together, order);
    if (reason !== null) return { sound: false, reason };
  }
  return { sound: true, rowsTried: PROOF_ROWS };
}

function findDifference(
  alone: readonly NamedTensors[],
  together: NamedTensors,
  order: readonly number[],
): string | null {
  for (const [name, joined] of together) {
    const rows = joined.shape[0];
    if (rows === undefined) return `output "${name}" has no batch dim`;
    if (rows !== order.length) return `output "${name}" has ${rows} rows for ${order.length} rows of input`;
    for (const [position, index] of order.entries()) {
      const expected = alone[index]?.get(name);
      if (expected === undefined) continue; // only a neighbour
      if (expected.shape[0] !== 1) return `output "${name}" has ${expected.shape[0] ?? 'no'} rows for 1 row of input`;
      const difference = rowDifference(expected, joined, position);
      if (difference !== null) return `output "${name}" ${difference}`;
    }
  }
  return null;
}
