// The rows of fine-tunings, all of them in memory but for what happened to those that have ended; and their folders, which one
// has until its end. They are few, and what they lead to, runs and versions, is in the registry.
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, type SerializedError } from '@amaas/core';
import type { DescribedEvent, FineTuningRequest } from '@amaas/protocols/fine-tuning';
import { type Digest, makeDurableDirectory } from '../artifacts/index.ts';
import type { Database, Schema } from '../storage/index.ts';
import {
  type FineTuningPaths,
  type FineTuningPlan,
  fineTuningPaths,
  loadEvents,
  loadJson,
  type MeasuredEpoch,
} from './folder.ts';

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
  /** Null where it ended before anything was chosen. */
  readonly plan: FineTuningPlan | null;
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

/** In the order in which it happened. */
export interface FineTuningHistory {
  readonly epochs: readonly MeasuredEpoch[];
  readonly events: readonly DescribedEvent[];
}

/** The column `request`. */
type StoredRequest = Pick<FineTuningRecord, 'request' | 'seed' | 'base' | 'training' | 'validation'>;

/** The column `progress`. */
type StoredProgress = Pick<FineTuningRecord, 'intent' | 'job' | 'isPausing'>;

type Row = Omit<Schema['fine_tunings'], 'history'>;

/** All but `history`, which may be megabytes. */
const COLUMNS = [
  'id',
  'sequence',
  'owner',
  'model',
  'request',
  'progress',
  'ending',
  'created_at',
  'created_by',
] as const satisfies readonly (keyof Row)[];

const ID = /^ftjob-[0-9a-f]{16}$/;

export class FineTuningStore {
  readonly #database: Database;
  readonly #directory: string;
  readonly #records = new Map<string, FineTuningRecord>();
  readonly #ending = new Map<string, Promise<void>>();
  /** Changes reach the database in the order in which they were asked for. */
  #tail: Promise<unknown> = Promise.resolve();
  #sequence = 0;

  private constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }

  /** Removes folders of what was begun and not acknowledged, or has ended. */
  static async open(database: Database, directory: string): Promise<FineTuningStore> {
    const store = new FineTuningStore(database, directory);
    for (const row of await database.db
      .selectFrom('fine_tunings')
      .select([...COLUMNS])
      .orderBy('sequence')
      .execute()) {
      store.#records.set(row.id, fromRow(row));
      store.#sequence = row.sequence;
    }
    await makeDurableDirectory(directory);
    for (const name of await readdir(directory)) {
      const record = store.#records.get(name);
      if (ID.test(name) && (record === undefined || record.end !== null)) await store.#removeFolder(name);
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

  /** Whether there is anything to work with; not after a backup was restored. */
  async hasFolder(id: string): Promise<boolean> {
    return access(this.pathsOf(id).training).then(
      () => true,
      () => false,
    );
  }

  /** Forgets one that was never acknowledged. */
  async remove(id: string): Promise<void> {
    await this.#write((db) => db.deleteFrom('fine_tunings').where('id', '=', id).execute());
    this.#records.delete(id);
    await this.#removeFolder(id);
  }

  /** On disk when it resolves, and only then known; its folder is there. @throws STORAGE_FULL */
  async add(record: FineTuningRecord): Promise<void> {
    await this.#write((db) => db.insertInto('fine_tunings').values(toRow(record)).execute());
    this.#records.set(record.id, record);
  }

  /** Holds at once, and is on disk when it resolves. @throws STORAGE_FULL */
  async update(id: string, change: Partial<StoredProgress>): Promise<void> {
    const record = { ...this.get(id), ...change };
    this.#records.set(id, record);
    const progress = progressOf(record);
    await this.#write((db) => db.updateTable('fine_tunings').set({ progress }).where('id', '=', id).execute());
  }

  /**
   * Keeps how one ended, with all that happened to it, in place of its folder. On disk when it resolves, and only then known;
   * the first of several ends is the one.
   * @throws STORAGE_FULL
   */
  end(id: string, end: Omit<FineTuningEnd, 'plan'>): Promise<void> {
    const underWay = this.#ending.get(id);
    if (underWay !== undefined) return underWay;
    const ending = this.#end(id, end).finally(() => this.#ending.delete(id));
    this.#ending.set(id, ending);
    return ending;
  }

  async #end(id: string, without: Omit<FineTuningEnd, 'plan'>): Promise<void> {
    if (this.get(id).end !== null) return;
    const end: FineTuningEnd = { ...without, plan: await loadJson<FineTuningPlan>(this.pathsOf(id).plan) };
    const row = { ending: JSON.stringify(end), history: JSON.stringify(await this.#historyInFolder(id)) };
    await this.#write((db) => db.updateTable('fine_tunings').set(row).where('id', '=', id).execute());
    this.#records.set(id, { ...this.get(id), end });
    await this.#removeFolder(id).catch(() => {}); // the next start tries again
  }

  /** What was chosen; null before. @throws JOB_NOT_FOUND */
  async plan(id: string): Promise<FineTuningPlan | null> {
    const plan = this.get(id).end === null ? await loadJson<FineTuningPlan>(this.pathsOf(id).plan) : null;
    const { end } = this.get(id); // it may have ended meanwhile, and its folder be gone
    return end === null ? plan : end.plan;
  }

  /** @throws JOB_NOT_FOUND */
  async history(id: string): Promise<FineTuningHistory> {
    if (this.get(id).end === null) {
      const history = await this.#historyInFolder(id);
      if (this.get(id).end === null) return history;
    }
    const { history } = await this.#database.db
      .selectFrom('fine_tunings')
      .select('history')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return history === null ? { epochs: [], events: [] } : (JSON.parse(history) as FineTuningHistory); // written by #end
  }

  async #historyInFolder(id: string): Promise<FineTuningHistory> {
    const paths = this.pathsOf(id);
    const epochs = (await loadJson<readonly MeasuredEpoch[]>(paths.epochs)) ?? [];
    return { epochs, events: await loadEvents(paths, id) };
  }

  async #removeFolder(id: string): Promise<void> {
    await rm(this.pathsOf(id).folder, { recursive: true, force: true });
  }

  #write(work: (db: Database['db']) => Promise<unknown>): Promise<void> {
    const written = this.#tail.then(() => this.#database.transaction(work)).then(() => {});
    this.#tail = written.catch(() => {}); // whoever asked has the failure
    return written;
  }
}

export function fineTuningNotFound(id: string): AmaasError {
  const shown = id.slice(0, 80);
  return new AmaasError('JOB_NOT_FOUND', `there is no fine-tuning job ${JSON.stringify(shown)}`, {
    details: { job: shown },
  });
}

function progressOf({ intent, job, isPausing }: FineTuningRecord): string {
  const progress: StoredProgress = { intent, job, isPausing };
  return JSON.stringify(progress);
}

function toRow(record: FineTuningRecord): Row {
  const { request, seed, base, training, validation, end } = record;
  const stored: StoredRequest = { request, seed, base, training, validation };
  return {
    id: record.id,
    sequence: record.sequence,
    owner: record.owner,
    model: record.model,
    request: JSON.stringify(stored),
    progress: progressOf(record),
    ending: end === null ? null : JSON.stringify(end),
    created_at: new Date(record.createdAtMs).toISOString(),
    created_by: record.createdBy,
  };
}

/** The JSON in a row was written by this file, which is why it is trusted. */
function fromRow(row: Row): FineTuningRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    owner: row.owner,
    createdBy: row.created_by,
    createdAtMs: Date.parse(row.created_at),
    model: row.model,
    ...(JSON.parse(row.request) as StoredRequest),
    ...(JSON.parse(row.progress) as StoredProgress),
    end: row.ending === null ? null : (JSON.parse(row.ending) as FineTuningEnd),
  };
}
