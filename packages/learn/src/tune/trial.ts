// What is known of one trial, and the order in which trials rank. Plain data; knows no samplers, no schedulers.
import type { Configuration } from './search-space.ts';

export type Direction = 'minimise' | 'maximise';

/** `stopped` means told to stop before its end; its value is the last it reported. */
export type TrialStatus = 'running' | 'completed' | 'stopped' | 'failed';

export type Decision = 'continue' | 'stop';

/** An intermediate value at a resource: epochs, steps, rows, whatever grows as a trial goes on. */
export interface TrialReport {
  readonly resource: number;
  /** The objective so far; may be NaN or infinite. */
  readonly value: number;
  readonly decision: Decision;
}

export interface TrialRecord {
  /** 0, 1, 2 … in the order of their start. */
  readonly index: number;
  readonly configuration: Configuration;
  /** The trial whose configuration is run again with more resource, else null. */
  readonly promotedFrom: number | null;
  readonly status: TrialStatus;
  /** By rising resource. */
  readonly reports: readonly TrialReport[];
  /** The objective; finite. Null while running and for failed trials. */
  readonly value: number | null;
  /** Why a failed trial failed, else null. */
  readonly failure: string | null;
  /** Milliseconds of study time. */
  readonly startedMs: number;
  readonly endedMs: number | null;
}

/** A trial that has a value. */
export type ValuedTrial = TrialRecord & { readonly value: number };

/**
 * Trials with a value, best first: the completed ones by value, then the stopped ones, those that got further first,
 * at equal resource by value. Values at different resources are never compared. Ties go to the earlier trial.
 */
export function rankTrials(trials: readonly TrialRecord[], direction: Direction): readonly ValuedTrial[] {
  return trials
    .filter((trial): trial is ValuedTrial => trial.value !== null)
    .sort((a, b) => compareTrials(a, b, direction) || a.index - b.index);
}

function compareTrials(a: ValuedTrial, b: ValuedTrial, direction: Direction): number {
  if (a.status !== b.status) return a.status === 'completed' ? -1 : 1;
  const further = a.status === 'stopped' ? reachedResource(b) - reachedResource(a) : 0;
  return further !== 0 ? further : loss(a.value, direction) - loss(b.value, direction);
}

/** The resource of a trial's last report; 0 before the first. */
export function reachedResource(trial: TrialRecord): number {
  return trial.reports.at(-1)?.resource ?? 0;
}

/** A value turned so that less is better. */
export function loss(value: number, direction: Direction): number {
  return direction === 'minimise' ? value : -value;
}

/** Trials whose configuration was started again with more resource and did not fail there. */
export function supersededTrials(trials: readonly TrialRecord[]): ReadonlySet<number> {
  return new Set(
    trials.flatMap(({ promotedFrom, status }) => (promotedFrom === null || status === 'failed' ? [] : [promotedFrom])),
  );
}
