// Brings what is in memory in line with what the registry says should be served: loads first, then moves names, then
// unloads, so that a version swap never leaves a moment without an answer. One model is worked on by one task at a time.
import { type Clock, DEFAULT_SIGNATURE, toAmaasError } from '@amaas/core';
import { type Registry, selectVersions, type VersionRecord } from '../registry/index.ts';
import { ModelScheduler } from '../scheduler/index.ts';
import type { LanguageLoader } from './language-loader.ts';
import type { ModelTable } from './model-table.ts';
import type { InputPreparer, TextSteps, TextStepsProvider, VersionProvider, VersionRecorder } from './ports.ts';
import type { ServedLanguageModel } from './served-language-model.ts';
import { ServedVersion } from './served-version.ts';
import { planServing, type ServingDefaults } from './serving-plan.ts';

/** Loads side by side at most this many versions: each takes a core while the runtime optimises its graph. */
const MAX_PARALLEL_LOADS = 2;

/** A READY version: one that takes tensors, or a language model. */
export type AnyServed<Recorder extends VersionRecorder = VersionRecorder> =
  | ServedVersion<Recorder>
  | ServedLanguageModel<Recorder>;

export interface ReconcilerParts<Recorder extends VersionRecorder> {
  readonly registry: Registry;
  readonly table: ModelTable<AnyServed<Recorder>>;
  readonly provider: VersionProvider;
  readonly language: Pick<LanguageLoader, 'load'>;
  readonly preparer: InputPreparer;
  readonly texts: TextStepsProvider;
  readonly defaults: ServingDefaults;
  readonly clock: Clock;
  readonly createRecorder: (model: string, version: number) => Recorder;
  readonly onFailure: (model: string, version: number, error: unknown) => void;
}

/** The work going on for one model, and whether another look is due after it. */
interface Task {
  promise: Promise<void>;
  again: boolean;
  /** Whether versions that did not load are to be tried once more. */
  retryFailed: boolean;
}

export class Reconciler<Recorder extends VersionRecorder> {
  readonly #parts: ReconcilerParts<Recorder>;
  readonly #tasks = new Map<string, Task>();
  #loading = 0;
  readonly #loadQueue: (() => void)[] = [];
  #isStopped = false;

  constructor(parts: ReconcilerParts<Recorder>) {
    this.#parts = parts;
  }

  /** Resolves when the model is in the state that the registry wanted at the time of the call, or a later one. */
  async reconcile(model: string, options: { readonly retryFailed?: boolean } = {}): Promise<void> {
    const retryFailed = options.retryFailed ?? false;
    const task = this.#tasks.get(model);
    if (task === undefined) {
      const started: Task = { promise: Promise.resolve(), again: false, retryFailed };
      this.#tasks.set(model, started);
      started.promise = this.#work(model, started);
      return started.promise;
    }
    task.again = true;
    task.retryFailed ||= retryFailed;
    return task.promise;
  }

  /** Loads everything the registry knows. */
  async reconcileAll(): Promise<void> {
    const models = await this.#parts.registry.listModels();
    await Promise.all(models.map((model) => this.reconcile(model.name)));
  }

  /** Unloads everything; requests already accepted are answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled([...this.#tasks.values()].map((task) => task.promise));
    await Promise.all(this.#parts.table.served().map((served) => this.#unload(served, 'the server is shutting down')));
  }

  async #work(model: string, task: Task): Promise<void> {
    try {
      do {
        const { retryFailed } = task;
        task.again = false;
        task.retryFailed = false;
        await this.#reconcileOnce(model, retryFailed);
      } while (task.again && !this.#isStopped);
    } finally {
      this.#tasks.delete(model); // in the same turn as the last look at `again`, so that no request for another look is lost
    }
  }

  async #reconcileOnce(model: string, retryFailed: boolean): Promise<void> {
    const { registry, table } = this.#parts;
    const record = await registry.getModel(model);
    if (this.#isStopped) return;
    if (record === null && !table.has(model)) return;
    table.setRecord(model, record);
    const wanted = new Set(record === null ? [] : selectVersions(record));
    const toLoad = (record?.versions ?? []).filter(({ version }) => {
      const state = table.versionsOf(model)?.find((status) => status.version === version)?.state;
      return wanted.has(version) && state !== 'READY' && (state !== 'FAILED' || retryFailed);
    });
    await Promise.all(toLoad.map((version) => this.#load(version)));
    const served = table.served().filter((candidate) => candidate.name === model);
    const hasReplacement = wanted.size === 0 || served.some((candidate) => wanted.has(candidate.version));
    // A failed newcomer leaves the old version answering.
    const surplus = served.filter(
      (candidate) => !wanted.has(candidate.version) && (hasReplacement || isGone(record, candidate)),
    );
    await Promise.all(surplus.map((candidate) => this.#unload(candidate, 'not selected by the version policy')));
    for (const { version, state } of table.versionsOf(model) ?? []) {
      const isKnown = record?.versions.some((known) => known.version === version) ?? false;
      if (!isKnown && state !== 'REJECTED') table.forget(model, version);
    }
  }

  async #load(record: VersionRecord): Promise<void> {
    const { table, language, createRecorder, onFailure } = this.#parts;
    table.setState(record.model, record.version, { state: 'LOADING' });
    await this.#takeLoadSlot();
    try {
      const recorder = (): Recorder => createRecorder(record.model, record.version);
      const served = record.format === 'gguf' ? await language.load(record, recorder) : await this.#loadTensors(record);
      table.setReady(served);
    } catch (thrown) {
      const error = toAmaasError(thrown);
      table.setState(record.model, record.version, { state: 'FAILED', reason: error.publicMessage });
      onFailure(record.model, record.version, error);
    } finally {
      this.#returnLoadSlot();
    }
  }

  async #loadTensors(record: VersionRecord): Promise<ServedVersion<Recorder>> {
    const { provider, preparer, clock, createRecorder } = this.#parts;
    const laidOut = await provider.layOut(record);
    let texts: TextSteps | null = null;
    try {
      const evidence = await provider.evidenceFor(record, laidOut.source);
      texts = await this.#parts.texts.open({
        model: record.model,
        manifest: record.manifest,
        signature: {
          inputs: record.signatures.get(DEFAULT_SIGNATURE)?.inputs ?? evidence.signature.inputs,
          outputs: evidence.signature.outputs, // those recorded are what they become
        },
        directory: laidOut.source.directory,
        files: record.files,
      });
      const plan = planServing(record.manifest, evidence, this.#parts.defaults);
      const loaded = await provider.engine.load(laidOut.source, {
        isolation: plan.isolation,
        instances: plan.instances,
        resources: plan.resources,
        maxRunMs: plan.maxRunMs,
      });
      await texts?.provePadding(async (inputs) => (await loaded.run(inputs)).outputs);
      const recorder = createRecorder(record.model, record.version);
      const scheduler = new ModelScheduler(
        loaded,
        {
          label: `${record.model}@${record.version}`,
          policy: plan.batch,
          maxQueueSize: plan.maxQueueSize,
          whenFull: 'displace',
          initialCost: plan.initialCost,
          inputs: evidence.signature.inputs,
        },
        { clock, observe: (report) => recorder.recordBatch(report) },
      );
      const measuredBytes = evidence.memoryBytes;
      return new ServedVersion({
        record,
        plan,
        loaded,
        scheduler,
        preparer,
        texts,
        laidOut,
        recorder,
        measuredBytes,
      });
    } catch (thrown) {
      texts?.close();
      laidOut.release();
      throw thrown;
    }
  }

  async #unload(served: AnyServed<Recorder>, reason: string): Promise<void> {
    this.#parts.table.setState(served.name, served.version, { state: 'UNLOADING', reason });
    try {
      await served.unload();
      this.#parts.table.setState(served.name, served.version, { state: 'UNLOADED', reason });
    } catch (thrown) {
      this.#parts.table.setState(served.name, served.version, { state: 'FAILED', reason: 'unloading failed' });
      this.#parts.onFailure(served.name, served.version, thrown);
    }
  }

  async #takeLoadSlot(): Promise<void> {
    if (this.#loading < MAX_PARALLEL_LOADS) {
      this.#loading++;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#loadQueue.push(resolve);
    });
  }

  /** Hands the slot to the next in line, or frees it. */
  #returnLoadSlot(): void {
    const next = this.#loadQueue.shift();
    if (next === undefined) this.#loading--;
    else next();
  }
}

function isGone(
  record: { readonly versions: readonly VersionRecord[] } | null,
  served: { readonly version: number },
): boolean {
  return !(record?.versions.some((version) => version.version === served.version) ?? false);
}
