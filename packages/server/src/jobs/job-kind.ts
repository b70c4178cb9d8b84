// What the composition root registers: a kind of job, with the part of it that runs in the server and the name of the
// module that runs in a child process.
import type { AmaasError } from '@amaas/core';
import type { Static, TSchema } from 'typebox';
import type { JobProgress, Json } from './types.ts';

/**
 * One kind of job. The work itself is the module `entry`, run in a child process; the hooks run in the server, are short,
 * and hand over what lies in the registry: the child has neither database nor keys.
 *
 * Hooks are repeated: after a crash `begin` comes again with the next attempt, and `finish` comes again when the server
 * ended before the outcome was written down. Use {@link JobContext.runId} and the like, so that twice is once.
 */
export interface JobKind<Schema extends TSchema = TSchema> {
  /** As in `POST /admin/v1/jobs`: a name. */
  readonly kind: string;
  /** Of an object. */
  readonly configuration: Schema;
  /** Absolute path or file: URL of a module that exports `runJob` (see {@link RunJob}). */
  readonly entry: string;
  /** The model a job of this kind makes a version for: the caller's key must cover it. */
  modelOf?(configuration: Static<Schema>): string | undefined;
  /**
   * When the job is submitted, before it is acknowledged: refuses what cannot work and pins what moves, such as the newest
   * version of a dataset. Returns the configuration to keep.
   */
  prepare?(configuration: Static<Schema>, submitter: { readonly createdBy: string }): Promise<Static<Schema>>;
  /** Before each attempt: starts the run, and returns what the child is given besides its configuration. */
  begin?(job: JobContext<Static<Schema>>): Promise<Json>;
  /** Once the child has returned `result`: registers versions, ends the run. Returns what the job shows as its result. */
  finish?(job: JobContext<Static<Schema>>, result: Json): Promise<Json>;
  /** When the job has failed or was cancelled for good: ends the run. What it throws is logged and changes nothing. */
  abandon?(job: JobContext<Static<Schema>>, error: AmaasError): Promise<void>;
}

/** A job as its hooks see it. */
export interface JobContext<Configuration = unknown> {
  readonly id: string;
  readonly kind: string;
  readonly configuration: Configuration;
  /** 1 for the first. */
  readonly attempt: number;
  /** An id for the run this job does; the same in every attempt. */
  readonly runId: string;
  /** Where the child works and leaves what it made; the same in every attempt. */
  readonly directory: string;
  readonly createdBy: string;
  /** Fires when the job is cancelled or the server stops. */
  readonly signal: AbortSignal;
  /** Writes a line into the job's log. */
  log(text: string): void;
}

/** Keeps the types of configuration and hooks together, which a list of kinds forgets. */
export function defineJobKind<Schema extends TSchema>(kind: JobKind<Schema>): JobKind {
  // Each hook is only ever called with a configuration that has passed this kind's own schema.
  return kind as unknown as JobKind;
}

/** The `runJob` an entry module exports. What it returns must be JSON of at most a megabyte; files stay in `directory`. */
export type RunJob = (job: JobRuntime) => Promise<Json>;

/** The world as a job's child process sees it. */
export interface JobRuntime {
  readonly id: string;
  readonly kind: string;
  /** 1 for the first; beyond that `directory` may hold checkpoints of the ones before. */
  readonly attempt: number;
  /** Has passed the kind's schema. */
  readonly configuration: unknown;
  /** What `begin` returned; null without one. */
  readonly inputs: Json;
  /** The job's own, empty at first, the same in every attempt. Write checkpoints to a temporary name and rename them. */
  readonly directory: string;
  /**
   * Fires when the job is to stop, cancelled or because the server stops: keep a checkpoint and throw `signal.reason`.
   * Who has not ended after a grace of some seconds is killed.
   */
  readonly signal: AbortSignal;
  /** Says how far it has come. Cheap: at most a few a second go out, the last one always. */
  progress(progress: JobProgress): void;
  /** Says that a checkpoint lies in `directory`, with a few words about it. */
  checkpoint(note: Json): void;
  /** Writes a line into the job's log, where everything printed goes as well. */
  log(text: string): void;
}
