// The registry: which models, versions and labels there are. Durable before it answers; tells its listeners after the
// commit. Knows nothing of what is loaded, of protocols or of who may do what.
import { AmaasError, assertName, type Clock, isName, type ProbeReport } from '@amaas/core';
import type { Transaction } from 'kysely';
import type { ArtifactTrees, BlobStore, Digest } from '../artifacts/index.ts';
import type { Database, Schema } from '../storage/index.ts';
import { assertOwner, assertRegistration, moveLabel, writeVersion } from './register-version.ts';
import { labelNotFound, versionNotFound } from './not-found.ts';
import { Datasets } from './datasets.ts';
import { loadReferencedBlobs } from './referenced-blobs.ts';
import { loadModels, lockModel } from './rows.ts';
import { Runs } from './runs.ts';
import { assertPolicy } from './select-versions.ts';
import type {
  ModelOwner,
  ModelRecord,
  QuarantineVerdict,
  RegisteredVersion,
  VerdictKey,
  VersionPolicy,
  VersionRecord,
  VersionRegistration,
} from './types.ts';
import { VerdictCache } from './verdict-cache.ts';

export interface RegistryParts {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly trees: ArtifactTrees;
  readonly clock: Pick<Clock, 'wallTime'>;
  /** Hears what a listener threw; the change itself stands. */
  readonly onListenerError: (error: unknown) => void;
}

/** Hears the name of a model that changed; several changes may come as several calls. */
export type ChangeListener = (model: string) => void;

export interface DeleteOptions {
  /** When given, the model must belong to it. */
  readonly owner?: ModelOwner;
}

export interface CollectedGarbage {
  readonly blobs: number;
  readonly bytes: number;
  readonly trees: number;
}

/** A blob is put before the version that refers to it is registered: an upload and its quarantine fit into this. */
const DEFAULT_GRACE_MS = 60 * 60 * 1000;

export class Registry {
  readonly datasets: Datasets;
  readonly runs: Runs;
  readonly #parts: RegistryParts;
  readonly #verdicts: VerdictCache;
  readonly #listeners = new Set<ChangeListener>();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#verdicts = new VerdictCache(parts.database, parts.clock);
    this.datasets = new Datasets(parts);
    this.runs = new Runs(parts);
  }

  /**
   * Makes a version visible, moves labels to it and sets the policy: all in one transaction, on disk when it resolves.
   * Without a number the version gets the greatest the name ever had plus one, so that no number means two things.
   * The same number with the same contents is no error; nor is, for `folder` and `bundled`, the newest version again.
   * @throws INVALID_NAME, INVALID_ARGUMENT, ARTIFACT_NOT_FOUND when a file is not in the blob store, NAME_TAKEN,
   *   VERSION_EXISTS, STORAGE_FULL.
   */
  async registerVersion(registration: VersionRegistration): Promise<RegisteredVersion> {
    assertRegistration(registration);
    await this.#touchFiles(registration);
    return this.#change(registration.model, (trx, now) => writeVersion(trx, registration, now));
  }

  /** All models, by name. */
  listModels(): Promise<readonly ModelRecord[]> {
    return this.#parts.database.snapshot((trx) => loadModels(trx));
  }

  /** The model, or null for an unknown name. */
  async getModel(name: string): Promise<ModelRecord | null> {
    if (!isName(name)) return null; // not every text can be asked for: PostgreSQL refuses NUL
    const [model] = await this.#parts.database.snapshot((trx) => loadModels(trx, name));
    return model ?? null;
  }

  /** All versions of a model, ascending. @throws MODEL_NOT_FOUND */
  async listVersions(model: string): Promise<readonly VersionRecord[]> {
    return (await this.#knownModel(model)).versions;
  }

  /** @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND */
  async getVersion(model: string, version: number): Promise<VersionRecord> {
    return findVersion(await this.#knownModel(model), version);
  }

  /** The version of a model whose lineage names a run, or null: so that a run which is repeated does not make two. */
  async findVersionOfRun(model: string, run: string): Promise<VersionRecord | null> {
    const known = await this.getModel(model);
    return known?.versions.findLast((version) => version.lineage.run === run) ?? null;
  }

  /** Points a label to a version, from wherever it pointed. @throws INVALID_NAME, MODEL_NOT_FOUND, VERSION_NOT_FOUND */
  async setLabel(target: { readonly model: string; readonly label: string; readonly version: number }): Promise<void> {
    assertName('label', target.label);
    await this.#change(target.model, async (trx, now) => {
      findVersion(await lockedModel(trx, target.model), target.version);
      await moveLabel(trx, target, now);
    });
  }

  /** @throws MODEL_NOT_FOUND, LABEL_NOT_FOUND */
  async removeLabel(model: string, label: string): Promise<void> {
    await this.#change(model, async (trx) => {
      const { labels } = await lockedModel(trx, model);
      if (!labels.has(label)) throw labelNotFound(model, label, labels);
      await trx.deleteFrom('labels').where('model', '=', model).where('label', '=', label).execute();
    });
  }

  /** Sets which versions are served. @throws INVALID_ARGUMENT, MODEL_NOT_FOUND */
  async setPolicy(model: string, policy: VersionPolicy): Promise<void> {
    assertPolicy(policy);
    await this.#change(model, async (trx) => {
      await lockedModel(trx, model);
      await writePolicy(trx, model, policy);
    });
  }

  /**
   * Removes a version; its files stay until {@link collectGarbage}. With `force` its labels go with it.
   * The model stays, even without versions.
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_IN_USE, NAME_TAKEN
   */
  async deleteVersion(
    model: string,
    version: number,
    options: DeleteOptions & { readonly force?: boolean } = {},
  ): Promise<void> {
    await this.#change(model, async (trx) => {
      const known = await lockedModel(trx, model, options.owner);
      findVersion(known, version);
      const labels = [...known.labels].filter(([, target]) => target === version).map(([label]) => label);
      if (labels.length > 0 && !options.force) {
        throw new AmaasError(
          'LABEL_IN_USE',
          `version ${version} of model "${model}" carries the label${labels.length > 1 ? 's' : ''} ` +
            `${labels.map((label) => `"${label}"`).join(', ')}; move or remove ${labels.length > 1 ? 'them' : 'it'} first`,
          { details: { model, version, labels } },
        );
      }
      await trx.deleteFrom('labels').where('model', '=', model).where('version', '=', version).execute();
      await trx.deleteFrom('versions').where('model', '=', model).where('version', '=', version).execute();
    });
  }

  /** Removes a model with its versions and labels and frees its name. @throws MODEL_NOT_FOUND, NAME_TAKEN */
  async deleteModel(model: string, options: DeleteOptions = {}): Promise<void> {
    await this.#change(model, async (trx) => {
      await lockedModel(trx, model, options.owner);
      await trx.deleteFrom('labels').where('model', '=', model).execute();
      await trx.deleteFrom('versions').where('model', '=', model).execute();
      await trx.deleteFrom('models').where('name', '=', model).execute();
    });
  }

  /** Stops serving a model until {@link Registry.resume}; twice is once. @throws MODEL_NOT_FOUND */
  async suspend(model: string): Promise<void> {
    await this.#change(model, async (trx) => {
      const { policy } = await lockedModel(trx, model);
      if (policy.kind !== 'none') await writePolicy(trx, model, { kind: 'none', resume: policy });
    });
  }

  /** Serves a model as before {@link Registry.suspend}. @throws MODEL_NOT_FOUND */
  async resume(model: string): Promise<void> {
    await this.#change(model, async (trx) => {
      const { policy } = await lockedModel(trx, model);
      if (policy.kind === 'none') await writePolicy(trx, model, policy.resume);
    });
  }

  /** @throws NAME_TAKEN when the name exists and is another's. */
  async assertOwner(model: string, owner: ModelOwner): Promise<void> {
    const known = await this.getModel(model);
    if (known !== null) assertOwner(model, known.owner, owner);
  }

  /** What quarantine said about these contents under these circumstances, or null. */
  getVerdict<Report = ProbeReport>(key: VerdictKey): Promise<QuarantineVerdict<Report> | null> {
    return this.#verdicts.get(key);
  }

  putVerdict<Report = ProbeReport>(key: VerdictKey, verdict: QuarantineVerdict<Report>): Promise<void> {
    return this.#verdicts.put(key, verdict);
  }

  /** Calls `listener` after each committed change, until the returned function is called. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Removes blobs no version, dataset, run, file or open batch refers to and directories nobody uses. Spares blobs put or
   * touched in the last `graceMs` (default one hour), which may belong to a version about to be registered.
   */
  async collectGarbage(options: { readonly graceMs?: number } = {}): Promise<CollectedGarbage> {
    const { blobs, trees, clock } = this.#parts;
    const unlessTouchedSince = new Date(clock.wallTime().getTime() - (options.graceMs ?? DEFAULT_GRACE_MS));
    const { models, referencedBlobs } = await this.#parts.database.snapshot(async (trx) => ({
      models: await loadModels(trx),
      referencedBlobs: await loadReferencedBlobs(trx),
    }));
    const versions = models.flatMap((model) => model.versions);
    const wantedTrees = new Set<Digest>(versions.map((version) => version.digest));
    const wantedBlobs = new Set<Digest>(referencedBlobs);
    for (const version of versions) for (const file of version.files) wantedBlobs.add(file.digest);
    const removedTrees = await trees.collectGarbage(wantedTrees);
    let removedBlobs = 0;
    let removedBytes = 0;
    for await (const blob of blobs.list()) {
      if (wantedBlobs.has(blob.digest) || !(await blobs.delete(blob.digest, { unlessTouchedSince }))) continue;
      removedBlobs++;
      removedBytes += blob.sizeBytes;
    }
    return { blobs: removedBlobs, bytes: removedBytes, trees: removedTrees };
  }

  /** Makes sure that the files are there, and that they are young enough to be spared until the version refers to them. */
  async #touchFiles(registration: VersionRegistration): Promise<void> {
    for (const { path, digest } of registration.files) {
      if (await this.#parts.blobs.touch(digest)) continue;
      throw new AmaasError(
        'ARTIFACT_NOT_FOUND',
        `register model "${registration.model}": file "${path}" (${digest}) is not in the store`,
      );
    }
  }

  async #knownModel(name: string): Promise<ModelRecord> {
    return (await this.getModel(name)) ?? modelNotFound(name);
  }

  async #change<T>(model: string, work: (trx: Transaction<Schema>, now: string) => Promise<T>): Promise<T> {
    const now = this.#parts.clock.wallTime().toISOString();
    const result = await this.#parts.database.transaction((trx) => work(trx, now));
    for (const listener of [...this.#listeners]) {
      try {
        listener(model);
      } catch (error) {
        this.#parts.onListenerError(error);
      }
    }
    return result;
  }
}

async function writePolicy(trx: Transaction<Schema>, model: string, policy: VersionPolicy): Promise<void> {
  await trx
    .updateTable('models')
    .set({ policy: JSON.stringify(policy) })
    .where('name', '=', model)
    .execute();
}

/** The model as only this transaction can change it now. */
async function lockedModel(trx: Transaction<Schema>, name: string, owner?: ModelOwner): Promise<ModelRecord> {
  if (!isName(name)) return modelNotFound(name);
  await lockModel(trx, name);
  const [model] = await loadModels(trx, name);
  if (model === undefined) return modelNotFound(name);
  if (owner !== undefined) assertOwner(name, model.owner, owner);
  return model;
}

function findVersion(model: ModelRecord, version: number): VersionRecord {
  const found = model.versions.find((candidate) => candidate.version === version);
  if (found === undefined) throw versionNotFound(model.name, version, model);
  return found;
}

function modelNotFound(name: string): never {
  const shown = JSON.stringify(name.slice(0, 140));
  throw new AmaasError('MODEL_NOT_FOUND', `model ${shown} is not known to this server`, { details: { model: name } });
}
