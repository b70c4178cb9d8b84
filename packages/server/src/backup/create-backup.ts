// Makes one file of everything a data directory holds, also while a server owns it: the database is copied in one
// read transaction, blobs never change, and nothing in the data directory is written to.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import {
  computeDigest,
  type Digest,
  digestHex,
  errorCode,
  explainFullDisk,
  FileBlobStore,
  makeDurableDirectory,
  parseDigest,
  syncDirectory,
  type TreeFile,
} from '../artifacts/index.ts';
import { copyDatabase, dataDirLayout, readDatabase } from '../storage/index.ts';
import { BLOB_PREFIX, DATABASE_NAME, encodeManifest, MANIFEST_NAME } from './archive-manifest.ts';
import { hashFile, listModelFiles } from './models-folder.ts';
import { TarWriter } from './tar-writer.ts';

export interface BackupOptions {
  readonly dataDir: string;
  /** The archive to make; must not exist. */
  readonly destination: string;
  readonly clock?: Pick<Clock, 'wallTime'>;
  /** Hears how many bytes of contents are written, and how many there will be. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface BackupSummary {
  readonly destination: string;
  readonly versions: number;
  readonly blobs: number;
  /** Of the contents. */
  readonly bytes: number;
  readonly schemaVersion: number;
}

/** A blob can be collected, and a file in the models folder changed, between listing and reading it. */
const MAX_ATTEMPTS = 3;

/**
 * Backs up database, blobs and the models folder inside the data directory (one outside it is not touched).
 * @throws INVALID_ARGUMENT when the destination exists, INVALID_CONFIG when there is no database to back up,
 *   SCHEMA_TOO_NEW, ARTIFACT_NOT_FOUND and DIGEST_MISMATCH when blobs are missing or damaged, STORAGE_FULL.
 */
export async function createBackup(options: BackupOptions): Promise<BackupSummary> {
  const destination = resolve(options.destination);
  if (await exists(destination)) {
    throw new AmaasError('INVALID_ARGUMENT', `backup: ${destination} exists; choose another name`);
  }
  const { databasePath } = dataDirLayout(options.dataDir);
  if (!(await exists(databasePath))) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `backup: there is no database in ${options.dataDir}. With AMAAS_DATABASE_URL it is in PostgreSQL: use pg_dump, and copy the artifacts folder`,
    );
  }
  await makeDurableDirectory(dirname(destination));
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptBackup(options, destination);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !mayPass(error)) throw explainFullDisk(error, 'backup');
    }
  }
}

/** Whether the failure may be one of things that changed meanwhile, so that another attempt makes sense. */
function mayPass(error: unknown): boolean {
  if (error instanceof AmaasError) {
    return error.reason === 'ARTIFACT_NOT_FOUND' || (error.reason === 'DIGEST_MISMATCH' && error.retryable);
  }
  return errorCode(error) === 'ENOENT'; // a file of the models folder
}

async function attemptBackup(options: BackupOptions, destination: string): Promise<BackupSummary> {
  const { dataDir, clock = systemClock, onProgress = () => {} } = options;
  const layout = dataDirLayout(dataDir);
  const blobs = new FileBlobStore(layout.artifactsDirectory, clock);
  const partial = join(dirname(destination), `.${basename(destination)}.${randomUUID()}`);
  const databaseCopy = `${partial}.db`;
  try {
    copyDatabase(layout.databasePath, databaseCopy);
    const { schema, versionFiles, otherFiles } = await readDatabase(databaseCopy);
    const contents = new Contents();
    for (const file of [...versionFiles.flatMap(parseFiles), ...otherFiles]) {
      const digest = parseDigest(file.digest);
      contents.add({ digest, sizeBytes: file.sizeBytes, isBlob: true, open: () => blobs.openRead(digest) });
    }
    const models = await listModelFiles(layout.modelsDirectory);
    for (const file of models) {
      const path = join(layout.modelsDirectory, file.path);
      contents.add({ ...file, isBlob: false, open: async () => createReadStream(path, { highWaterMark: 1 << 20 }) });
    }
    const database = await hashFile(databaseCopy);
    const createdAt = clock.wallTime();
    const manifest = encodeManifest({
      createdAt: createdAt.toISOString(),
      schemaStep: schema.step,
      database,
      blobs: contents.list.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
      models,
    });
    const totalBytes = manifest.length + database.sizeBytes + contents.bytes;
    let doneBytes = 0;
    const tar = await TarWriter.create(partial, createdAt, (bytes) => {
      doneBytes += bytes;
      onProgress(doneBytes, totalBytes);
    });
    try {
      await tar.add({ name: MANIFEST_NAME, sizeBytes: manifest.length, digest: computeDigest(manifest) }, [manifest]);
      await tar.add({ name: DATABASE_NAME, ...database }, createReadStream(databaseCopy, { highWaterMark: 1 << 20 }));
      for (const { digest, sizeBytes, isBlob, open } of contents.list) {
        const entry = { name: BLOB_PREFIX + digestHex(digest), sizeBytes, digest };
        await tar.add(entry, await open()).catch((error: unknown) => {
          throw isBlob ? error : changedMeanwhile(error);
        });
      }
      await tar.finish();
    } finally {
      await tar.close();
    }
    await rename(partial, destination);
    await syncDirectory(dirname(destination));
    return {
      destination,
      versions: versionFiles.length,
      blobs: contents.list.length,
      bytes: totalBytes,
      schemaVersion: schema.version,
    };
  } finally {
    await rm(partial, { force: true });
    await rm(databaseCopy, { force: true });
  }
}

interface Content {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Else a file of the models folder, which may change. */
  readonly isBlob: boolean;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** What goes into an archive, each digest once. */
class Contents {
  readonly list: Content[] = [];
  bytes = 0;
  readonly #seen = new Set<Digest>();

  add(content: Content): void {
    if (this.#seen.has(content.digest)) return;
    this.#seen.add(content.digest);
    this.list.push(content);
    this.bytes += content.sizeBytes;
  }
}

function parseFiles(json: string): readonly TreeFile[] {
  return JSON.parse(json) as TreeFile[]; // written by the registry
}

function changedMeanwhile(error: unknown): unknown {
  if (!(error instanceof AmaasError)) return error;
  return new AmaasError(error.reason, `${error.message}; a file of the models folder changed meanwhile`, {
    retryable: true,
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
