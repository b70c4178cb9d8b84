// The queue: which job runs when, and what is written down about it before anybody is told. Whatever ends a process or the
// server, a job that was acknowledged goes on to one of its three ends, once. One server owns the queue, as it owns the
// data directory; so who waits is kept in memory, and the table is what survives.
import { randomBytes } from 'node:crypto';
import { AmaasError, type CancelTimer, type Clock, serializeError } from '@amaas/core';
import type { Database } from '../storage/index.ts';
import { Attempt, type AttemptOutcome, contextOf } from './attempt.ts';
import { forgetOldJobs } from './forget-old-jobs.ts';
import { JobEvents, readEvents } from './job-events.ts';
import { JobFiles } from './job-files.ts';
import type { JobKind } from './job-kind.ts';
import { readLog } from './job-log.ts';
import { JobStore } from './job-store.ts';
import { checkConfiguration, kindNamed, missingKind } from './submission.ts';
import { type FinalState, isFinal, type JobEvent, type JobFilter, type JobRecord, type Json } from './types.ts';

export interface JobsParts {
  readonly database: Database;
  /** Where jobs have their folders. */
  readonly directory: string;
  readonly kinds: readonly JobKind[];
  /** Most jobs that run at the same time. */
  readonly maxConcurrentJobs: number;
  readonly clock: Clock;
  /** Hears what went wrong where nobody waits for an answer. */
  readonly onProblem: (job: string | null, what: string, error: unknown) => void;
  /** Hears of each attempt that begins. */
  readonly onStarted?: (job: JobRecord) => void;
  /** Hears of each job that ended. */
  readonly onEnded?: (job: JobRecord) => void;
  /** How long a process that was asked to end may take; default 10 s: a few steps of a large model and a checkpoint. */
  readonly graceMs?: number;
}

export interface JobSubmission {
  readonly kind: string;
  readonly configuration: unknown;
  /** Higher goes first; default 0. */
  readonly priority?: number;
  readonly createdBy: string;
}

const DEFAULT_GRACE_MS = 10_000;

/** What hooks may take beyond the grace of their processes when the server stops. */
const HOOK_GRACE_MS = 2000;

/** Jobs that may wait, each with its configuration in memory; more are a mistake of whoever submits them. */
const MAX_WAITING = 1000;

/** A job whose process, or server, ends this often without a word is not tried again. */
const MAX_CRASHES = 3;

/** After a failure to write, such as a full disk, it is tried again so much later. */
const WRITE_RETRY_MS = 5000;

const SWEEP_EVERY_MS = 6 * 60 * 60 * 1000;

/** A job at work. */
interface Active {
  job: JobRecord;
  readonly attempt: Attempt;
  /** Whether a cancellation was written down; undefined before one was asked for. */
  cancelling?: Promise<boolean>;
  /** Whether its end is being written down: a cancellation that comes now waits and sees. */
  isSettling: boolean;
  readonly done: Promise<void>;
}

export class Jobs {
  readonly #parts: JobsParts;
  readonly #store: JobStore;
  readonly #files: JobFiles;
  readonly #kinds: ReadonlyMap<string, JobKind>;
  readonly #waiting = new Map<string, JobRecord>();
  readonly #active = new Map<string, Active>();
  /** Of jobs that have not ended and are followed or at work. */
  readonly #events = new Map<string, JobEvents>();
  #sequence = 0;
  #isStarted = false;
  readonly #stopped = new AbortController();
  #cancelSweep: CancelTimer = () => {};

  private constructor(parts: JobsParts) {
    this.#parts = parts;
    this.#store = new JobStore(parts.database);
    this.#files = new JobFiles(parts.directory);
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.kind, kind]));
  }

  /** Opens the queue as the last server left it; nothing runs before {@link Jobs.start}. */
  static async open(parts: JobsParts): Promise<Jobs> {
    const jobs = new Jobs(parts);
    jobs.#sequence = await jobs.#store.lastSequence();
    for (const job of await jobs.#store.listOpen()) await jobs.#takeOver(job);
    return jobs;
  }

  /** Begins to work. */
  start(): void {
    if (this.#isStopping) return;
    this.#isStarted = true;
    this.#pump();
    void this.#sweepRegularly();
  }

  /** Takes no more, asks what runs to keep a checkpoint and end, and ends it; all of it goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelSweep();
    for (const events of this.#events.values()) events.finish(); // their followers keep connections open
    const active = [...this.#active.values()];
    for (const { attempt } of active) attempt.stop('shutdown');
    const { promise: outOfTime, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.schedule(this.#graceMs + HOOK_GRACE_MS, resolve);
    await Promise.race([Promise.all(active.map(({ done }) => done)), outOfTime]);
    cancel();
  }

  /** How many wait and how many run, at this moment. */
  get counts(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting.size, running: this.#active.size };
  }

  /** The model such a job would make a version for, for whoever decides whether it may. @throws as {@link Jobs.submit} */
  modelOf(submission: Pick<JobSubmission, 'kind' | 'configuration'>): string | null {
    const kind = kindNamed(this.#kinds, submission.kind);
    return kind.modelOf?.(checkConfiguration(kind, submission.configuration)) ?? null;
  }

  /**
   * Adds a job; it is on disk when this resolves.
   * @throws UNSUPPORTED_FEATURE for a kind there is not, MALFORMED_REQUEST for a configuration that does not fit, whatever
   *   the kind refuses (such as DATASET_NOT_FOUND), QUEUE_FULL, SHUTTING_DOWN, STORAGE_FULL.
   */
  async submit(submission: JobSubmission): Promise<JobRecord> {
    const { priority = 0, createdBy } = submission;
    const kind = kindNamed(this.#kinds, submission.kind);
    const checked = checkConfiguration(kind, submission.configuration);
    this.#assertTakesMore();
    const prepared = (await kind.prepare?.(checked, { createdBy })) ?? checked;
    const configuration = checkConfiguration(kind, prepared);
    this.#assertTakesMore();
    const job: JobRecord = {
      id: `job_${randomBytes(8).toString('hex')}`,
      sequence: ++this.#sequence,
      kind: kind.kind,
      state: 'queued',
      priority,
      model: kind.modelOf?.(configuration) ?? null,
      configuration,
      attempt: 0,
      crashes: 0,
      progress: null,
      result: null,
      error: null,
      createdAt: this.#now(),
      startedAt: null,
      endedAt: null,
      createdBy,
    };
    await this.#store.insert(job);
    this.#waiting.set(job.id, job);
    this.#pump();
    return job;
  }

  /** @throws JOB_NOT_FOUND */
  async get(id: string): Promise<JobRecord> {
    return this.#current(await this.#store.get(id));
  }

  /** Newest first. @throws JOB_NOT_FOUND for an unknown `before`, INVALID_ARGUMENT */
  async list(filter: JobFilter = {}): Promise<readonly JobRecord[]> {
    return (await this.#store.list(filter)).map((job) => this.#current(job));
  }

  /**
   * Ends a job: one that waits at once, one that runs is asked to and then made to. On disk when it resolves; cancelling
   * twice is once. One that is past its last step may still succeed.
   * @throws JOB_NOT_FOUND, JOB_ENDED
   */
  async cancel(id: string): Promise<JobRecord> {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) return this.#cancelWaiting(waiting);
    const active = this.#active.get(id);
    if (active?.isSettling === true) {
      await active.done;
      return this.cancel(id); // it waits again after a crash, or has ended
    }
    if (active !== undefined) {
      await this.#cancelActive(active);
      return this.get(id);
    }
    const job = await this.get(id);
    if (!isFinal(job.state)) return job; // somebody else is cancelling it
    throw new AmaasError('JOB_ENDED', `job ${id} cannot be cancelled: its state is ${job.state}`, {
      details: { job: id, state: job.state },
    });
  }

  /**
   * What happened to a job after the event `afterId` (0: from its beginning), as it happens; ends with the job, with
   * `signal`, and when the server stops.
   * @throws JOB_NOT_FOUND, from the iteration.
   */
  async *follow(id: string, afterId: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    await this.#store.get(id);
    if (this.#waiting.has(id) || this.#active.has(id)) {
      yield* this.#eventsOf(id).follow(afterId, signal);
      return;
    }
    for await (const { event } of readEvents(this.#files.of(id).events, 0)) {
      if (signal.aborted) return;
      if (event.id !== null && event.id > afterId) yield event;
    }
  }

  /** Its log so far, or the last `tailBytes` of it. @throws JOB_NOT_FOUND */
  async readLog(id: string, tailBytes?: number): Promise<AsyncIterable<Uint8Array>> {
    await this.#store.get(id);
    return readLog(this.#files.of(id), tailBytes);
  }

  /** A job that the last server left open. */
  async #takeOver(job: JobRecord): Promise<void> {
    if (job.state === 'cancelling') {
      await this.#end(job, { state: 'cancelled', error: cancelledError(job.id) });
    } else if (job.state === 'running') {
      const message = `job ${job.id}: the server ended while attempt ${job.attempt} ran`;
      await this.#afterCrash(job, new AmaasError('ENGINE_CRASHED', message));
    } else {
      this.#waiting.set(job.id, job);
    }
  }

  /** Starts what may run now. */
  #pump(): void {
    while (this.#isStarted && !this.#isStopping && this.#active.size < this.#parts.maxConcurrentJobs) {
      const next = nextOf(this.#waiting.values());
      if (next === undefined) return;
      this.#waiting.delete(next.id);
      this.#launch(next);
    }
  }

  #launch(waiting: JobRecord): void {
    const { clock } = this.#parts;
    const job: JobRecord = {
      ...waiting,
      state: 'running',
      attempt: waiting.attempt + 1,
      startedAt: waiting.startedAt ?? this.#now(),
    };
    const kind = this.#kinds.get(job.kind) ?? missingKind(job.kind);
    const events = this.#eventsOf(job.id);
    const attempt = new Attempt({ job, kind, files: this.#files, events, clock, graceMs: this.#graceMs });
    const { promise, resolve } = Promise.withResolvers<void>();
    const active: Active = { job, attempt, isSettling: false, done: promise };
    this.#active.set(job.id, active);
    void this.#work(active, waiting).finally(() => {
      this.#active.delete(job.id);
      if (!this.#waiting.has(job.id)) this.#events.delete(job.id); // not before: a follower would wait for a new one
      resolve();
      this.#pump();
    });
  }

  async #work(active: Active, waiting: JobRecord): Promise<void> {
    const { id, attempt, startedAt } = active.job;
    try {
      await this.#store.change(id, { state: 'running', attempt, ...(startedAt === null ? {} : { startedAt }) });
    } catch (error) {
      this.#parts.onProblem(id, 'a job could not be started', error);
      await this.#pause();
      this.#waiting.set(id, waiting);
      return;
    }
    this.#parts.onStarted?.(active.job);
    const outcome = await active.attempt.run();
    active.isSettling = true;
    const wasCancelled = (await active.cancelling) === true;
    const isOpen = outcome.kind === 'crashed' || outcome.kind === 'interrupted';
    await this.#settle(active, wasCancelled && isOpen ? { kind: 'cancelled' } : outcome);
  }

  /** Writes down how an attempt ended, until that succeeds or the server stops: then the next one finds it running. */
  async #settle(active: Active, outcome: AttemptOutcome): Promise<void> {
    for (;;) {
      try {
        await this.#writeOutcome({ ...active.job, progress: active.attempt.progress }, outcome);
        return;
      } catch (error) {
        this.#parts.onProblem(active.job.id, 'the end of an attempt could not be written down', error);
        if (this.#isStopping) return;
        await this.#pause();
      }
    }
  }

  async #writeOutcome(job: JobRecord, outcome: AttemptOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'succeeded':
        await this.#end(job, { state: 'succeeded', result: outcome.result });
        return;
      case 'failed':
        if (outcome.error.reason === 'INTERNAL') {
          this.#parts.onProblem(job.id, 'a job failed unexpectedly', outcome.error.cause ?? outcome.error);
        }
        await this.#end(job, { state: 'failed', error: outcome.error });
        return;
      case 'cancelled':
        await this.#end(job, { state: 'cancelled', error: cancelledError(job.id) });
        return;
      case 'crashed':
        await this.#afterCrash(job, outcome.error);
        return;
      case 'interrupted':
        await this.#requeue(job);
        return;
      default:
        throw new TypeError(`job: unknown outcome ${String(outcome satisfies never)}`);
    }
  }

  async #afterCrash(job: JobRecord, error: AmaasError): Promise<void> {
    const crashed = { ...job, crashes: job.crashes + 1 };
    this.#parts.onProblem(job.id, 'an attempt crashed', error);
    if (crashed.crashes < MAX_CRASHES) return this.#requeue(crashed);
    const message = `${error.message}; given up after ${MAX_CRASHES} crashes`;
    await this.#end(crashed, { state: 'failed', error: new AmaasError(error.reason, message, { retryable: false }) });
  }

  /** Lets a job wait to be resumed: it keeps its place in the order. */
  async #requeue(job: JobRecord): Promise<void> {
    const { id, crashes, progress } = job;
    await this.#store.change(id, { state: 'interrupted', crashes, progress });
    const events = this.#events.get(id);
    events?.state({ state: 'interrupted', attempt: job.attempt });
    await events?.close();
    this.#waiting.set(id, { ...job, state: 'interrupted' });
  }

  async #cancelWaiting(waiting: JobRecord): Promise<JobRecord> {
    this.#waiting.delete(waiting.id);
    try {
      const ended = await this.#end(waiting, { state: 'cancelled', error: cancelledError(waiting.id) });
      this.#events.delete(waiting.id);
      return ended;
    } catch (error) {
      this.#waiting.set(waiting.id, waiting);
      throw error;
    }
  }

  async #cancelActive(active: Active): Promise<void> {
    const { id, attempt } = active.job;
    const writing = this.#store.change(id, { state: 'cancelling' });
    active.cancelling = writing.then(
      () => true,
      () => false,
    );
    await writing;
    active.job = { ...active.job, state: 'cancelling' };
    this.#events.get(id)?.state({ state: 'cancelling', attempt });
    active.attempt.stop('cancel');
  }

  /** Ends a job for good. */
  async #end(
    job: JobRecord,
    end: { readonly state: FinalState; readonly result?: Json; readonly error?: AmaasError },
  ): Promise<JobRecord> {
    const { state } = end;
    if (end.error !== undefined) await this.#abandon(job, end.error);
    const endedAt = this.#now();
    const result = end.result ?? null;
    const error = end.error === undefined ? null : sayError(end.error);
    const { crashes, progress } = job;
    await this.#store.change(job.id, {
      state,
      crashes,
      progress,
      endedAt,
      ...(result === null ? {} : { result }),
      ...(error === null ? {} : { error }),
    });
    const events = this.#events.get(job.id);
    const why = error === null ? {} : { reason: error.reason, message: error.message };
    events?.state({ state, attempt: job.attempt, ...why });
    await events?.close();
    const tidied = this.#files.tidy(job.id, state);
    await tidied.catch((problem) => this.#parts.onProblem(job.id, 'what a job left could not be removed', problem));
    events?.finish();
    const ended: JobRecord = { ...job, state, result, error, endedAt };
    this.#parts.onEnded?.(ended);
    return ended;
  }

  async #abandon(job: JobRecord, error: AmaasError): Promise<void> {
    const kind = this.#kinds.get(job.kind);
    try {
      await kind?.abandon?.(contextOf(job, this.#files, { signal: this.#stopped.signal, log: null }), error);
    } catch (problem) {
      this.#parts.onProblem(job.id, 'a job could not be abandoned properly', problem);
    }
  }

  async #sweepRegularly(): Promise<void> {
    const { clock, onProblem } = this.#parts;
    await forgetOldJobs(this.#store, this.#files, clock).catch((error) =>
      onProblem(null, 'old jobs could not be removed', error),
    );
    if (!this.#isStopping) this.#cancelSweep = clock.schedule(SWEEP_EVERY_MS, () => void this.#sweepRegularly());
  }

  /** A row with what is only known here: how far it has come. */
  #current(job: JobRecord): JobRecord {
    const active = this.#active.get(job.id);
    if (active === undefined || isFinal(job.state)) return job;
    return { ...job, progress: active.attempt.progress ?? job.progress };
  }

  #eventsOf(id: string): JobEvents {
    let events = this.#events.get(id);
    if (events === undefined) {
      events = new JobEvents(this.#files.of(id).events, this.#parts.clock);
      this.#events.set(id, events);
    }
    return events;
  }

  #assertTakesMore(): void {
    if (this.#isStopping) throw new AmaasError('SHUTTING_DOWN', 'submit job: the server is shutting down');
    if (this.#waiting.size < MAX_WAITING) return;
    throw new AmaasError('QUEUE_FULL', `submit job: ${MAX_WAITING} jobs wait already; cancel some, or wait`);
  }

  get #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  get #graceMs(): number {
    return this.#parts.graceMs ?? DEFAULT_GRACE_MS;
  }

  #now(): string {
    return this.#parts.clock.wallTime().toISOString();
  }

  /** Waits a little, or until the server stops. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#stopped.signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#parts.clock.schedule(WRITE_RETRY_MS, end);
      this.#stopped.signal.addEventListener('abort', end);
      if (this.#isStopping) end();
    });
  }
}

/** Who is next: the greatest priority, and of those the one submitted first. */
function nextOf(waiting: Iterable<JobRecord>): JobRecord | undefined {
  let best: JobRecord | undefined;
  for (const job of waiting) {
    if (best === undefined || job.priority > best.priority) best = job;
    else if (job.priority === best.priority && job.sequence < best.sequence) best = job;
  }
  return best;
}

function cancelledError(id: string): AmaasError {
  return new AmaasError('CANCELLED', `job ${id} was cancelled`);
}

/** As people read it; of an unexpected failure the log has the details. */
function sayError(error: AmaasError): NonNullable<JobRecord['error']> {
  const said = serializeError(error);
  if (error.reason !== 'INTERNAL') return said;
  return { ...said, message: 'the job failed unexpectedly; its log, or that of the server, has the details' };
}
