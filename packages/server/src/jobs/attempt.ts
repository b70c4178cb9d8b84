// One attempt of a job: the hooks of its kind around a child process, and every way it can end. Knows no queue and no rows.
import {
  AmaasError,
  type CancelTimer,
  type Clock,
  deserializeError,
  type SerializedError,
  toAmaasError,
} from '@amaas/core';
import { type JobChild, startJobChild } from './child-process.ts';
import type { JobEvents } from './job-events.ts';
import type { JobFiles, JobPaths } from './job-files.ts';
import type { JobContext, JobKind } from './job-kind.ts';
import { JobLog } from './job-log.ts';
import type { FromChild, StopReason } from './messages.ts';
import type { JobProgress, JobRecord, Json } from './types.ts';

/** How an attempt ended. `crashed`: its process went without a word; `interrupted`: the server stopped it. */
export type AttemptOutcome =
  | { readonly kind: 'succeeded'; readonly result: Json }
  | { readonly kind: 'failed'; readonly error: AmaasError }
  | { readonly kind: 'crashed'; readonly error: AmaasError }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'interrupted' };

export interface AttemptOptions {
  /** As of this attempt. */
  readonly job: JobRecord;
  readonly kind: JobKind;
  readonly files: JobFiles;
  readonly events: JobEvents;
  readonly clock: Clock;
  /** How long a process that was asked to end may take. */
  readonly graceMs: number;
}

/** The word of a child about how it went. */
type Word = { readonly type: 'result' } | { readonly type: 'error'; readonly error: SerializedError };

export class Attempt {
  readonly #options: AttemptOptions;
  readonly #stopping = new AbortController();
  #why: StopReason | null = null;
  #child: JobChild | null = null;
  #cancelKill: CancelTimer = () => {};
  #progress: JobProgress | null;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#progress = options.job.progress;
  }

  /** The last that was heard. */
  get progress(): JobProgress | null {
    return this.#progress;
  }

  /** Asks it to end, then makes it. A cancellation outweighs the end of the server. */
  stop(why: StopReason): void {
    const { job, clock, graceMs } = this.#options;
    if (this.#why !== null && why !== 'cancel') return;
    this.#why = why;
    this.#stopping.abort(new AmaasError('CANCELLED', `job ${job.id} was stopped: ${why}`));
    this.#child?.stop(why);
    this.#cancelKill();
    this.#cancelKill = clock.schedule(graceMs, () => this.#child?.kill());
  }

  /** Runs to the end. Never rejects. */
  async run(): Promise<AttemptOutcome> {
    const { job, files, events, clock } = this.#options;
    try {
      const paths = await files.make(job.id);
      await events.open();
      events.state({ state: 'running', attempt: job.attempt });
      const log = await JobLog.open(paths, clock);
      try {
        return await this.#runIn(paths, log);
      } catch (thrown) {
        return this.#failed(thrown, log);
      } finally {
        await log.close();
      }
    } catch (thrown) {
      return { kind: 'failed', error: toAmaasError(thrown) };
    } finally {
      this.#cancelKill();
    }
  }

  async #runIn(paths: JobPaths, log: JobLog): Promise<AttemptOutcome> {
    const { job, kind, files } = this.#options;
    const context = contextOf(job, files, { signal: this.#stopping.signal, log });
    if (this.#why !== null) return this.#ended();
    void log.write([`-- attempt ${job.attempt}`]);
    let result = await files.readResult(job.id);
    if (result === undefined) {
      const inputs = (await kind.begin?.(context)) ?? null;
      if (this.#why !== null) return this.#ended();
      const { word, how } = await this.#runChild(paths, log, inputs);
      if (this.#why !== null) return this.#ended();
      if (word === null) {
        void log.write([`-- its process ${how}`]);
        const message = `job ${job.id}: its process ${how} in attempt ${job.attempt}; its log may say more`;
        return { kind: 'crashed', error: new AmaasError('ENGINE_CRASHED', message, { details: { job: job.id } }) };
      }
      if (word.type === 'error') return { kind: 'failed', error: deserializeError(word.error) };
      result = (await files.readResult(job.id)) ?? null;
    }
    return { kind: 'succeeded', result: kind.finish === undefined ? result : await kind.finish(context, result) };
  }

  async #runChild(
    paths: JobPaths,
    log: JobLog,
    inputs: Json,
  ): Promise<{ readonly word: Word | null; readonly how: string }> {
    const { job, kind, events } = this.#options;
    // An object, because what a callback assigns to a variable is lost on the compiler.
    const heard: { word: Word | null } = { word: null };
    const onMessage = (message: FromChild): void => {
      if (heard.word !== null) return;
      if (message.type === 'progress') {
        this.#progress = message.progress;
        events.progress(message.progress);
      } else if (message.type === 'checkpoint') {
        events.checkpoint(message.note);
      } else {
        heard.word = message;
        this.#child?.kill(); // everything it made is on disk; what else it does is nobody's business
      }
    };
    const { id, attempt, configuration } = job;
    const child = await startJobChild({
      entry: kind.entry,
      paths,
      log,
      start: { id, kind: kind.kind, attempt, configuration, inputs, directory: paths.work, resultPath: paths.result },
      onMessage,
    });
    this.#child = child;
    if (heard.word !== null) child.kill();
    if (this.#why !== null) child.stop(this.#why);
    const how = await child.exited;
    this.#child = null;
    return { word: heard.word, how };
  }

  /** The end that was asked for. */
  #ended(): AttemptOutcome {
    return { kind: this.#why === 'cancel' ? 'cancelled' : 'interrupted' };
  }

  #failed(thrown: unknown, log: JobLog): AttemptOutcome {
    const error = toAmaasError(thrown);
    if (this.#why !== null && error.code === 'CANCELLED') return this.#ended();
    void log.write([`-- failed in the server: ${error.message}`]);
    return { kind: 'failed', error };
  }
}

/** A job as hooks are given it. */
export function contextOf(
  job: JobRecord,
  files: JobFiles,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Pick<JobLog, 'write'> | null },
): JobContext {
  return {
    id: job.id,
    kind: job.kind,
    configuration: job.configuration,
    attempt: job.attempt,
    runId: runIdOf(job.id),
    directory: files.of(job.id).work,
    createdBy: job.createdBy,
    signal,
    log: (text) => void log?.write(text.split('\n')),
  };
}

/** The id of the run a job does: `job_3f2a` → `run_3f2a`. */
export function runIdOf(jobId: string): string {
  return jobId.replace(/^job_/, 'run_');
}
