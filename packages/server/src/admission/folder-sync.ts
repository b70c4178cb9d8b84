// Keeps the registry in step with the watched models folder, and imports the bundled models. A version that is refused
// is reported and looked at again only when its files change.
import { createReadStream } from 'node:fs';
import { AmaasError, NAME_RULE, toAmaasError } from '@amaas/core';
import type { BlobStore, TreeFile } from '../artifacts/index.ts';
import {
  type FileStamp,
  type FolderCandidate,
  type ModelOwner,
  type Registry,
  scanModelsFolder,
} from '../registry/index.ts';
import type { Admission } from './admission.ts';

export interface FolderSyncParts {
  readonly admission: Admission;
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly maxModelBytes: number;
  readonly onAdmitted: (model: string, version: number, origin: string) => void;
  /** `version` null: the problem belongs to none. */
  readonly onRejected: (model: string, version: number | null, error: AmaasError) => void;
  readonly onRemoved: (model: string, version: number) => void;
}

export class FolderSync {
  readonly #parts: FolderSyncParts;

  constructor(parts: FolderSyncParts) {
    this.#parts = parts;
  }

  /** Imports every model of a folder once, as the server's own; returns when all are dealt with. */
  async importBundled(directory: string): Promise<void> {
    const candidates = await scanModelsFolder(directory);
    await Promise.all(
      candidates
        .filter((candidate) => candidate.problem === undefined)
        .map((candidate) => this.take(candidate, 'bundled')),
    );
  }

  /**
   * Admits a candidate unless the registry has exactly these files already. Never throws: refusals are reported. When
   * `signal` fires it is left for the next start.
   */
  async take(candidate: FolderCandidate, owner: ModelOwner, signal?: AbortSignal): Promise<void> {
    const stamps = candidate.files.map(({ path, sizeBytes, mtimeMs }): FileStamp => ({ path, sizeBytes, mtimeMs }));
    const record = await this.#parts.registry.getModel(candidate.model);
    const known = record?.versions.find((version) =>
      candidate.version === null
        ? isSame(version.lineage.folder?.stamps, stamps)
        : version.version === candidate.version,
    );
    if (known !== undefined && isSame(known.lineage.folder?.stamps, stamps)) return;
    try {
      await this.#parts.registry.assertOwner(candidate.model, owner); // before anything is said about numbers
      const files = await this.#store(candidate);
      if (known !== undefined && isSame(known.lineage.folder?.files, files)) return;
      if (known !== undefined) {
        throw new AmaasError(
          'VERSION_EXISTS',
          `version ${known.version} of "${candidate.model}" exists with other contents; versions never change: put the new files under a new number`,
        );
      }
      const version = await this.#parts.admission.admit({
        model: candidate.model,
        owner,
        ...(candidate.version === null ? {} : { version: candidate.version }),
        files,
        lineage: { folder: { stamps, files } },
        ...(signal === undefined ? {} : { signal }),
      });
      this.#parts.onAdmitted(candidate.model, version.version, originOf(candidate));
    } catch (thrown) {
      if (signal?.aborted) return;
      const next = candidate.version ?? (record?.versions.at(-1)?.version ?? 0) + 1;
      this.#parts.onRejected(candidate.model, next, toAmaasError(thrown));
    }
  }

  /** Reports a candidate that cannot be a version at all. */
  refuse(candidate: FolderCandidate): void {
    const error = new AmaasError('INVALID_MODEL', candidate.problem ?? 'it cannot be served');
    this.#parts.onRejected(candidate.model, candidate.version, error);
  }

  /** Takes a removed folder version out of service. */
  async remove(model: string, version: number | null): Promise<void> {
    const record = await this.#parts.registry.getModel(model);
    if (record === null || record.owner !== 'folder') {
      if (version !== null) this.#parts.onRemoved(model, version);
      return;
    }
    const gone = version === null ? record.versions.map((known) => known.version) : [version];
    for (const number of gone) {
      if (record.versions.some((known) => known.version === number)) {
        await this.#parts.registry.deleteVersion(model, number, { force: true });
      }
      this.#parts.onRemoved(model, number);
    }
  }

  async #store(candidate: FolderCandidate): Promise<readonly TreeFile[]> {
    const total = candidate.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (total > this.#parts.maxModelBytes) {
      throw new AmaasError(
        'REQUEST_TOO_LARGE',
        `"${candidate.model}" has ${total} bytes; at most ${this.#parts.maxModelBytes} are accepted`,
      );
    }
    const files: TreeFile[] = [];
    for (const file of candidate.files) {
      const receipt = await this.#parts.blobs.put(createReadStream(file.source));
      files.push({ path: file.path, ...receipt });
    }
    return files;
  }
}

/** Where a version comes from, for people: a file's name may have become another one. */
function originOf({ location, model, version }: FolderCandidate): string {
  const isRenamed = version === null && !location.startsWith(`${model}.`);
  return isRenamed ? `${location}, served as "${model}": names are ${NAME_RULE}` : location;
}

/** Whether a stored list equals one made now; both come from the same code, so their JSON agrees to the letter. */
function isSame(stored: unknown, current: unknown): boolean {
  return JSON.stringify(stored) === JSON.stringify(current);
}
