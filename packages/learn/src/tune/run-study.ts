// Runs the trials of a study, several at once, until a budget is used up: the acting half beside study.ts, which decides.
// Knows nothing of what a trial does.
import { AmaasError } from '@amaas/core';
import type { Study } from './study.ts';
import { type Decision, rankTrials, supersededTrials, type TrialRecord, type ValuedTrial } from './trial.ts';

export interface TrialContext {
  /**
   * Tells an intermediate value at a resource that rises from report to report (epochs, steps, rows).
   * On `stop` the trial should return soon; what it returns no longer counts.
   */
  readonly report: (resource: number, value: number) => Decision;
  /** Aborted when the study ends early; what the trial then returns or throws is not recorded, a resume runs it again. */
  readonly signal: AbortSignal;
}

/** Runs one configuration and gives its objective. What it throws makes the trial a failed one. */
export type RunTrial = (trial: TrialRecord, context: TrialContext) => Promise<number>;

export interface RunStudyOptions {
  readonly runTrial: RunTrial;
  /** Trials started in the study's whole life, promotions included; at least one of the two budgets must be given. */
  readonly maxTrials?: number;
  /** Study time over all runs. Past it no trial starts, and running ones are told to stop when they next report. */
  readonly maxElapsedMs?: number;
  /** Trials at once; default 1. Only with 1 do equal seeds give equal studies, as trials end in any order. */
  readonly parallel?: number;
  /** Failures in a row, since this run began, that end it; default 5: by then something is wrong with all trials. */
  readonly maxFailuresInRow?: number;
  readonly signal?: AbortSignal;
  /** Called after whatever changed the study's trials, for live displays. */
  readonly onChange?: () => void;
}

export interface StudyResult {
  readonly ended: 'trials' | 'time' | 'exhausted' | 'failures' | 'cancelled';
  readonly trials: readonly TrialRecord[];
  /** Null when no trial has a value. */
  readonly best: ValuedTrial | null;
}

/**
 * Runs a study until its budget is used up, its space is exhausted, too many trials failed in a row or `signal` aborts;
 * always after every running trial has settled. Running one study twice at a time is the caller's mistake.
 * @throws INVALID_ARGUMENT for a budget that is missing or not positive; what the journal's sink throws.
 */
export async function runStudy(study: Study, options: RunStudyOptions): Promise<StudyResult> {
  const ended = await new StudyRun(study, options).run();
  return { ended, trials: study.trials, best: bestTrials(study, 1)[0] ?? null };
}

/** The best trials, best first; of a configuration run again with more resource only the last run counts. */
export function bestTrials(study: Study, count: number): readonly ValuedTrial[] {
  const superseded = supersededTrials(study.trials);
  return rankTrials(study.trials, study.definition.direction)
    .filter(({ index }) => !superseded.has(index))
    .slice(0, count);
}

class StudyRun {
  readonly #study: Study;
  readonly #options: RunStudyOptions;
  readonly #parallel: number;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #failuresInRow = 0;

  constructor(study: Study, options: RunStudyOptions) {
    this.#study = study;
    this.#options = options;
    this.#parallel = checkCount('parallel', options.parallel ?? 1);
    if (options.maxTrials === undefined && options.maxElapsedMs === undefined) {
      throw new AmaasError('INVALID_ARGUMENT', 'study: needs maxTrials or maxElapsedMs');
    }
    if (options.maxTrials !== undefined) checkCount('maxTrials', options.maxTrials);
    if (options.maxElapsedMs !== undefined && !(options.maxElapsedMs > 0)) {
      throw new AmaasError('INVALID_ARGUMENT', `study: maxElapsedMs must be above 0, got ${options.maxElapsedMs}`);
    }
    checkCount('maxFailuresInRow', options.maxFailuresInRow ?? 1);
    this.#signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, options.signal]);
  }

  async run(): Promise<StudyResult['ended']> {
    const interrupted = this.#study.trials.filter(({ status }) => status === 'running');
    try {
      for (;;) {
        const ended = this.#startTrials(interrupted);
        if (ended === 'failures') this.#stop.abort();
        if (this.#running.size === 0) return ended ?? 'exhausted';
        await Promise.race(this.#running);
      }
    } finally {
      this.#stop.abort(); // reached with trials still running only when the sink threw
      await Promise.allSettled(this.#running);
    }
  }

  /** Starts as many trials as may run now; says why when no more ever may. */
  #startTrials(interrupted: TrialRecord[]): StudyResult['ended'] | null {
    while (this.#running.size < this.#parallel) {
      const ended = this.#endReason(interrupted.length > 0);
      if (ended !== null) return ended;
      const again = interrupted.shift();
      if (again !== undefined) {
        this.#start(again);
        continue;
      }
      const asked = this.#study.ask();
      if (asked.kind === 'exhausted') return 'exhausted';
      if (asked.kind === 'wait') return null;
      this.#options.onChange?.();
      this.#start(asked.trial);
    }
    return null;
  }

  #endReason(hasInterrupted: boolean): StudyResult['ended'] | null {
    const { maxTrials = Number.POSITIVE_INFINITY, maxFailuresInRow = 5 } = this.#options;
    if (this.#options.signal?.aborted === true) return 'cancelled';
    if (this.#failuresInRow >= maxFailuresInRow) return 'failures';
    if (this.#isOutOfTime()) return 'time';
    return !hasInterrupted && this.#study.trials.length >= maxTrials ? 'trials' : null;
  }

  #isOutOfTime(): boolean {
    return this.#study.elapsedMs >= (this.#options.maxElapsedMs ?? Number.POSITIVE_INFINITY);
  }

  #start(trial: TrialRecord): void {
    const running = this.#runTrial(trial).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #runTrial(trial: TrialRecord): Promise<void> {
    const { runTrial, onChange } = this.#options;
    let outcome: { readonly value: number } | { readonly failure: string };
    // A sink that throws in the middle of a report must end the study, not pass for a failure of the trial.
    let sinkFault: { readonly thrown: unknown } | null = null;
    const report = (resource: number, value: number): Decision => {
      if (this.#signal.aborted) return 'stop';
      try {
        const decision = this.#study.report(trial.index, { resource, value, mustStop: this.#isOutOfTime() });
        onChange?.();
        return decision;
      } catch (thrown) {
        if (!(thrown instanceof AmaasError && thrown.reason === 'INVALID_ARGUMENT')) sinkFault = { thrown };
        throw thrown;
      }
    };
    try {
      outcome = { value: await runTrial(trial, { report, signal: this.#signal }) };
    } catch (thrown) {
      outcome = { failure: describeFailure(thrown) };
    }
    rethrow(sinkFault);
    if (this.#signal.aborted) return;
    const { status } = this.#study.tell(trial.index, outcome);
    this.#failuresInRow = status === 'failed' ? this.#failuresInRow + 1 : 0;
    onChange?.();
  }
}

function rethrow(fault: { readonly thrown: unknown } | null): void {
  if (fault !== null) throw fault.thrown;
}

function describeFailure(thrown: unknown): string {
  if (thrown instanceof AmaasError) return `${thrown.reason}: ${thrown.message}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function checkCount(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `study: ${name} must be a whole number ≥ 1, got ${value}`);
  }
  return value;
}
