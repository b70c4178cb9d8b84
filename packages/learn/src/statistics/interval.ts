// What an interval estimate looks like everywhere in `learn`: plain data for reports.
import { AmaasError } from '@amaas/core';

/** How an interval was made. */
export type IntervalMethod = 'wilson' | 'percentile' | 'bca';

/** A confidence interval, both ends included. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
  /** In (0, 1), such as 0.95. */
  readonly confidence: number;
  readonly method: IntervalMethod;
}

/** The usual convention; nothing here depends on it. */
export const DEFAULT_CONFIDENCE = 0.95;

/** @throws INVALID_ARGUMENT unless `confidence` lies strictly between 0 and 1. */
export function checkConfidence(operation: string, confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: confidence must lie between 0 and 1, both excluded, got ${confidence}`,
    );
  }
}
