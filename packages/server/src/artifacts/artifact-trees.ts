// Lays the files of a version out in a directory, `<root>/<hex of the tree's digest>`, for runtimes that want real paths.
// The files are hard links to blobs (copies where links fail); a directory under its final name is always complete.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore } from './blob-store.ts';
import { type Digest, digestHex, isDigest } from './digest.ts';
import { errorCode, explainFullDisk, makeDurableDirectory, syncDirectory } from './durable-files.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { assertTreeFiles, computeTreeDigest, type TreeFile } from './tree-files.ts';

/** A tree on disk. It stays until `release` was called and nothing refers to it any more. */
export interface MaterialisedTree {
  readonly digest: Digest;
  /** Absolute path. Its files are read-only. */
  readonly directory: string;
  /** Says that the directory is no longer in use. Idempotent. */
  release(): void;
}

export class ArtifactTrees {
  readonly #root: string;
  readonly #blobs: BlobStore;
  readonly #mutex = new KeyedMutex();
  /** Tree digest → how many hold it. */
  readonly #uses = new Map<Digest, number>();

  /** Does not touch the disk. `root` must be on the file system of the blobs for links to work. */
  constructor(root: string, blobs: BlobStore) {
    this.#root = root;
    this.#blobs = blobs;
  }

  /**
   * Gives a directory that holds exactly `files`; at most one is built, however many ask.
   * @throws INVALID_ARGUMENT for unsafe paths, ARTIFACT_NOT_FOUND when a blob is missing, STORAGE_FULL.
   */
  async materialise(files: readonly TreeFile[]): Promise<MaterialisedTree> {
    assertTreeFiles(files);
    const digest = computeTreeDigest(files);
    const directory = this.#directory(digest);
    this.#uses.set(digest, (this.#uses.get(digest) ?? 0) + 1); // before the first wait: a collection sees it
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      const left = (this.#uses.get(digest) ?? 1) - 1;
      if (left === 0) this.#uses.delete(digest);
      else this.#uses.set(digest, left);
    };
    try {
      await this.#mutex.run(digest, async () => {
        if (!(await isComplete(directory, files))) await this.#build(directory, files);
      });
    } catch (error) {
      release();
      throw explainFullDisk(error, 'lay out files');
    }
    return { digest, directory, release };
  }

  /** Removes the trees that are neither in `referenced` nor in use. @returns how many. */
  async collectGarbage(referenced: ReadonlySet<Digest>): Promise<number> {
    let removed = 0;
    for (const name of await this.#names()) {
      const digest = `sha256:${name}`;
      if (!isDigest(digest) || referenced.has(digest)) continue;
      await this.#mutex.run(digest, async () => {
        if (this.#uses.has(digest)) return;
        await this.#remove(this.#directory(digest));
        removed++;
      });
    }
    return removed;
  }

  /** Removes what interrupted work left behind. Only for the owner of the directory, before anything is materialised. */
  async sweepTemporary(): Promise<void> {
    for (const name of await this.#names()) {
      if (name.startsWith('.')) await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }

  async #build(directory: string, files: readonly TreeFile[]): Promise<void> {
    const partial = join(this.#root, `.building-${randomUUID()}`);
    try {
      const folders = new Set([partial]);
      for (const file of files) {
        const target = join(partial, file.path);
        for (let folder = dirname(target); folder.length > partial.length; folder = dirname(folder))
          folders.add(folder);
        await makeDurableDirectory(dirname(target));
        await linkOrCopy(await this.#blobs.path(file.digest), target);
      }
      for (const folder of folders) await syncDirectory(folder);
      await this.#remove(directory); // an incomplete one, tampered with
      await rename(partial, directory);
      await syncDirectory(this.#root);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  /** Takes the name away in one step, then the contents. */
  async #remove(directory: string): Promise<void> {
    const removing = join(this.#root, `.removing-${randomUUID()}`);
    try {
      await rename(directory, removing);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removing, { recursive: true, force: true });
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#root);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #directory(digest: Digest): string {
    return join(this.#root, digestHex(digest));
  }
}

/** Whether the directory holds every file with its size; the contents were checked when they became blobs. */
async function isComplete(directory: string, files: readonly TreeFile[]): Promise<boolean> {
  for (const file of files) {
    try {
      const found = await stat(join(directory, file.path));
      if (!found.isFile() || found.size !== file.sizeBytes) return false;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
      throw error;
    }
  }
  return true;
}

/** Other file system, too many links, links forbidden or unknown. */
const LINK_REFUSALS: readonly (string | undefined)[] = ['EXDEV', 'EMLINK', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP'];

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
    return;
  } catch (error) {
    if (!LINK_REFUSALS.includes(errorCode(error))) throw error;
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
