// Files on this machine as what the client deploys: found, digested and streamed without holding them in memory.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import type { DeployFile } from '@amaas/client';
import { AmaasError } from '@amaas/core';

/** A file that will be part of a version. */
export interface LocalFile {
  /** Path inside the version, `/` between folders. */
  readonly path: string;
  readonly localPath: string;
  readonly sizeBytes: number;
}

/** More files than this are a mistaken folder, not a model; the server takes no more either. */
const MAX_FILES = 1000;

/**
 * Lists what to deploy: one file, as `model.onnx` or `model.gguf`, or everything below a folder but hidden files. Links are followed.
 * @throws INVALID_ARGUMENT for a folder without files or with too many
 */
export async function listLocalFiles(source: string): Promise<readonly LocalFile[]> {
  const found = await stat(source);
  if (!found.isDirectory()) {
    const path = source.toLowerCase().endsWith('.gguf') ? 'model.gguf' : 'model.onnx';
    return [{ path, localPath: source, sizeBytes: found.size }];
  }
  const files: LocalFile[] = [];
  await collect(source, '', files);
  if (files.length === 0) throw new AmaasError('INVALID_ARGUMENT', `deploy: there is no file in ${source}`);
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

async function collect(root: string, folder: string, files: LocalFile[]): Promise<void> {
  for (const name of await readdir(join(root, folder))) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const found = await stat(join(root, path));
    if (found.isDirectory()) await collect(root, path, files);
    else if (found.isFile()) {
      files.push({ path: path.replaceAll(sep, '/'), localPath: join(root, path), sizeBytes: found.size });
      if (files.length > MAX_FILES)
        throw new AmaasError(
          'INVALID_ARGUMENT',
          `deploy: ${root} holds more than ${MAX_FILES} files; give the folder of one model`,
        );
    }
  }
}

/** Digests a file, telling how far it has come. */
export async function digestLocalFile(file: LocalFile, onBytes: (bytes: number) => void): Promise<DeployFile> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file.localPath, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer); // no encoding is set, so chunks are Buffers
    onBytes((chunk as Buffer).length);
  }
  return {
    path: file.path,
    sizeBytes: file.sizeBytes,
    digest: `sha256:${hash.digest('hex')}`,
    // A stream of a file gives Uint8Array chunks; Node's type of the same web stream leaves that open.
    content: () => Readable.toWeb(createReadStream(file.localPath)) as ReadableStream<Uint8Array>,
  };
}
