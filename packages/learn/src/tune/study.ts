// A study as a state machine without time or concurrency of its own: ask for a trial, report to it, tell its outcome.
// Everything that happens goes to the sink first and then into the state, so the journal can rebuild what was answered.
// Running trials is in run-study.ts.
import { AmaasError, type Clock } from '@amaas/core';
import { createSampler, createScheduler, type StudyDefinition, studyDefinitionToJson } from './definition.ts';
import { type EndOutcome, formatEvent, type StudyEvent } from './journal.ts';
import type { Sampler } from './sampler.ts';
import type { Scheduler } from './scheduler.ts';
import { type Configuration, configurationKey } from './search-space.ts';
import { firstOfGrid, isFiniteSpace, nextOfGrid, sampleConfiguration } from './simple-samplers.ts';
import { createRandom } from '../statistics/index.ts';
import type { Decision, TrialRecord } from './trial.ts';

/** Takes one line of the journal, without its line break; what it throws ends the study. */
export type JournalSink = (line: string) => void;

export interface StudyPorts {
  readonly clock: Clock;
  readonly sink: JournalSink;
}

/** What to do next: run a trial, wait until a running one ends, or nothing, as all configurations were tried. */
export type Ask =
  | { readonly kind: 'trial'; readonly trial: TrialRecord }
  | { readonly kind: 'wait' }
  | { readonly kind: 'exhausted' };

export type Outcome = { readonly value: number } | { readonly failure: string };

export interface StudyReport {
  readonly resource: number;
  readonly value: number;
  /** Stops the trial whatever the scheduler says; for budgets. */
  readonly mustStop?: boolean;
}

/** Suggestions of a sampler are asked for this often before a configuration is tried twice. */
const MAX_ATTEMPTS = 64;
/** From this attempt on configurations are drawn at random: the sampler seems set on one. */
const RANDOM_FROM_ATTEMPT = 16;
const MAX_FAILURE_CHARS = 500;

/**
 * Starts a study; its definition is the journal's first line.
 * @example
 * const definition = parseStudyDefinition({ space: { x: { uniform: [-5, 5] } }, sampler: { kind: 'tpe' }, seed: 1 });
 * const study = createStudy(definition, { clock: systemClock, sink: (line) => appendFileSync(path, `${line}\n`) });
 * const { best } = await runStudy(study, { maxTrials: 50, runTrial: async ({ configuration }) => loss(configuration) });
 */
export function createStudy(definition: StudyDefinition, ports: StudyPorts): Study {
  const study = new Study(definition, { ports, elapsedMs: 0 });
  ports.sink(formatEvent({ event: 'study', definition }));
  return study;
}

/**
 * Goes on with a study from its journal, which is neither repeated nor changed: new lines go to the sink. Trials that
 * were running are running still and are to be run again from their start; what they report again is answered as before.
 * @param expected - refuses a journal of another definition.
 * @throws INVALID_CHECKPOINT when events do not follow from one another or the definition differs.
 */
export function resumeStudy(events: readonly StudyEvent[], ports: StudyPorts, expected?: StudyDefinition): Study {
  const [first, ...rest] = events;
  if (first?.event !== 'study') throw new AmaasError('INVALID_CHECKPOINT', 'study: the journal does not open a study');
  if (expected !== undefined && !sameDefinition(first.definition, expected)) {
    throw new AmaasError('INVALID_CHECKPOINT', 'study: the journal belongs to a study with another definition');
  }
  const elapsedMs = rest.reduce(
    (latest, event) => (event.event === 'study' ? latest : Math.max(latest, event.atMs)),
    0,
  );
  const study = new Study(first.definition, { ports, elapsedMs });
  study.replay(rest);
  return study;
}

function sameDefinition(a: StudyDefinition, b: StudyDefinition): boolean {
  return JSON.stringify(studyDefinitionToJson(a)) === JSON.stringify(studyDefinitionToJson(b));
}

export class Study {
  readonly definition: StudyDefinition;
  readonly #ports: StudyPorts;
  readonly #sampler: Sampler;
  readonly #scheduler: Scheduler;
  readonly #originMs: number;
  #trials: readonly TrialRecord[] = [];
  /** Trials begun again after a resume → the last resource they had reported before. */
  readonly #repeatedUpTo = new Map<number, number>();

  constructor(definition: StudyDefinition, { ports, elapsedMs }: { ports: StudyPorts; elapsedMs: number }) {
    this.definition = definition;
    this.#ports = ports;
    this.#sampler = createSampler(definition);
    this.#scheduler = createScheduler(definition);
    this.#originMs = ports.clock.nowMs() - elapsedMs;
  }

  /** All trials in the order of their start; a new array whenever something happened. */
  get trials(): readonly TrialRecord[] {
    return this.#trials;
  }

  /** Study time: milliseconds of all runs together. */
  get elapsedMs(): number {
    return Math.round(this.#ports.clock.nowMs() - this.#originMs);
  }

  /** Starts the next trial, if one may start. */
  ask(): Ask {
    const plan = this.#scheduler.planStart(this.#trials);
    if (plan.kind === 'wait') return plan;
    const configuration = plan.kind === 'promote' ? plan.trial.configuration : this.#suggest();
    if (configuration === null) return { kind: 'exhausted' };
    const promotedFrom = plan.kind === 'promote' ? plan.trial.index : null;
    const index = this.#trials.length;
    this.#record({ event: 'start', trial: index, configuration, promotedFrom, atMs: this.elapsedMs });
    return { kind: 'trial', trial: this.#trial(index) };
  }

  /**
   * An intermediate value of a running trial. A value that is not finite stops the trial, which then has failed.
   * @throws INVALID_ARGUMENT when the resource does not rise from report to report, or the trial has ended.
   */
  report(index: number, { resource, value, mustStop }: StudyReport): Decision {
    const trial = this.#runningTrial(index);
    const last = trial.reports.at(-1);
    const repeatedUpTo = this.#repeatedUpTo.get(index) ?? Number.NEGATIVE_INFINITY;
    if (last !== undefined && resource <= repeatedUpTo) {
      const before = trial.reports.findLast((report) => report.resource <= resource);
      return before?.decision ?? 'continue';
    }
    if (last?.decision === 'stop') return 'stop';
    if (!Number.isFinite(resource) || resource <= (last?.resource ?? Number.NEGATIVE_INFINITY)) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `study: trial ${index} reports at resource ${resource}, expected a number above ${last?.resource ?? 'none'}`,
      );
    }
    const goesOn = Number.isFinite(value) && mustStop !== true;
    const decision = goesOn ? this.#scheduler.decide({ trials: this.#trials, trial, resource, value }) : 'stop';
    this.#record({ event: 'report', trial: index, resource, value, decision, atMs: this.elapsedMs });
    return decision;
  }

  /**
   * Ends a trial. One that was told to stop keeps its last reported value, whatever it returned.
   * @throws INVALID_ARGUMENT when the trial has ended.
   */
  tell(index: number, outcome: Outcome): TrialRecord {
    const trial = this.#runningTrial(index);
    this.#record({ event: 'end', trial: index, outcome: endOutcome(trial, outcome), atMs: this.elapsedMs });
    return this.#trial(index);
  }

  /** Takes over the events of a journal; for {@link resumeStudy} only. */
  replay(events: readonly StudyEvent[]): void {
    for (const event of events) this.#apply(event);
    for (const { status, index, reports } of this.#trials) {
      const last = reports.at(-1);
      if (status === 'running' && last !== undefined) this.#repeatedUpTo.set(index, last.resource);
    }
  }

  #suggest(): Configuration | null {
    const trials = this.#trials;
    const index = trials.length;
    const tried = new Set(trials.map(({ configuration }) => configurationKey(configuration)));
    const random = createRandom(this.definition.seed).fork('retry', index);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const configuration =
        attempt < RANDOM_FROM_ATTEMPT
          ? this.#sampler.ask({ trials, index, attempt })
          : sampleConfiguration(this.definition.space, random);
      if (configuration === null || !tried.has(configurationKey(configuration))) return configuration;
    }
    const { space } = this.definition;
    if (!isFiniteSpace(space)) return this.#sampler.ask({ trials, index, attempt: 0 });
    // Among the first (tried + 1) of the grid there is an untried one, unless all were tried.
    for (let next: Configuration | null = firstOfGrid(space); next !== null; next = nextOfGrid(space, next)) {
      if (!tried.has(configurationKey(next))) return next;
    }
    return null;
  }

  #record(event: StudyEvent): void {
    this.#ports.sink(formatEvent(event));
    this.#apply(event);
  }

  #apply(event: StudyEvent): void {
    switch (event.event) {
      case 'study':
        throw new AmaasError('INVALID_CHECKPOINT', 'study: the journal opens a study twice');
      case 'start': {
        const { trial: index, configuration, promotedFrom, atMs } = event;
        if (index !== this.#trials.length || (promotedFrom !== null && this.#trials[promotedFrom] === undefined)) {
          throw new AmaasError('INVALID_CHECKPOINT', `study: the journal starts trial ${index} out of order`);
        }
        const trial: TrialRecord = {
          index,
          configuration,
          promotedFrom,
          status: 'running',
          reports: [],
          value: null,
          failure: null,
          startedMs: atMs,
          endedMs: null,
        };
        this.#trials = [...this.#trials, trial];
        break;
      }
      case 'report': {
        const { trial: index, resource, value, decision } = event;
        const trial = this.#journalled(index);
        this.#replace({ ...trial, reports: [...trial.reports, { resource, value, decision }] });
        break;
      }
      case 'end': {
        const { outcome, atMs } = event;
        const trial = this.#journalled(event.trial);
        const value = outcome.status === 'failed' ? null : outcome.value;
        const failure = outcome.status === 'failed' ? outcome.failure : null;
        this.#replace({ ...trial, status: outcome.status, value, failure, endedMs: atMs });
        this.#repeatedUpTo.delete(trial.index);
        break;
      }
      default:
        event satisfies never;
    }
  }

  #replace(trial: TrialRecord): void {
    this.#trials = this.#trials.with(trial.index, trial);
  }

  #journalled(index: number): TrialRecord {
    const trial = this.#trials[index];
    if (trial?.status !== 'running') {
      throw new AmaasError(
        'INVALID_CHECKPOINT',
        `study: the journal goes on with trial ${index}, which is not running`,
      );
    }
    return trial;
  }

  #runningTrial(index: number): TrialRecord {
    const trial = this.#trial(index);
    if (trial.status !== 'running') {
      throw new AmaasError('INVALID_ARGUMENT', `study: trial ${index} has ended (${trial.status})`);
    }
    return trial;
  }

  #trial(index: number): TrialRecord {
    const trial = this.#trials[index];
    if (trial === undefined) throw new AmaasError('INVALID_ARGUMENT', `study: there is no trial ${index}`);
    return trial;
  }
}

function endOutcome({ reports }: TrialRecord, outcome: Outcome): EndOutcome {
  const last = reports.at(-1);
  if ('failure' in outcome) return { status: 'failed', failure: outcome.failure.slice(0, MAX_FAILURE_CHARS) };
  if (last !== undefined && !Number.isFinite(last.value)) {
    return { status: 'failed', failure: `reported ${last.value} at resource ${last.resource}` };
  }
  if (last?.decision === 'stop') return { status: 'stopped', value: last.value };
  if (!Number.isFinite(outcome.value)) return { status: 'failed', failure: `the objective is ${outcome.value}` };
  return { status: 'completed', value: outcome.value };
}
