// The rows of jobs: durable before anything is acknowledged. Knows the table and nothing of processes.
import { AmaasError, isName, type SerializedError } from '@amaas/core';
import type { Database, Schema } from '../storage/index.ts';
import type { FinalState, JobFilter, JobProgress, JobRecord, JobState, Json } from './types.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const JOB_ID = /^job_[0-9a-f]{4,64}$/;

/** What a change of state writes. */
export interface JobChange {
  readonly state: JobState;
  readonly attempt?: number;
  readonly crashes?: number;
  readonly progress?: JobProgress | null;
  readonly result?: Json;
  readonly error?: SerializedError;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

export class JobStore {
  readonly #database: Database;
  /** Changes reach the database in the order in which they were asked for, which a pool of connections would not see to. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  async insert(record: JobRecord): Promise<void> {
    await this.#database.transaction((trx) => trx.insertInto('jobs').values(toRow(record)).execute());
  }

  /** Writes a change, after those asked for before; once it resolves it is on disk. */
  change(id: string, change: JobChange): Promise<void> {
    const result = this.#tail.then(() => this.#write(id, change));
    this.#tail = result.catch(() => {});
    return result;
  }

  async #write(id: string, change: JobChange): Promise<void> {
    const { state, attempt, crashes, progress, result, error, startedAt, endedAt } = change;
    await this.#database.transaction((trx) =>
      trx
        .updateTable('jobs')
        .set({
          state,
          ...(attempt === undefined ? {} : { attempt }),
          ...(crashes === undefined ? {} : { crashes }),
          ...(progress === undefined ? {} : { progress: jsonOrNull(progress) }),
          ...(result === undefined ? {} : { result: JSON.stringify(result) }),
          ...(error === undefined ? {} : { error: JSON.stringify(error) }),
          ...(startedAt === undefined ? {} : { started_at: startedAt }),
          ...(endedAt === undefined ? {} : { ended_at: endedAt }),
        })
        .where('id', '=', id)
        .execute(),
    );
  }

  /** @throws JOB_NOT_FOUND */
  async get(id: string): Promise<JobRecord> {
    const row = JOB_ID.test(id)
      ? await this.#database.db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    if (row !== undefined) return fromRow(row);
    throw new AmaasError('JOB_NOT_FOUND', `there is no job ${JSON.stringify(id.slice(0, 80))}`, {
      details: { job: id.slice(0, 80) },
    });
  }

  /** Jobs that fit, newest first. @throws JOB_NOT_FOUND for an unknown `before`, INVALID_ARGUMENT */
  async list(filter: JobFilter = {}): Promise<readonly JobRecord[]> {
    const { kind, state, before, limit = DEFAULT_LIMIT } = filter;
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `list jobs: limit must be a whole number from 1 to ${MAX_LIMIT}, got ${limit}`,
      );
    }
    if (kind !== undefined && !isName(kind)) return []; // not every text can be asked for: PostgreSQL refuses NUL
    let query = this.#database.db.selectFrom('jobs').selectAll().orderBy('sequence', 'desc').limit(limit);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (state !== undefined) query = query.where('state', '=', state);
    if (before !== undefined) query = query.where('sequence', '<', (await this.get(before)).sequence);
    return (await query.execute()).map(fromRow);
  }

  /** The jobs that have not ended, in the order in which they were submitted. */
  async listOpen(): Promise<readonly JobRecord[]> {
    const open: readonly JobState[] = ['queued', 'running', 'cancelling', 'interrupted'];
    const query = this.#database.db.selectFrom('jobs').selectAll().where('state', 'in', open).orderBy('sequence');
    return (await query.execute()).map(fromRow);
  }

  /** The greatest sequence number there is, 0 without jobs. */
  async lastSequence(): Promise<number> {
    const row = await this.#database.db
      .selectFrom('jobs')
      .select('sequence')
      .orderBy('sequence', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.sequence ?? 0;
  }

  /** Ids of jobs that ended in `state` before a moment (ISO 8601). */
  async endedBefore(moment: string, state?: FinalState): Promise<readonly string[]> {
    let query = this.#database.db.selectFrom('jobs').select('id').where('ended_at', '<', moment);
    if (state !== undefined) query = query.where('state', '=', state);
    return (await query.execute()).map(({ id }) => id);
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#database.transaction((trx) => trx.deleteFrom('jobs').where('id', '=', id).execute());
    }
  }

  /** Which of these ids have a row. */
  async known(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const usable = ids.filter((id) => JOB_ID.test(id));
    if (usable.length === 0) return new Set();
    const rows = await this.#database.db.selectFrom('jobs').select('id').where('id', 'in', usable).execute();
    return new Set(rows.map(({ id }) => id));
  }
}

function toRow(record: JobRecord): Schema['jobs'] {
  return {
    id: record.id,
    sequence: record.sequence,
    kind: record.kind,
    state: record.state,
    priority: record.priority,
    model: record.model,
    configuration: JSON.stringify(record.configuration),
    attempt: record.attempt,
    crashes: record.crashes,
    progress: jsonOrNull(record.progress),
    result: jsonOrNull(record.result),
    error: jsonOrNull(record.error),
    created_at: record.createdAt,
    started_at: record.startedAt,
    ended_at: record.endedAt,
    created_by: record.createdBy,
  };
}

/** The JSON in a row was written by this file, which is why it is trusted. */
function fromRow(row: Schema['jobs']): JobRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    kind: row.kind,
    state: row.state as JobState, // only JobState is ever written
    priority: row.priority,
    model: row.model,
    configuration: JSON.parse(row.configuration) as Record<string, unknown>,
    attempt: row.attempt,
    crashes: row.crashes,
    progress: row.progress === null ? null : (JSON.parse(row.progress) as JobProgress),
    result: row.result === null ? null : (JSON.parse(row.result) as Json),
    error: row.error === null ? null : (JSON.parse(row.error) as SerializedError),
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    createdBy: row.created_by,
  };
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
