// The port of schedulers: whether a trial goes on after it reported, and what is started next. Like samplers they keep
// nothing: every answer follows from the list of trials.
import type { Decision, TrialRecord } from './trial.ts';

export interface SchedulerReport {
  /** All trials so far; the reporting one is among them, without this report. */
  readonly trials: readonly TrialRecord[];
  readonly trial: TrialRecord;
  readonly resource: number;
  /** Finite: trials that report anything else have failed already. */
  readonly value: number;
}

/** What to start: a new configuration, an earlier trial's configuration again, or nothing until a running trial ends. */
export type StartPlan =
  | { readonly kind: 'sample' }
  | { readonly kind: 'promote'; readonly trial: TrialRecord }
  | { readonly kind: 'wait' };

export interface Scheduler {
  decide(report: SchedulerReport): Decision;
  planStart(trials: readonly TrialRecord[]): StartPlan;
}

/** Lets every trial run to its end. */
export const unscheduled: Scheduler = {
  decide: () => 'continue',
  planStart: () => ({ kind: 'sample' }),
};
