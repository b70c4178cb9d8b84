// One version in memory, ready to answer: its signatures, its scheduler, its engine-side model.
import { AmaasError, assertInputsFit, DEFAULT_SIGNATURE, type LoadedModel, type Signature } from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';
import type { CostEstimate, ModelScheduler, ScheduledResult } from '../scheduler/index.ts';
import type { CallRequest, InputPreparer, LaidOutVersion, TextSteps } from './ports.ts';
import type { ServingPlan } from './serving-plan.ts';
import { SteppedCalls } from './stepped-calls.ts';

export interface ServedVersionParts<Recorder> {
  readonly record: VersionRecord;
  readonly plan: ServingPlan;
  readonly loaded: LoadedModel;
  readonly scheduler: ModelScheduler;
  readonly preparer: InputPreparer;
  /** What the manifest declares about texts; the version closes it. */
  readonly texts: TextSteps | null;
  readonly laidOut: LaidOutVersion;
  readonly recorder: Recorder;
  /** Resident bytes quarantine measured for one session. */
  readonly measuredBytes: number;
}

/** A READY version. Whoever loaded it calls {@link ServedVersion.unload}. */
export class ServedVersion<Recorder extends { dispose(): void } = { dispose(): void }> {
  readonly kind = 'tensors';
  readonly record: VersionRecord;
  readonly plan: ServingPlan;
  readonly recorder: Recorder;
  readonly signatures: ReadonlyMap<string, Signature>;
  /** The same, inputs that come about with texts left to the caller: whoever sends texts sends no masks. */
  readonly textSignatures: ReadonlyMap<string, Signature>;
  readonly #parts: ServedVersionParts<Recorder>;
  readonly #steps: SteppedCalls;
  /** Requests whose inputs are being prepared, or outputs finished: the scheduler does not know of them. */
  readonly #preparing = new Set<Promise<unknown>>();

  constructor(parts: ServedVersionParts<Recorder>) {
    this.#parts = parts;
    this.record = parts.record;
    this.plan = parts.plan;
    this.recorder = parts.recorder;
    this.signatures = parts.record.signatures;
    this.#steps = new SteppedCalls({
      model: parts.record.model,
      manifest: parts.record.manifest,
      preparer: parts.preparer,
      texts: parts.texts,
    });
    this.textSignatures = withOptional(this.signatures, parts.texts?.derivedInputs);
  }

  /** Inputs that pictures may be sent for, as BYTES, in place of the tensor the signature says. */
  get pictureInputs(): ReadonlySet<string> {
    return this.#steps.pictureInputs;
  }

  /** Inputs that texts may be sent for, as BYTES, in place of the ids the signature says. */
  get textInputs(): ReadonlySet<string> {
    return this.#steps.textInputs;
  }

  /** Why texts of different lengths run apart although the manifest names a mask; null where they do not. */
  get paddingOff(): string | null {
    return this.#parts.texts?.paddingOff ?? null;
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
   * @throws INPUT_MISMATCH, UNKNOWN_OUTPUT, UNKNOWN_SIGNATURE, and what the declared steps, the scheduler and the engine throw.
   */
  infer(request: CallRequest): Promise<ScheduledResult> {
    const signature = this.signature(request.signature);
    if (this.#steps.concern(signature, request)) {
      const answering = this.#steps.answer(request, signature, (stepped) => this.#submit(stepped, signature));
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

  /** Answers what was accepted, then gives the memory back. The version must have left the table before. */
  async unload(): Promise<void> {
    await Promise.allSettled(this.#preparing);
    await this.#parts.scheduler.drain();
    await this.#parts.loaded.dispose();
    this.#parts.texts?.close();
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

function withOptional(
  signatures: ReadonlyMap<string, Signature>,
  names: ReadonlySet<string> | undefined,
): ReadonlyMap<string, Signature> {
  if (names === undefined || names.size === 0) return signatures;
  return new Map(
    [...signatures].map(([name, signature]) => [
      name,
      {
        ...signature,
        inputs: signature.inputs.map((spec) => (names.has(spec.name) ? ({ ...spec, optional: true } as const) : spec)),
      },
    ]),
  );
}
