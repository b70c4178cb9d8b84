// Fine-tunings as they were asked for and what became of them: a file each, replaced as a whole, and all of them in memory.
// They are few, and what they lead to, runs and versions, is in the registry.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, type SerializedError } from '@amaas/core';
import type { FineTuningRequest } from '@amaas/protocols/fine-tuning';
import { type Digest, makeDurableDirectory } from '../artifacts/index.ts';
import { type FineTuningPaths, fineTuningPaths, keepJson, loadJson } from './folder.ts';

export interface FineTuningFile {
  /** As the caller called it, for people. */
  readonly name: string;
  readonly digest: Digest;
  /** Where it is one of our datasets. */
  readonly dataset: { readonly name: string; readonly version: number } | null;
}

export interface FineTuningEnd {
  readonly state: 'succeeded' | 'failed' | 'cancelled';
  readonly atMs: number;
  readonly trainedTokens: number | null;
  readonly resultFiles: readonly string[];
  readonly error: SerializedError | null;
}

export interface FineTuningRecord {
  readonly id: string;
  /** Grows with each. */
  readonly sequence: number;
  /** Id of the key; null where there are none. */
  readonly owner: string | null;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly request: FineTuningRequest;
  readonly seed: number;
  readonly base: { readonly model: string; readonly version: number };
  /** What the result is called. */
  readonly model: string;
  readonly training: FineTuningFile;
  readonly validation: FineTuningFile | null;
  /** What its owner wants of it. */
  readonly intent: 'run' | 'pause' | 'cancel';
  /** The job that works on it, or waits to; null: none does. */
  readonly job: string | null;
  /** Whether that job was told to end because it is paused. */
  readonly isPausing: boolean;
  readonly end: FineTuningEnd | null;
}

const ID = /^ftjob-[0-9a-f]{16}$/;

export class FineTuningStore {
  readonly #directory: string;
  readonly #records = new Map<string, FineTuningRecord>();
  /** Writes of a record reach the disk in the order of the changes. */
  readonly #writing = new Map<string, Promise<void>>();
  #sequence = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<FineTuningStore> {
    const store = new FineTuningStore(directory);
    await makeDurableDirectory(directory);
    for (const id of await readdir(directory)) {
      if (!ID.test(id)) continue;
      const record = await loadJson<FineTuningRecord>(store.pathsOf(id).record);
      if (record === null) continue; // begun and not acknowledged
      store.#records.set(id, record);
      store.#sequence = Math.max(store.#sequence, record.sequence);
    }
    return store;
  }

  nextSequence(): number {
    return ++this.#sequence;
  }

  pathsOf(id: string): FineTuningPaths {
    return fineTuningPaths(join(this.#directory, id));
  }

  /** The newest first. */
  list(): readonly FineTuningRecord[] {
    return [...this.#records.values()].sort((a, b) => b.sequence - a.sequence);
  }

  /** @throws JOB_NOT_FOUND */
  get(id: string): FineTuningRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw fineTuningNotFound(id);
  }

  /** Makes the folder of one that is to be added. */
  async makeFolder(id: string): Promise<FineTuningPaths> {
    const paths = this.pathsOf(id);
    await makeDurableDirectory(paths.folder);
    return paths;
  }

  /** Forgets one that was never acknowledged. */
  async remove(id: string): Promise<void> {
    this.#records.delete(id);
    await rm(this.pathsOf(id).folder, { recursive: true, force: true });
  }

  /** On disk when it resolves, and only then known; its folder is there. @throws STORAGE_FULL */
  async add(record: FineTuningRecord): Promise<void> {
    await keepJson(this.pathsOf(record.id).record, record);
    this.#records.set(record.id, record);
  }

  /** Holds at once, and is on disk when it resolves. @throws STORAGE_FULL */
  update(id: string, change: Partial<Pick<FineTuningRecord, 'intent' | 'job' | 'isPausing' | 'end'>>): Promise<void> {
    const record = { ...this.get(id), ...change };
    this.#records.set(id, record);
    const before = this.#writing.get(id) ?? Promise.resolve();
    const written = before.catch(() => {}).then(() => keepJson(this.pathsOf(id).record, record));
    this.#writing.set(id, written);
    return written;
  }
}

export function fineTuningNotFound(id: string): AmaasError {
  const shown = id.slice(0, 80);
  return new AmaasError('JOB_NOT_FOUND', `there is no fine-tuning job ${JSON.stringify(shown)}`, {
    details: { job: shown },
  });
}
