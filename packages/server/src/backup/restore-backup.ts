// Makes a data directory of a backup. Everything is checked against its digest on the way, and the directory gets its
// contents only when all of them are there and fit together.
import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, open, readdir, rename, rm, rmdir, utimes } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import {
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
import { assertSchemaKnown, type DataDirLock, dataDirLayout, lockDataDir, readDatabase } from '../storage/index.ts';
import {
  type ArchiveManifest,
  BLOB_PREFIX,
  DATABASE_NAME,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from './archive-manifest.ts';
import { hashFile } from './models-folder.ts';
import { readTar, type TarEntry } from './tar-reader.ts';

export interface RestoreOptions {
  readonly archive: string;
  /** Must be empty or not exist. */
  readonly dataDir: string;
  readonly clock?: Pick<Clock, 'wallTime'>;
  /** Hears how many bytes of contents are unpacked, and how many there are. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface RestoreSummary {
  readonly dataDir: string;
  /** When the backup was made, ISO 8601. */
  readonly createdAt: string;
  readonly versions: number;
  readonly blobs: number;
}

/** Names of unfinished restores. */
const RESTORING = '.restoring-';

/**
 * Restores a backup into an empty data directory; when it fails, the directory is as it was.
 * @throws INVALID_ARGUMENT when the directory is not empty or the file is no backup, DATA_DIR_LOCKED, SCHEMA_TOO_NEW,
 *   DIGEST_MISMATCH when the archive is damaged or incomplete, STORAGE_FULL.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreSummary> {
  const dataDir = resolve(options.dataDir);
  const clock = options.clock ?? systemClock;
  try {
    return (await isDirectory(dataDir))
      ? await restoreInside(options, dataDir, clock)
      : await restoreBeside(options, dataDir, clock);
  } catch (error) {
    throw explainFullDisk(error, 'restore');
  }
}

/** Builds next to the directory that is to be and renames once. */
async function restoreBeside(
  options: RestoreOptions,
  dataDir: string,
  clock: Pick<Clock, 'wallTime'>,
): Promise<RestoreSummary> {
  const building = join(dirname(dataDir), `${RESTORING}${basename(dataDir)}-${randomUUID()}`);
  await makeDurableDirectory(building);
  try {
    const summary = await unpack(options, building, clock);
    await syncDirectory(building);
    await rename(building, dataDir); // fails when somebody made the directory meanwhile
    await syncDirectory(dirname(dataDir));
    return { ...summary, dataDir };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
}

/** For a directory that exists and may be a mount, which cannot be replaced: its entries are moved in, the database last. */
async function restoreInside(
  options: RestoreOptions,
  dataDir: string,
  clock: Pick<Clock, 'wallTime'>,
): Promise<RestoreSummary> {
  await assertEmpty(dataDir);
  const lock: DataDirLock = lockDataDir(dataDir, clock);
  const building = join(dataDir, `${RESTORING}${randomUUID()}`);
  try {
    await assertEmpty(dataDir); // now that nobody else can fill it
    for (const name of await readdir(dataDir)) {
      if (name.startsWith(RESTORING)) await rm(join(dataDir, name), { recursive: true });
    }
    await makeDurableDirectory(building);
    const summary = await unpack(options, building, clock);
    for (const name of (await readdir(building)).filter((entry) => entry !== DATABASE_NAME)) {
      await rename(join(building, name), join(dataDir, name));
    }
    await syncDirectory(dataDir);
    await rename(join(building, DATABASE_NAME), dataDirLayout(dataDir).databasePath);
    await syncDirectory(dataDir);
    await rmdir(building);
    return { ...summary, dataDir };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  } finally {
    lock.release();
  }
}

/** Unpacks and checks an archive into a directory of its own, laid out as a data directory. */
async function unpack(
  options: RestoreOptions,
  directory: string,
  clock: Pick<Clock, 'wallTime'>,
): Promise<Omit<RestoreSummary, 'dataDir'>> {
  const layout = dataDirLayout(directory);
  const blobs = new FileBlobStore(layout.artifactsDirectory, clock);
  await assertReadable(options.archive);
  const entries = readTar(createReadStream(options.archive, { highWaterMark: 1 << 20 }));
  try {
    const manifest = await takeManifest(entries, options.archive);
    const expected = new Map(manifest.blobs.map((blob) => [parseDigest(blob.digest), blob.sizeBytes]));
    const missing = new Set<Digest>(expected.keys());
    const totalBytes = manifest.blobs.reduce((sum, blob) => sum + blob.sizeBytes, manifest.database.sizeBytes);
    let doneBytes = 0;
    for await (const entry of entries) {
      if (entry.name === DATABASE_NAME) await unpackDatabase(entry, manifest, layout.databasePath);
      else {
        const digest = parseDigest(`sha256:${entry.name.replace(BLOB_PREFIX, '')}`);
        if (entry.name !== BLOB_PREFIX + digestHex(digest) || expected.get(digest) !== entry.sizeBytes) {
          throw new AmaasError('INVALID_ARGUMENT', `restore: "${entry.name}" is not in the manifest of the archive`);
        }
        await blobs.put(entry.body, { expectedDigest: digest, maxBytes: entry.sizeBytes });
        missing.delete(digest);
      }
      doneBytes += entry.sizeBytes;
      options.onProgress?.(doneBytes, totalBytes);
    }
    const [first] = missing;
    if (first !== undefined) {
      throw new AmaasError(
        'DIGEST_MISMATCH',
        `restore: the archive lacks ${missing.size} of its blobs, such as ${first}`,
      );
    }
    const versions = await checkDatabase(layout.databasePath, expected);
    await restoreModels(manifest, layout.modelsDirectory, blobs);
    await blobs.sweepTemporary();
    return { createdAt: manifest.createdAt, versions, blobs: expected.size };
  } finally {
    await entries.return(undefined);
  }
}

async function takeManifest(entries: AsyncGenerator<TarEntry>, archive: string): Promise<ArchiveManifest> {
  const first = await entries.next();
  if (first.done || first.value.name !== MANIFEST_NAME || first.value.sizeBytes > MAX_MANIFEST_BYTES) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `restore: ${archive} is not an amaas backup: it does not start with ${MANIFEST_NAME}`,
    );
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of first.value.body) pieces.push(piece);
  const manifest = parseManifest(Buffer.concat(pieces));
  assertSchemaKnown(manifest.schemaStep, `the backup ${archive}`);
  return manifest;
}

async function unpackDatabase(entry: TarEntry, manifest: ArchiveManifest, path: string): Promise<void> {
  if (entry.sizeBytes !== manifest.database.sizeBytes) {
    throw new AmaasError(
      'DIGEST_MISMATCH',
      `restore: the database has ${entry.sizeBytes} bytes, not those of the manifest`,
    );
  }
  const handle = await open(path, 'wx', 0o600);
  try {
    for await (const piece of entry.body) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const { digest } = await hashFile(path);
  if (digest === manifest.database.digest) return;
  throw new AmaasError(
    'DIGEST_MISMATCH',
    `restore: the database is damaged: expected ${manifest.database.digest}, got ${digest}`,
  );
}

/** Says how many versions there are; their files and those of datasets and runs must be among `blobs`. */
async function checkDatabase(path: string, blobs: ReadonlyMap<Digest, number>): Promise<number> {
  if (!(await exists(path))) throw new AmaasError('DIGEST_MISMATCH', 'restore: the archive holds no database');
  const { versionFiles, otherFiles } = await readDatabase(path);
  const files = versionFiles.flatMap((json) => JSON.parse(json) as TreeFile[]); // written by the registry
  for (const { digest } of [...files, ...otherFiles]) {
    if (!blobs.has(parseDigest(digest))) {
      throw new AmaasError('DIGEST_MISMATCH', `restore: the database refers to ${digest}, which the archive lacks`);
    }
  }
  return versionFiles.length;
}

/** Puts the models folder back: copies, because people edit what lies there. */
async function restoreModels(manifest: ArchiveManifest, folder: string, blobs: FileBlobStore): Promise<void> {
  const folders = new Set<string>();
  for (const { path, digest, mtimeMs } of manifest.models) {
    const target = join(folder, path);
    await makeDurableDirectory(dirname(target));
    folders.add(dirname(target));
    await copyFile(await blobs.path(parseDigest(digest)), target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    const handle = await open(target, 'r');
    try {
      await handle.chmod(0o644); // a blob is read-only
      await utimes(target, mtimeMs / 1000, mtimeMs / 1000);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  for (const directory of folders) await syncDirectory(directory);
}

async function assertEmpty(dataDir: string): Promise<void> {
  const { lockPath, lockOwnerPath } = dataDirLayout('');
  const found = (await readdir(dataDir)).filter(
    (name) => name !== lockPath && name !== lockOwnerPath && !name.startsWith(RESTORING),
  );
  if (found.length === 0) return;
  const shown = found.slice(0, 5).join(', ');
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `restore: the data directory ${dataDir} is not empty: it holds ${shown}${found.length > 5 ? ', …' : ''}. Restore into an empty one`,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    await readdir(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw new AmaasError('INVALID_ARGUMENT', `restore: ${path} is not a directory that can be read`, { cause: error });
  }
}

async function assertReadable(archive: string): Promise<void> {
  try {
    await (await open(archive, 'r')).close();
  } catch (error) {
    throw new AmaasError('INVALID_ARGUMENT', `restore: cannot read ${archive} (${errorCode(error)})`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
