// The rows of batches: durable before anything is acknowledged. Knows nothing of running them.
import type { BatchProblem, BatchState, BatchTimes, BatchUsage } from '@amaas/protocols/openai-files';
import { parseDigest } from '../artifacts/index.ts';
import { type Database, OPEN_BATCHES, type Schema } from '../storage/index.ts';
import type { Files } from './files.ts';
import {
  type BatchRecord,
  batchNotFound,
  type FileRecord,
  mayView,
  type Page,
  type PageRequest,
  type Viewer,
} from './types.ts';

const BATCH_ID = /^batch_[0-9a-f]{24}$/;

/** The column `request`. */
type StoredRequest = Pick<BatchRecord, 'endpoint' | 'metadata' | 'outputExpiresAfterSeconds'>;

/** The column `progress`. */
interface StoredProgress {
  readonly times: BatchTimes;
  readonly counts: BatchRecord['counts'];
  readonly problems: readonly BatchProblem[];
  readonly usage: BatchUsage | null;
}

export class BatchStore {
  readonly #database: Database;
  /** Changes reach the database in the order in which they were asked for. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  async insert(record: BatchRecord): Promise<void> {
    await this.#database.transaction((trx) => trx.insertInto('batches').values(toRow(record)).execute());
  }

  /** Writes a batch as it is now, and with it files it made; once it resolves all of it is on disk. */
  change(
    record: BatchRecord,
    made: { readonly files: Files; readonly records: readonly FileRecord[] } | null = null,
  ): Promise<void> {
    const { id, sequence: _sequence, ...row } = toRow(record);
    const result = this.#tail.then(() =>
      this.#database.transaction(async (trx) => {
        for (const file of made?.records ?? []) await made?.files.insert(trx, file);
        await trx.updateTable('batches').set(row).where('id', '=', id).execute();
      }),
    );
    this.#tail = result.catch(() => {}); // whoever asked has the failure
    return result;
  }

  /** @throws JOB_NOT_FOUND, also for what is another's */
  async get(id: string, viewer: Viewer): Promise<BatchRecord> {
    const row = BATCH_ID.test(id)
      ? await this.#database.db.selectFrom('batches').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    const record = row === undefined ? null : fromRow(row);
    if (record === null || !mayView(viewer, record)) throw batchNotFound(id);
    return record;
  }

  /** @throws JOB_NOT_FOUND for an unknown `after` */
  async list({ after, limit, order = 'desc' }: PageRequest, viewer: Viewer): Promise<Page<BatchRecord>> {
    let query = this.#database.db
      .selectFrom('batches')
      .selectAll()
      .orderBy('sequence', order)
      .limit(limit + 1);
    if (!viewer.seesAll) query = query.where('owner', '=', viewer.keyId);
    if (after !== undefined) {
      query = query.where('sequence', order === 'asc' ? '>' : '<', (await this.get(after, viewer)).sequence);
    }
    const records = (await query.execute()).map(fromRow);
    return { items: records.slice(0, limit), hasMore: records.length > limit };
  }

  /** Those that have not ended, in the order in which they were created. */
  async listOpen(): Promise<readonly BatchRecord[]> {
    const query = this.#database.db.selectFrom('batches').selectAll().where('state', 'in', OPEN_BATCHES);
    return (await query.orderBy('sequence').execute()).map(fromRow);
  }

  /** The greatest sequence number there is, 0 without batches. */
  async lastSequence(): Promise<number> {
    const query = this.#database.db.selectFrom('batches').select('sequence').orderBy('sequence', 'desc').limit(1);
    return (await query.executeTakeFirst())?.sequence ?? 0;
  }
}

function toRow(record: BatchRecord): Schema['batches'] {
  const { endpoint, metadata, outputExpiresAfterSeconds, times, counts, problems, usage } = record;
  const request: StoredRequest = { endpoint, metadata, outputExpiresAfterSeconds };
  const progress: StoredProgress = { times, counts, problems, usage };
  return {
    id: record.id,
    sequence: record.sequence,
    owner: record.owner,
    state: record.state,
    model: record.model,
    input_file: record.inputFileId,
    input_digest: record.inputDigest,
    input_bytes: record.inputBytes,
    output_file: record.outputFileId,
    error_file: record.errorFileId,
    request: JSON.stringify(request),
    progress: JSON.stringify(progress),
    created_at: new Date(record.createdAtMs).toISOString(),
    expires_at: new Date(record.expiresAtMs).toISOString(),
  };
}

/** The JSON in a row was written by this file, which is why it is trusted. */
function fromRow(row: Schema['batches']): BatchRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    owner: row.owner,
    state: row.state as BatchState, // only states are ever written
    model: row.model,
    inputFileId: row.input_file,
    inputDigest: parseDigest(row.input_digest),
    inputBytes: row.input_bytes,
    outputFileId: row.output_file,
    errorFileId: row.error_file,
    ...(JSON.parse(row.request) as StoredRequest),
    ...(JSON.parse(row.progress) as StoredProgress),
    createdAtMs: Date.parse(row.created_at),
    expiresAtMs: Date.parse(row.expires_at),
  };
}
