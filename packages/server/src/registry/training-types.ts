// What the registry knows of training: datasets and runs, as plain values.
import type { SerializedError } from '@amaas/core';
import type { Digest } from '../artifacts/index.ts';

/** One immutable version of a dataset: a file. */
export interface DatasetRecord {
  readonly name: string;
  readonly version: number;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** As the uploader called it: `text/csv`. */
  readonly mediaType: string;
  /** Without folders; null where nobody said. */
  readonly fileName: string | null;
  /** What somebody found out about its columns, as plain JSON; null until then. */
  readonly summary: unknown;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
}

/** A file to be registered; it is in the blob store already. */
export interface DatasetRegistration {
  readonly name: string;
  readonly blob: { readonly digest: Digest; readonly sizeBytes: number };
  /** Left out: the next number, or the newest version when that has these very contents. */
  readonly version?: number;
  readonly mediaType: string;
  readonly fileName?: string;
  readonly createdBy: string;
}

/** A dataset a run read, pinned. */
export interface DatasetUse {
  /** What for: `train`, `validation`, `test` …; each role once per run. */
  readonly role: string;
  readonly name: string;
  readonly version: number;
  readonly digest: Digest;
}

export const RUN_STATES = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** A file that belongs to a run. `report.html` and `report.json` are its report. */
export interface RunFile {
  readonly name: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** What a run went on from: another run, a version, or both. */
export interface RunParent {
  readonly run?: string;
  readonly model?: string;
  readonly version?: number;
}

/** One training (tuning, evaluation) with everything needed to do it again. */
export interface RunRecord {
  readonly id: string;
  readonly kind: string;
  readonly state: RunState;
  /** The job that did it. */
  readonly job: string | null;
  /** The model it makes a version for. */
  readonly model: string | null;
  /** The version it made. */
  readonly version: number | null;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** By role. */
  readonly datasets: readonly DatasetUse[];
  /** Version of the code that ran. */
  readonly codeVersion: string;
  readonly seed: number | null;
  /** In the order in which they were given. */
  readonly metrics: ReadonlyMap<string, number>;
  readonly parent: RunParent | null;
  readonly files: readonly RunFile[];
  /** Why it failed. */
  readonly error: SerializedError | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly createdBy: string;
}

/** A run that begins. */
export interface RunStart {
  /** `run_` and whatever makes it the caller's own; the same id again is the same run, started anew. */
  readonly id: string;
  readonly kind: string;
  readonly job?: string;
  readonly model?: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly datasets: readonly Omit<DatasetUse, 'digest'>[];
  readonly codeVersion: string;
  readonly seed?: number;
  readonly parent?: RunParent;
  readonly createdBy: string;
}

/** How a run ended. */
export interface RunEnd {
  readonly state: Exclude<RunState, 'running'>;
  /** The version it made, of the model it was started for. */
  readonly version?: number;
  readonly metrics?: ReadonlyMap<string, number>;
  /** In the blob store already. */
  readonly files?: readonly RunFile[];
  readonly error?: SerializedError;
}

/** Which runs to list; all that is given must hold. */
export interface RunFilter {
  readonly kind?: string;
  readonly state?: RunState;
  readonly job?: string;
  readonly model?: string;
  /** Name of a dataset it read. */
  readonly dataset?: string;
  /** Only runs older than this one. */
  readonly before?: string;
  /** Most runs given; default 100. */
  readonly limit?: number;
}
