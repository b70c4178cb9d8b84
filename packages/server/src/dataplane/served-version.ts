// One version in memory, ready to answer: its signatures, its scheduler, its engine-side model.
import {
  AmaasError,
  assertInputsFit,
  DEFAULT_SIGNATURE,
  type ImagePreprocess,
  type LoadedModel,
  type NamedTensors,
  type Signature,
} from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';
import type { CostEstimate, ModelScheduler, ScheduledResult, SubmitOptions } from '../scheduler/index.ts';
import type { InputPreparer, LaidOutVersion } from './ports.ts';
import type { ServingPlan } from './serving-plan.ts';

/** What an inference call carries; the outputs are those wanted, all of the signature's by default. */
export interface CallRequest extends SubmitOptions {
  readonly inputs: NamedTensors;
  readonly signature?: string;
}

export interface ServedVersionParts<Recorder> {
  readonly record: VersionRecord;
  readonly plan: ServingPlan;
  readonly loaded: LoadedModel;
  readonly scheduler: ModelScheduler;
  readonly preparer: InputPreparer;
  readonly laidOut: LaidOutVersion;
  readonly recorder: Recorder;
  /** Resident bytes quarantine measured for one session. */
  readonly measuredBytes: number;
}

/** A READY version. Whoever loaded it calls {@link ServedVersion.unload}. */
export class ServedVersion<Recorder extends { dispose(): void } = { dispose(): void }> {
  readonly record: VersionRecord;
  readonly plan: ServingPlan;
  readonly recorder: Recorder;
  readonly signatures: ReadonlyMap<string, Signature>;
  /** Inputs that pictures may be sent for, as BYTES, in place of the tensor the signature says. */
  readonly pictureInputs: ReadonlySet<string>;
  readonly #parts: ServedVersionParts<Recorder>;
  readonly #preprocess: ReadonlyMap<string, ImagePreprocess>;
  /** Requests whose inputs are being prepared; they are not in the scheduler's hands yet. */
  readonly #preparing = new Set<Promise<unknown>>();

  constructor(parts: ServedVersionParts<Recorder>) {
    this.#parts = parts;
    this.record = parts.record;
    this.plan = parts.plan;
    this.recorder = parts.recorder;
    this.signatures = parts.record.signatures;
    this.#preprocess = new Map(Object.entries(parts.record.manifest.preprocess ?? {}));
    this.pictureInputs = new Set(this.#preprocess.keys());
  }

  get name(): string {
    return this.record.model;
  }

  get version(): number {
    return this.record.version;
  }

  get queueDepth(): number {
    return this.#parts.scheduler.queueDepth;
  }

  /** What runs are expected to take, learned from those there were. */
  get cost(): CostEstimate {
    return this.#parts.scheduler.cost;
  }

  /** Resident bytes: of the model's own processes where it has some, else what quarantine measured per session. */
  get memoryBytes(): number {
    return this.#parts.loaded.measureMemoryBytes() ?? this.#parts.measuredBytes * this.plan.instances;
  }

  /** The signature of that name; the default one without a name. @throws UNKNOWN_SIGNATURE */
  signature(name: string = DEFAULT_SIGNATURE): Signature {
    const signature = this.signatures.get(name);
    if (signature !== undefined) return signature;
    throw new AmaasError(
      'UNKNOWN_SIGNATURE',
      `Serving signature name: "${name}" not found in signature def of model "${this.name}"; it has ${[...this.signatures.keys()].join(', ')}`,
    );
  }

  /**
   * Answers one request, a plain promise away from the scheduler: this is on the path of every inference.
   * @throws INPUT_MISMATCH, UNKNOWN_OUTPUT, UNKNOWN_SIGNATURE, and what the preparer, the scheduler and the engine throw.
   */
  infer(request: CallRequest): Promise<ScheduledResult> {
    const signature = this.signature(request.signature);
    if (this.pictureInputs.size > 0 && this.#needsPreparation(signature, request.inputs)) {
      const answering = this.#prepareAndSubmit(request, signature);
      this.#preparing.add(answering);
      const forget = (): void => void this.#preparing.delete(answering);
      answering.then(forget, forget);
      return answering;
    }
    return this.#submit(request, signature);
  }

  #submit(request: CallRequest, signature: Signature): Promise<ScheduledResult> {
    assertInputsFit(this.name, signature.inputs, request.inputs);
    const outputs = this.#outputNames(signature, request.outputs);
    return this.#parts.scheduler.submit(request.inputs, outputs === undefined ? request : { ...request, outputs });
  }

  #needsPreparation(signature: Signature, inputs: NamedTensors): boolean {
    return signature.inputs.some(
      ({ name, dtype }) => dtype !== 'string' && this.pictureInputs.has(name) && inputs.get(name)?.dtype === 'string',
    );
  }

  async #prepareAndSubmit(request: CallRequest, signature: Signature): Promise<ScheduledResult> {
    const { inputs, elapsedMs, release } = await this.#parts.preparer.prepare({
      model: this.name,
      specs: signature.inputs,
      preprocess: this.#preprocess,
      inputs: request.inputs,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    try {
      const timeoutMs = request.timeoutMs === undefined ? undefined : request.timeoutMs - elapsedMs;
      if (timeoutMs !== undefined && timeoutMs <= 0) {
        throw new AmaasError(
          'DEADLINE_EXCEEDED',
          `infer: reading the pictures for model "${this.name}" took ${Math.round(elapsedMs)} ms; the request may wait ${request.timeoutMs} ms`,
        );
      }
      const prepared = { ...request, inputs };
      return await this.#submit(timeoutMs === undefined ? prepared : { ...prepared, timeoutMs }, signature);
    } finally {
      release();
    }
  }

  /** Answers what was accepted, then gives the memory back. The version must have left the table before. */
  async unload(): Promise<void> {
    await Promise.allSettled(this.#preparing);
    await this.#parts.scheduler.drain();
    await this.#parts.loaded.dispose();
    this.recorder.dispose();
    this.#parts.laidOut.release();
  }

  /** Names to ask the engine for; undefined for all the model has. */
  #outputNames(signature: Signature, wanted: readonly string[] | undefined): readonly string[] | undefined {
    const names = wanted ?? signature.outputs.map((output) => output.name);
    if (wanted !== undefined) {
      for (const name of wanted) {
        if (!signature.outputs.some((output) => output.name === name)) {
          throw new AmaasError(
            'UNKNOWN_OUTPUT',
            `infer: model "${this.name}" has no output "${name}"; it has ${signature.outputs.map((output) => `"${output.name}"`).join(', ')}`,
          );
        }
      }
    }
    return names.length === this.#parts.loaded.outputs.length ? undefined : names;
  }
}
