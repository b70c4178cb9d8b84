// Successive halving in its asynchronous form (ASHA) and its synchronous one. Both have rungs at resources that grow by
// the reduction factor, and let about one of `reductionFactor` trials past each.
// Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA); Jamieson and Talwalkar 2016,
// "Non-stochastic best arm identification and hyperparameter optimization" (successive halving).
import type { Scheduler, SchedulerReport } from './scheduler.ts';
import { type Decision, type Direction, loss, type TrialRecord } from './trial.ts';

export interface HalvingOptions {
  readonly direction: Direction;
  /** The resource of the first rung. */
  readonly minResource: number;
  /** The resource at which a trial is complete; no rung lies at or beyond it. */
  readonly maxResource: number;
  /** Above 1. */
  readonly reductionFactor: number;
}

/** The resources at which trials are compared, rising. */
export function rungResources({
  minResource,
  maxResource,
  reductionFactor,
}: Omit<HalvingOptions, 'direction'>): readonly number[] {
  const rungs: number[] = [];
  for (let resource = minResource; resource < maxResource; resource *= reductionFactor) rungs.push(resource);
  return rungs;
}

/**
 * ASHA in the stopping variant: a trial that reaches a rung goes on if it is among the best 1/`reductionFactor` of those
 * that got there before, and else ends at once. The promotion variant would pause trials instead, which asks the caller
 * for checkpoints of all paused ones; here a trial runs until it is told to stop. The price: the first trials to reach a
 * rung have few rivals and go on too easily.
 */
export function createAshaScheduler(options: HalvingOptions): Scheduler {
  const rungs = rungResources(options);
  return {
    decide(report) {
      const before = report.trial.reports.at(-1)?.resource ?? 0;
      const reached = rungs.filter((rung) => rung > before && rung <= report.resource);
      return reached.every((rung) => isAmongBest(report, { rung, options })) ? 'continue' : 'stop';
    },
    planStart: () => ({ kind: 'sample' }),
  };
}

function isAmongBest(
  { trials, trial, value }: SchedulerReport,
  { rung, options }: { readonly rung: number; readonly options: HalvingOptions },
): boolean {
  const rivals = trials
    .filter((other) => other.index !== trial.index)
    .flatMap((other) => lossAt(other, { rung, direction: options.direction }));
  const own = loss(value, options.direction);
  const better = rivals.filter((rival) => rival < own).length;
  return better < Math.max(1, Math.floor((rivals.length + 1) / options.reductionFactor));
}

/** What a trial reported on reaching a rung, as a loss, in a list that is empty when it did not reach it. */
function lossAt(
  trial: TrialRecord,
  { rung, direction }: { readonly rung: number; readonly direction: Direction },
): readonly number[] {
  const report = trial.reports.find(({ resource }) => resource >= rung);
  if (report === undefined) return [];
  const reported = loss(report.value, direction);
  return [Number.isFinite(reported) ? reported : Number.POSITIVE_INFINITY]; // one that diverged lost to all
}

/**
 * Successive halving in rounds: a cohort of trials runs to the first rung and ends there; when all have, the best
 * 1/`reductionFactor` are started again as new trials that may use as much as the next rung allows (`promotedFrom` tells
 * whose checkpoint to go on from), and so on; then the next cohort begins. Needs no pausing, but waits for the slowest
 * trial of each round, and pays the lower rungs again where the caller keeps no checkpoints.
 */
export function createSuccessiveHalvingScheduler(options: HalvingOptions & { readonly cohort: number }): Scheduler {
  const rungs = rungResources(options);
  return {
    decide({ trials, trial, resource }): Decision {
      const limit = rungs[promotionsOf(trial, trials)]; // past the last rung there is none: such trials end by themselves
      return limit !== undefined && resource >= limit ? 'stop' : 'continue';
    },
    planStart(trials) {
      const round = currentRound(trials, options);
      if (round.started.length < round.size) {
        const promoted = round.promotable[round.started.length];
        return promoted === undefined ? { kind: 'sample' } : { kind: 'promote', trial: promoted };
      }
      return { kind: 'wait' };
    },
  };
}

function promotionsOf(trial: TrialRecord, trials: readonly TrialRecord[]): number {
  let count = 0;
  for (let at: TrialRecord | undefined = trial; at !== undefined && at.promotedFrom !== null; count++)
    at = trials[at.promotedFrom];
  return count;
}

interface Round {
  readonly size: number;
  readonly started: readonly TrialRecord[];
  /** Whose configurations this round runs; empty in the first round of a cohort. */
  readonly promotable: readonly TrialRecord[];
}

/** Walks through the trials in the order of their start, round by round, to the one that is not over. */
function currentRound(
  trials: readonly TrialRecord[],
  { direction, reductionFactor, cohort }: HalvingOptions & { readonly cohort: number },
): Round {
  let promotable: readonly TrialRecord[] = [];
  for (let from = 0; ; ) {
    const size = promotable.length === 0 ? cohort : promotable.length;
    const started = trials.slice(from, from + size);
    if (started.length < size || started.some(({ status }) => status === 'running'))
      return { size, started, promotable };
    from += size;
    const survivors = started
      .filter(({ value }) => value !== null)
      .sort((a, b) => loss(a.value ?? 0, direction) - loss(b.value ?? 0, direction) || a.index - b.index)
      .slice(0, Math.floor(size / reductionFactor));
    // One that ended by itself has nothing to gain from more resource.
    promotable = survivors.filter(({ status }) => status === 'stopped');
  }
}
