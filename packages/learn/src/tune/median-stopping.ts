// The median stopping rule: a trial whose best value so far is worse than the median of the others' running means at
// the same resource ends.
// Source: Golovin et al. 2017, "Google Vizier: a service for black-box optimization", section 3.2.1.
import type { Scheduler } from './scheduler.ts';
import { type Direction, loss, type TrialRecord } from './trial.ts';

export interface MedianStoppingOptions {
  readonly direction: Direction;
  /** Nothing is stopped before this resource. */
  readonly minResource: number;
  /** Completed trials that must have got as far before anything is stopped. */
  readonly minTrials: number;
}

export function createMedianStopping({ direction, minResource, minTrials }: MedianStoppingOptions): Scheduler {
  return {
    decide({ trials, trial, resource, value }) {
      if (resource < minResource) return 'continue';
      const others = trials.filter(
        ({ status, reports }) => status === 'completed' && (reports.at(-1)?.resource ?? 0) >= resource,
      );
      if (others.length < minTrials) return 'continue';
      const means = others.map((other) => meanLoss(other, { resource, direction }));
      const best = Math.min(loss(value, direction), ...trial.reports.map((report) => loss(report.value, direction)));
      return best > median(means) ? 'stop' : 'continue';
    },
    planStart: () => ({ kind: 'sample' }),
  };
}

function meanLoss(
  trial: TrialRecord,
  { resource, direction }: { readonly resource: number; readonly direction: Direction },
): number {
  const seen = trial.reports.filter((report) => report.resource <= resource);
  // One that reported less often may have nothing at or below the resource; its first report is the nearest there is.
  const used = seen.length > 0 ? seen : trial.reports.slice(0, 1);
  return used.reduce((sum, report) => sum + loss(report.value, direction), 0) / used.length;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? 0;
  const lower = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (lower + upper) / 2;
}
