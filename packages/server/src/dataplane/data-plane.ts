// The protocol-free centre of serving: which versions answer, and how to reach them. Every protocol comes in here.
import { AmaasError, formatModelReference, type ModelReference } from '@amaas/core';
import { ModelTable, type VersionStatus } from './model-table.ts';
import type { VersionRecorder } from './ports.ts';
import { type AnyServed, Reconciler, type ReconcilerParts } from './reconciler.ts';
import type { ServedLanguageModel } from './served-language-model.ts';
import type { ServedVersion } from './served-version.ts';

/** What a READY version holds at this moment. */
export interface VersionGauges {
  readonly model: string;
  readonly version: number;
  readonly queueDepth: number;
  readonly memoryBytes: number;
}

export type DataPlaneParts<Recorder extends VersionRecorder> = Omit<ReconcilerParts<Recorder>, 'table'>;

export class DataPlane<Recorder extends VersionRecorder = VersionRecorder> {
  readonly #table = new ModelTable<AnyServed<Recorder>>();
  readonly #reconciler: Reconciler<Recorder>;
  readonly #registry: DataPlaneParts<Recorder>['registry'];
  #isReady = false;

  constructor(parts: DataPlaneParts<Recorder>) {
    this.#registry = parts.registry;
    this.#reconciler = new Reconciler({ ...parts, table: this.#table });
  }

  /** Loads what the registry says and follows its changes from then on. */
  async start(): Promise<void> {
    this.#registry.onChange((model) => void this.#reconciler.reconcile(model));
    await this.settleAll();
  }

  /** Says that everything there was at the start has been dealt with. */
  markReady(): void {
    this.#isReady = true;
  }

  /** Whether the start is over; models that failed do not hold it back. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Waits until a model is as its registry record says; a version that did not load is tried again only when asked to. */
  settle(model: string, options: { readonly retryFailed?: boolean } = {}): Promise<void> {
    return this.#reconciler.reconcile(model, options);
  }

  /**
   * The version that answers a reference, whatever it takes.
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND, MODEL_NOT_READY
   */
  resolveAny(reference: ModelReference): AnyServed<Recorder> {
    return this.#table.resolve(reference);
  }

  /**
   * The version that answers a reference with tensors.
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND, MODEL_NOT_READY, UNSUPPORTED_FEATURE for a language model
   */
  resolve(reference: ModelReference): ServedVersion<Recorder> {
    const served = this.#table.resolve(reference);
    if (served.kind === 'tensors') return served;
    throw new AmaasError(
      'UNSUPPORTED_FEATURE',
      `model "${formatModelReference(reference)}" is a language model: it takes text, at /v1/chat/completions, /v1/messages, /api/chat or /v2/models/${served.name}/generate, not tensors`,
    );
  }

  /**
   * The version of a language model that answers a reference.
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND, MODEL_NOT_READY, UNSUPPORTED_FEATURE for a model of tensors
   */
  resolveLanguage(reference: ModelReference): ServedLanguageModel<Recorder> {
    const served = this.#table.resolve(reference);
    if (served.kind === 'language') return served;
    throw new AmaasError(
      'UNSUPPORTED_FEATURE',
      `model "${formatModelReference(reference)}" is no language model: it takes tensors, at /v2/models/${served.name}/infer or /v1/models/${served.name}:predict`,
    );
  }

  /** Names of all known models, sorted. */
  modelNames(): readonly string[] {
    return this.#table.names();
  }

  /** Every known version of a model, ascending; undefined for an unknown model. */
  versionsOf(model: string): readonly VersionStatus[] | undefined {
    return this.#table.versionsOf(model);
  }

  /** The READY version of that number, or null. */
  servedVersion(model: string, version: number): AnyServed<Recorder> | null {
    return this.#table.servedVersion(model, version);
  }

  /** All READY versions that take tensors. */
  served(): readonly ServedVersion<Recorder>[] {
    return this.#table.served().flatMap((served) => (served.kind === 'tensors' ? [served] : []));
  }

  /** All READY versions of language models. */
  servedLanguage(): readonly ServedLanguageModel<Recorder>[] {
    return this.#table.served().flatMap((served) => (served.kind === 'language' ? [served] : []));
  }

  /** All READY versions, `name@version`. */
  readyModels(): readonly string[] {
    return this.#table.served().map((served) => `${served.name}@${served.version}`);
  }

  /** What the READY versions hold at this moment; for metrics. */
  gauges(): readonly VersionGauges[] {
    return this.#table.served().map((served) => ({
      model: served.name,
      version: served.version,
      queueDepth: served.queueDepth,
      memoryBytes: served.memoryBytes,
    }));
  }

  /** Waits until every model is as the registry says. */
  settleAll(): Promise<void> {
    return this.#reconciler.reconcileAll();
  }

  /** Shows a version that quarantine refused, so that people can see why. A later good one replaces the note. */
  noteRejected(model: string, version: number, reason: string): void {
    const known = this.#table.versionsOf(model)?.find((status) => status.version === version);
    // Of that number the registry has a good one: what was refused is something else, such as changed bytes.
    if (known === undefined || known.record === null)
      this.#table.setState(model, version, { state: 'REJECTED', reason });
  }

  /** Removes such a note. */
  forgetRejected(model: string, version: number): void {
    const status = this.#table.versionsOf(model)?.find((candidate) => candidate.version === version);
    if (status?.state === 'REJECTED') this.#table.forget(model, version);
  }

  /** Unloads everything; what was accepted is answered first. */
  stop(): Promise<void> {
    return this.#reconciler.stop();
  }
}
