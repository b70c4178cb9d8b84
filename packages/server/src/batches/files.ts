// Files that callers brought, and those that were written for them: rows that give blobs a name, an owner and an end.
import { randomBytes } from 'node:crypto';
import { AmaasError, type Clock } from '@amaas/core';
import type { FilePurpose } from '@amaas/protocols/openai-files';
import type { Transaction } from 'kysely';
import { type BlobStore, parseDigest, type StoredBlob } from '../artifacts/index.ts';
import type { Database, Schema } from '../storage/index.ts';
import { type FileRecord, fileNotFound, mayView, type Page, type PageRequest, type Viewer } from './types.ts';

export interface FilesParts {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Pick<Clock, 'wallTime'>;
}

export interface NewFile {
  readonly owner: string | null;
  readonly purpose: FilePurpose;
  readonly fileName: string;
  readonly blob: StoredBlob;
  /** From now; null: it stays. */
  readonly expiresAfterSeconds: number | null;
}

const FILE_ID = /^file-[0-9a-f]{24}$/;
const LONGEST_NAME = 255;
// What no file is called, and PostgreSQL does not store.
const CONTROL_CHARACTERS = /\p{Cc}/u;

export class Files {
  readonly #parts: FilesParts;
  #sequence: number;

  private constructor(parts: FilesParts, lastSequence: number) {
    this.#parts = parts;
    this.#sequence = lastSequence;
  }

  static async open(parts: FilesParts): Promise<Files> {
    const query = parts.database.db.selectFrom('files').select('sequence').orderBy('sequence', 'desc').limit(1);
    return new Files(parts, (await query.executeTakeFirst())?.sequence ?? 0);
  }

  /** Keeps a file; on disk when it resolves. @throws INVALID_ARGUMENT for an impossible name, STORAGE_FULL */
  async add(file: NewFile): Promise<FileRecord> {
    assertFileName(file.fileName);
    const record = this.describe(file);
    await this.#parts.database.transaction((trx) => this.insert(trx, record));
    return record;
  }

  /** A record for {@link Files.insert}. */
  describe({ owner, purpose, fileName, blob, expiresAfterSeconds }: NewFile): FileRecord {
    const createdAtMs = this.#nowMs();
    return {
      id: `file-${randomBytes(12).toString('hex')}`,
      sequence: ++this.#sequence,
      owner,
      purpose,
      fileName,
      digest: blob.digest,
      sizeBytes: blob.sizeBytes,
      createdAtMs,
      expiresAtMs: expiresAfterSeconds === null ? null : createdAtMs + expiresAfterSeconds * 1000,
    };
  }

  /** Adds the row as part of a larger change. */
  async insert(trx: Transaction<Schema>, record: FileRecord): Promise<void> {
    await trx.insertInto('files').values(toRow(record)).execute();
  }

  /** @throws ARTIFACT_NOT_FOUND, also for what is another's or has expired */
  async get(id: string, viewer: Viewer): Promise<FileRecord> {
    const row = FILE_ID.test(id)
      ? await this.#parts.database.db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirst()
      : undefined;
    const record = row === undefined ? null : fromRow(row);
    if (record === null || !mayView(viewer, record)) throw fileNotFound(id);
    if (record.expiresAtMs !== null && record.expiresAtMs <= this.#nowMs()) throw fileNotFound(id);
    return record;
  }

  /** @throws ARTIFACT_NOT_FOUND for an unknown `after` */
  async list(request: PageRequest & { readonly purpose?: FilePurpose }, viewer: Viewer): Promise<Page<FileRecord>> {
    const { after, limit, order = 'desc', purpose } = request;
    const now = new Date(this.#nowMs()).toISOString();
    let query = this.#parts.database.db
      .selectFrom('files')
      .selectAll()
      .where((on) => on.or([on('expires_at', 'is', null), on('expires_at', '>', now)]))
      .orderBy('sequence', order)
      .limit(limit + 1);
    if (!viewer.seesAll) query = query.where('owner', '=', viewer.keyId);
    if (purpose !== undefined) query = query.where('purpose', '=', purpose);
    if (after !== undefined) {
      query = query.where('sequence', order === 'asc' ? '>' : '<', (await this.get(after, viewer)).sequence);
    }
    const records = (await query.execute()).map(fromRow);
    return { items: records.slice(0, limit), hasMore: records.length > limit };
  }

  /** The blob goes with the next collection of garbage, unless something else refers to it. @throws ARTIFACT_NOT_FOUND */
  async delete(id: string, viewer: Viewer): Promise<void> {
    await this.get(id, viewer);
    await this.#parts.database.transaction((trx) => trx.deleteFrom('files').where('id', '=', id).execute());
  }

  /** What the files of a key take together. */
  async usedBytes(owner: string | null): Promise<number> {
    const { bytes } = await this.#parts.database.db
      .selectFrom('files')
      .select((on) => on.fn.sum('size_bytes').as('bytes'))
      .where('owner', owner === null ? 'is' : '=', owner)
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0); // PostgreSQL's sum of bigints is a numeric, which comes as text
  }

  /** Removes what has expired. @returns how many */
  async forgetExpired(): Promise<number> {
    const now = new Date(this.#nowMs()).toISOString();
    const [result] = await this.#parts.database.transaction((trx) =>
      trx.deleteFrom('files').where('expires_at', '<=', now).execute(),
    );
    return Number(result?.numDeletedRows ?? 0);
  }

  #nowMs(): number {
    return this.#parts.clock.wallTime().getTime();
  }
}

function assertFileName(fileName: string): void {
  if (fileName.length >= 1 && fileName.length <= LONGEST_NAME && !CONTROL_CHARACTERS.test(fileName)) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `file: expected a name of 1 to ${LONGEST_NAME} characters, got ${JSON.stringify(fileName.slice(0, 60))}`,
    { details: { field: 'file' } },
  );
}

function toRow(record: FileRecord): Schema['files'] {
  return {
    id: record.id,
    sequence: record.sequence,
    owner: record.owner,
    purpose: record.purpose,
    file_name: record.fileName,
    digest: record.digest,
    size_bytes: record.sizeBytes,
    created_at: new Date(record.createdAtMs).toISOString(),
    expires_at: record.expiresAtMs === null ? null : new Date(record.expiresAtMs).toISOString(),
  };
}

function fromRow(row: Schema['files']): FileRecord {
  return {
    id: row.id,
    sequence: row.sequence,
    owner: row.owner,
    purpose: row.purpose as FilePurpose, // only purposes are ever written
    fileName: row.file_name,
    digest: parseDigest(row.digest),
    sizeBytes: row.size_bytes,
    createdAtMs: Date.parse(row.created_at),
    expiresAtMs: row.expires_at === null ? null : Date.parse(row.expires_at),
  };
}
