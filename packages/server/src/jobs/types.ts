// What the queue knows of jobs, as plain values.
import type { SerializedError } from '@amaas/core';

/** Anything JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * `queued` waits; `interrupted` waits to be resumed; `cancelling` has been told to stop; the last three are for good.
 */
export const JOB_STATES = [
  'queued',
  'running',
  'cancelling',
  'interrupted',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** The states a job stays in. */
export type FinalState = Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;

export function isFinal(state: JobState): state is FinalState {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** How far a job has come. */
export interface JobProgress {
  /** What it is doing: `read`, `train`, `evaluate` … */
  readonly phase: string;
  /** Of the whole job, 0 to 1; null where nobody can tell. */
  readonly fraction: number | null;
  readonly step?: number;
  readonly totalSteps?: number;
  readonly loss?: number;
  /** By name, such as `validation loss`. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** A line for people. */
  readonly message?: string;
  /** Whatever else the kind wants to show, such as the table of a tuning. */
  readonly detail?: Json;
}

/** A job with everything that became of it. */
export interface JobRecord {
  readonly id: string;
  /** Grows with each job submitted. */
  readonly sequence: number;
  readonly kind: string;
  readonly state: JobState;
  /** Higher goes first. */
  readonly priority: number;
  /** The model it makes a version for. */
  readonly model: string | null;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** How often it was started. */
  readonly attempt: number;
  /** How often its process, or the server, ended without a word while it ran. */
  readonly crashes: number;
  /** The last that was heard. */
  readonly progress: JobProgress | null;
  /** What its kind made of it; null until it has succeeded. */
  readonly result: Json;
  readonly error: SerializedError | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Of the first attempt. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly createdBy: string;
}

/** Which jobs to list; all that is given must hold. */
export interface JobFilter {
  readonly kind?: string;
  readonly state?: JobState;
  /** Only jobs submitted before this one. */
  readonly before?: string;
  /** Most jobs given; default 100. */
  readonly limit?: number;
}

/** Something that happened to a job. */
export interface JobEvent {
  /** Counts up within the job, over all attempts; null for progress that is shown and not kept. */
  readonly id: number | null;
  readonly type: 'state' | 'progress' | 'checkpoint';
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly data: Json;
}
