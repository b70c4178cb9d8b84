// Media files on disk, as the trainer's port of labelled media wants them: a folder with a folder per class, a folder with
// a table of labels, or a tar archive of either. Reads nothing but names until a file is asked for, archives excepted.
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AmaasError } from '@amaas/core';
import {
  decodeText,
  gunzipIfPacked,
  type LabelColumns,
  type MediaFile,
  readLabelsCsv,
  readTar,
} from '@amaas/learn/data';

export interface MediaFilesOptions extends LabelColumns {
  /** Endings of file names that count, in lower case with the dot; others are passed over. */
  readonly extensions: readonly string[];
  /**
   * Class of a file by its path below the folder, with forward slashes; null refuses it. Default: the first folder of the path.
   */
  readonly classOf?: (path: string) => string | null;
  /** Path of a CSV file with the labels: then exactly the files it names are taken. */
  readonly labelsPath?: string;
  /** Most bytes of one file; default 256 MiB. */
  readonly maxFileBytes?: number;
  /** Most bytes an archive unpacks to; default 2 GiB. It is held in memory. */
  readonly maxArchiveBytes?: number;
  readonly signal?: AbortSignal;
}

const MIB = 1024 * 1024;
const DEFAULT_MAX_FILE_BYTES = 256 * MIB;
const DEFAULT_MAX_ARCHIVE_BYTES = 2048 * MIB;
/** Endings of sounds that can be read, in lower case with the dot. */
export const AUDIO_EXTENSIONS: readonly string[] = ['.wav'];

const ARCHIVE = /\.(tar|tar\.gz|tgz)$/i;

/**
 * The media files at a path, with their labels.
 * @throws INVALID_DATA when there are none, one has no class, or the table of labels does not fit; what reading throws.
 */
export async function listMediaFiles(path: string, options: MediaFilesOptions): Promise<readonly MediaFile[]> {
  const isArchive = ARCHIVE.test(path) && (await stat(path)).isFile();
  const found = isArchive ? await archivedFiles(path, options) : await filesOnDisk(path, options);
  if (options.labelsPath === undefined) return labelByPath(path, found, options);
  const table = await readFile(options.labelsPath);
  const name = basename(options.labelsPath);
  return labelByTable(found, readLabelsCsv(decodeText(table, name), name, options), name);
}

/** A file that has no label yet. */
type UnlabelledFile = Omit<MediaFile, 'label'>;

async function filesOnDisk(root: string, options: MediaFilesOptions): Promise<readonly UnlabelledFile[]> {
  const maxBytes = options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES;
  const names = await listNames(root, { isWanted: (name) => isWanted(name, options), signal: options.signal });
  return names.map((name) => ({
    name,
    read: (signal) => readBounded(join(root, name), { name, maxBytes, ...(signal && { signal }) }),
  }));
}

/**
 * Paths below a folder with forward slashes, in the order of the disk; nothing hidden. Links to files are followed; those to
 * folders are not, since they may lead round in circles.
 * @throws CANCELLED, and what reading folders throws
 */
export async function listNames(
  root: string,
  { isWanted, signal }: { readonly isWanted?: (name: string) => boolean; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const names: string[] = [];
  const walk = async (below: string): Promise<void> => {
    throwIfAborted(signal);
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await walk(name);
      else if ((isWanted?.(name) ?? true) && (entry.isFile() || (await stat(join(root, name))).isFile()))
        names.push(name);
    }
  };
  await walk('');
  return names;
}

async function archivedFiles(path: string, options: MediaFilesOptions): Promise<readonly UnlabelledFile[]> {
  const maxBytes = options.maxArchiveBytes ?? DEFAULT_MAX_ARCHIVE_BYTES;
  const { signal } = options;
  const name = basename(path);
  const packed = await readBounded(path, { name, maxBytes, ...(signal && { signal }) });
  const archive = await gunzipIfPacked(packed, { name, maxBytes, ...(signal && { signal }) });
  return readTar(archive, name)
    .map((file) => ({ name: file.path.replace(/^\.\//, ''), read: async () => file.bytes }))
    .filter((file) => isWanted(file.name, options) && !basename(file.name).startsWith('.'));
}

function isWanted(name: string, { extensions }: MediaFilesOptions): boolean {
  return extensions.includes(extname(name).toLowerCase());
}

function labelByPath(
  path: string,
  files: readonly UnlabelledFile[],
  { extensions, classOf = firstFolder }: MediaFilesOptions,
): readonly MediaFile[] {
  if (files.length === 0) {
    throw new AmaasError('INVALID_DATA', `media: there is no file below ${path} that ends in ${extensions.join(', ')}`);
  }
  return files.map((file) => {
    const label = classOf(file.name);
    if (label !== null && label !== '') return { ...file, label };
    throw new AmaasError(
      'INVALID_DATA',
      `media: "${file.name}" has no class; files lie in a folder per class, or a table of labels names them`,
    );
  });
}

function labelByTable(
  files: readonly UnlabelledFile[],
  labels: ReadonlyMap<string, string>,
  table: string,
): readonly MediaFile[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  return Array.from(labels, ([name, label]) => {
    const file = byName.get(name);
    if (file !== undefined) return { ...file, label };
    throw new AmaasError(
      'INVALID_DATA',
      `media: ${table} names "${name}", which is not among the ${files.length} files`,
    );
  });
}

function firstFolder(path: string): string | null {
  const slash = path.indexOf('/');
  return slash === -1 ? null : path.slice(0, slash);
}

async function readBounded(
  path: string,
  { name, maxBytes, signal }: { readonly name: string; readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  throwIfAborted(signal);
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new AmaasError('REQUEST_TOO_LARGE', `media: ${name} has ${size} bytes; at most ${maxBytes} are allowed`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AmaasError('CANCELLED', 'media: reading was called off');
}

/** So many files at most, evenly over the order of their names: what is found out of them does not depend on the disk's. */
export function sampleFiles(files: readonly MediaFile[], most: number): readonly MediaFile[] {
  const sorted = files.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const step = Math.max(1, sorted.length / most);
  return sorted.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}
