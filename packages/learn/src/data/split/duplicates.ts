// Finds rows that are in training and in a held-out part alike: there a model is asked what it has been told.
import { countOf, type DataFinding, nameRows } from '../findings.ts';
import type { DataSource } from '../source.ts';
import { readCell, type Table } from '../table/index.ts';
import type { Split, SplitPart } from './split.ts';

export interface SharedRows {
  /** Held-out rows that equal a training row in every column looked at, ascending. */
  readonly rows: Uint32Array;
  /** One finding a part concerned. */
  readonly findings: readonly DataFinding[];
}

export interface SharedRowsOptions {
  /** Columns that make rows equal; all when left out. Leave the target out to find contradicting rows too. */
  readonly columns?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Compares by a 53-bit hash of the cells, so that a large source needs no more than a number a row: of a million
 * rows, some two would be taken for equal by mistake once in about 18,000 data sets.
 */
export async function findSharedRows(
  source: DataSource,
  split: Split,
  options: SharedRowsOptions = {},
): Promise<SharedRows> {
  const hashes = await hashRows(source, options);
  const trained = new Set<number>();
  for (const row of split.train) trained.add(hashes[row] ?? -1);
  const findings: DataFinding[] = [];
  const heldOut: readonly SplitPart[] = ['validation', 'test'];
  const all = heldOut.flatMap((part) => {
    const shared = [...split[part]].filter((row) => trained.has(hashes[row] ?? -2));
    if (shared.length > 0) {
      const message =
        `${countOf(shared.length, `${part} row`)} of ${split[part].length.toLocaleString('en-US')} also ` +
        `${shared.length === 1 ? 'is' : 'are'} in training (${nameRows(shared)}), which flatters the result; ` +
        'remove duplicates, or group by what they share';
      findings.push({ severity: 'warning', code: 'duplicate-rows', message, rows: shared.slice(0, 5) });
    }
    return shared;
  });
  return { rows: Uint32Array.from(all).sort(), findings };
}

async function hashRows(source: DataSource, options: SharedRowsOptions): Promise<Float64Array> {
  const hashes = new Float64Array(source.rowCount);
  let row = 0;
  for await (const batch of source.read(options)) {
    for (let i = 0; i < batch.rowCount; i++) hashes[row + i] = hashRow(batch, i);
    row += batch.rowCount;
  }
  return hashes;
}

/** Two 32-bit FNV-1a hashes from different starts, of which 53 bits fit a number. */
function hashRow(table: Table, row: number): number {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (const column of table.columns) {
    const cell = readCell(column, row);
    // The length keeps ('a', 'b') and ('ab', '') apart; missing has none.
    const text = cell === null ? '' : `${String(cell).length}:${String(cell)}`;
    for (let i = 0; i < text.length; i++) {
      first = Math.imul(first ^ text.charCodeAt(i), 0x01000193);
      second = Math.imul(second ^ text.charCodeAt(i), 0x85ebca6b);
      second ^= second >>> 13;
    }
    first = Math.imul(first ^ 0x1f, 0x01000193);
    second = Math.imul(second ^ 0x1f, 0x85ebca6b);
  }
  return (first >>> 0) * 2 ** 21 + (second >>> 11);
}
