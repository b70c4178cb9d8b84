// Which versions answer under which names at this moment: the table every request is resolved against.
// Changed by the reconciler only; reading it never waits.
import { AmaasError, formatModelReference, type ModelReference } from '@amaas/core';
import type { ModelRecord, VersionRecord } from '../registry/index.ts';

/** A READY version of whatever kind. */
export interface Servable {
  readonly record: VersionRecord;
  readonly name: string;
  readonly version: number;
}

export type VersionState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNLOADED' | 'FAILED' | 'REJECTED';

/** One version as the table sees it. */
export interface VersionStatus {
  readonly version: number;
  readonly state: VersionState;
  /** Why it is not READY; null when there is nothing to say. */
  readonly reason: string | null;
  readonly record: VersionRecord | null;
}

interface VersionEntry<Served> {
  state: VersionState;
  reason: string | null;
  record: VersionRecord | null;
  served: Served | null;
}

interface ModelEntry<Served> {
  record: ModelRecord | null;
  readonly versions: Map<number, VersionEntry<Served>>;
  /** Label → version that answers for it now: the labelled one once it is READY, the one before until then. */
  readonly labels: Map<string, number>;
  /** What the bare name stands for. */
  current: Served | null;
}

/** The label that an unqualified name prefers. */
export const PRODUCTION_LABEL = 'production';

export class ModelTable<Served extends Servable> {
  readonly #models = new Map<string, ModelEntry<Served>>();

  /** Names, sorted. */
  names(): readonly string[] {
    return [...this.#models.keys()].sort();
  }

  has(model: string): boolean {
    return this.#models.has(model);
  }

  /**
   * The version that answers for a reference.
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND, MODEL_NOT_READY
   */
  resolve(reference: ModelReference): Served {
    const entry = this.#models.get(reference.model);
    if (entry === undefined) {
      throw new AmaasError('MODEL_NOT_FOUND', `Request for unknown model: '${reference.model}' is not found`);
    }
    if (reference.version === undefined && reference.label === undefined) {
      return entry.current ?? notReady(reference, newestReason(entry));
    }
    const version = reference.version ?? this.#labelled(entry, reference);
    const found = entry.versions.get(version);
    if (found === undefined) {
      throw new AmaasError(
        'VERSION_NOT_FOUND',
        `Request for unknown model: '${reference.model}' version ${version} is not found`,
      );
    }
    return found.served ?? notReady(reference, found.reason ?? found.state.toLowerCase());
  }

  #labelled(entry: ModelEntry<Served>, reference: ModelReference): number {
    const label = reference.label ?? '';
    const version = entry.labels.get(label) ?? entry.record?.labels.get(label);
    if (version !== undefined) return version;
    throw new AmaasError(
      'LABEL_NOT_FOUND',
      `Unrecognized servable version label: ${label} (model '${reference.model}')`,
    );
  }

  /** Every version of a model, ascending; undefined for an unknown model. */
  versionsOf(model: string): readonly VersionStatus[] | undefined {
    const entry = this.#models.get(model);
    if (entry === undefined) return undefined;
    return [...entry.versions]
      .map(([version, { state, reason, record }]) => ({ version, state, reason, record }))
      .sort((a, b) => a.version - b.version);
  }

  /** READY versions of all models. */
  served(): readonly Served[] {
    const all: Served[] = [];
    for (const entry of this.#models.values()) {
      for (const version of entry.versions.values()) if (version.served !== null) all.push(version.served);
    }
    return all;
  }

  /** The registry's record a model was last reconciled with. */
  recordOf(model: string): ModelRecord | null {
    return this.#models.get(model)?.record ?? null;
  }

  servedVersion(model: string, version: number): Served | null {
    return this.#models.get(model)?.versions.get(version)?.served ?? null;
  }

  /** Takes in the registry's record; with null the versions stay until {@link ModelTable.forget}, and the model with them. */
  setRecord(model: string, record: ModelRecord | null): void {
    const entry = this.#entry(model);
    entry.record = record;
    for (const version of record?.versions ?? []) {
      const known = entry.versions.get(version.version);
      if (known === undefined)
        entry.versions.set(version.version, { state: 'UNLOADED', reason: null, record: version, served: null });
      else if (known.state === 'REJECTED') Object.assign(known, { state: 'UNLOADED', reason: null, record: version });
      else known.record = version;
    }
    if (record === null && entry.versions.size === 0) this.#models.delete(model);
    else this.#refresh(entry);
  }

  /** Notes a state without a served version. */
  setState(
    model: string,
    version: number,
    status: { readonly state: Exclude<VersionState, 'READY'>; readonly reason?: string },
  ): void {
    const entry = this.#entry(model);
    const known = entry.versions.get(version);
    const next = { state: status.state, reason: status.reason ?? null, record: known?.record ?? null, served: null };
    entry.versions.set(version, next);
    this.#refresh(entry);
  }

  /** From here on `served` answers. */
  setReady(served: Served): void {
    const entry = this.#entry(served.name);
    entry.versions.set(served.version, { state: 'READY', reason: null, record: served.record, served });
    this.#refresh(entry);
  }

  /** Drops a version, and the model with its last one. */
  forget(model: string, version: number): void {
    const entry = this.#models.get(model);
    if (entry === undefined) return;
    entry.versions.delete(version);
    if (entry.versions.size === 0 && entry.record === null) this.#models.delete(model);
    else this.#refresh(entry);
  }

  #entry(model: string): ModelEntry<Served> {
    let entry = this.#models.get(model);
    if (entry === undefined) {
      entry = { record: null, versions: new Map(), labels: new Map(), current: null };
      this.#models.set(model, entry);
    }
    return entry;
  }

  /** Recomputes what labels and the bare name stand for. A label keeps its old target until the new one is READY. */
  #refresh(entry: ModelEntry<Served>): void {
    const wanted = entry.record?.labels ?? new Map<string, number>();
    for (const label of entry.labels.keys()) if (!wanted.has(label)) entry.labels.delete(label);
    for (const [label, version] of wanted) {
      if (entry.versions.get(version)?.served) entry.labels.set(label, version);
      else {
        const previous = entry.labels.get(label);
        if (previous !== undefined && !entry.versions.get(previous)?.served) entry.labels.delete(label);
      }
    }
    const production = entry.labels.get(PRODUCTION_LABEL);
    const ready = [...entry.versions].filter(([, version]) => version.served !== null).map(([version]) => version);
    const chosen = production ?? (ready.length === 0 ? undefined : Math.max(...ready));
    entry.current = chosen === undefined ? null : (entry.versions.get(chosen)?.served ?? null);
  }
}

function newestReason(entry: ModelEntry<unknown>): string {
  const newest = [...entry.versions].sort(([a], [b]) => b - a)[0];
  if (newest === undefined) return 'it has no versions';
  const [version, { state, reason }] = newest;
  return `version ${version} is ${state}${reason === null ? '' : `: ${reason}`}`;
}

function notReady(reference: ModelReference, reason: string): never {
  throw new AmaasError(
    'MODEL_NOT_READY',
    `Request for model '${formatModelReference(reference)}' which is not ready: ${reason}`,
  );
}
