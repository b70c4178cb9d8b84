// What was noticed about data, in one form: how a file was read, what is odd in it, what forbids training on it.
import { AmaasError } from '@amaas/core';

/** 'error' forbids training, 'warning' likely harms it, 'info' says what was decided and why. */
export type FindingSeverity = 'info' | 'warning' | 'error';

export const FINDING_CODES = [
  // How it was read
  'format',
  'separator',
  'header',
  'encoding',
  'decimal-comma',
  'line-ends',
  'missing-values',
  'trimmed',
  'ragged-rows',
  'renamed-columns',
  'large-integers',
  'leading-zeros',
  'bad-values',
  'time-zone',
  // What is in it
  'sampled',
  'no-rows',
  'all-missing',
  'mostly-missing',
  'constant',
  'identifier',
  'many-categories',
  'numbers-as-text',
  'infinite-values',
  'leakage',
  'no-features',
  // The column to predict
  'target-missing',
  'target-kind',
  'one-class',
  'rare-class',
  // Splits
  'duplicate-rows',
  'split-sizes',
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

/** One thing noticed; `message` says what was found and, where something should be done, what. */
export interface DataFinding {
  readonly severity: FindingSeverity;
  readonly code: FindingCode;
  readonly message: string;
  readonly column?: string;
  /** Some of the rows it is about, counted from 0. */
  readonly rows?: readonly number[];
}

/**
 * Refuses data with an 'error' among its findings.
 * @throws INVALID_DATA with every error's message, one a line.
 */
export function refuseErrors(operation: string, findings: readonly DataFinding[]): void {
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return;
  throw new AmaasError('INVALID_DATA', `${operation}: ${errors.map((finding) => finding.message).join('\n')}`, {
    details: { findings: errors },
  });
}

/** Rows as people count them, "rows 1, 5, 9 and 12 more"; indices come from 0 and are shown from 1. */
export function nameRows(rows: readonly number[], total = rows.length): string {
  const shown = rows.slice(0, 5).map((row) => row + 1);
  const more = total > shown.length ? ` and ${total - shown.length} more` : '';
  return `${total === 1 ? 'row' : 'rows'} ${shown.join(', ')}${more}`;
}

/** "1 row", "2,500 rows". */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}
