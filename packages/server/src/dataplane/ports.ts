// What the data plane needs from its surroundings, as narrow interfaces; the composition root supplies them.
import type {
  Cancellation,
  Engine,
  ImagePreprocess,
  Manifest,
  ModelSource,
  NamedTensors,
  ProbeReport,
  Signature,
  TensorSpec,
} from '@amaas/core';
import type { TreeFile } from '../artifacts/index.ts';
import type { VersionRecord } from '../registry/index.ts';
import type { BatchReport, SubmitOptions } from '../scheduler/index.ts';
import type { GenerationObservation } from '../monitoring/index.ts';

/** What is known of a version before it is loaded. */
export interface ServingEvidence extends ProbeReport {
  /** Whether the graph holds If, Loop or Scan, so that a run might not end. */
  readonly hasControlFlow: boolean;
}

/** The files of a version laid out on disk for as long as they are in use. */
export interface LaidOutVersion {
  readonly source: ModelSource;
  /** Lets the files be collected once no record refers to them. */
  release(): void;
}

/** Supplies what loading a version takes. */
export interface VersionProvider {
  layOut(version: VersionRecord): Promise<LaidOutVersion>;
  /** What quarantine found out about the version on this machine; runs quarantine again when engine or machine changed. */
  evidenceFor(version: VersionRecord, source: ModelSource): Promise<ServingEvidence>;
  readonly engine: Engine;
}

/** What an inference call carries; the outputs are those wanted, all of the signature's by default. */
export interface CallRequest extends SubmitOptions {
  readonly inputs: NamedTensors;
  readonly signature?: string;
}

/** Inputs of which some are not yet what the model takes. */
export interface PreparationRequest {
  /** For messages. */
  readonly model: string;
  /** The inputs of the signature called. */
  readonly specs: readonly TensorSpec[];
  /** The declared steps by input name. */
  readonly preprocess: ReadonlyMap<string, ImagePreprocess>;
  readonly inputs: NamedTensors;
  readonly signal?: Cancellation;
}

export interface PreparedInputs {
  readonly inputs: NamedTensors;
  readonly elapsedMs: number;
  /** Says that the inputs are not needed any more; idempotent. */
  release(): void;
}

/** Does to inputs what the manifest declares and no graph can. */
export interface InputPreparer {
  prepare(request: PreparationRequest): Promise<PreparedInputs>;
}

/** A version of which the manifest may declare something about texts. */
export interface TextSubject {
  readonly model: string;
  readonly manifest: Manifest;
  /** What the model itself takes and gives. */
  readonly signature: Pick<Signature, 'inputs' | 'outputs'>;
  /** Where its files lie. */
  readonly directory: string;
  readonly files: readonly TreeFile[];
}

/** Rows of a request that run together. */
export interface RequestPart {
  readonly inputs: NamedTensors;
  /** Which rows of the request they are; null: all, in order. */
  readonly rows: readonly number[] | null;
}

export interface PreparedTexts {
  readonly parts: readonly RequestPart[];
  readonly elapsedMs: number;
  /** Says that the inputs are not needed any more; idempotent. */
  release(): void;
}

/** Runs the model itself. */
export type RunModel = (inputs: NamedTensors) => Promise<NamedTensors>;

/** What the manifest of one version declares about texts, ready to be done. Whoever opened it closes it. */
export interface TextSteps {
  /** Inputs that texts may be sent for in place of ids. */
  readonly inputs: ReadonlySet<string>;
  /** Inputs that come about with the texts: masks and type ids. */
  readonly derivedInputs: ReadonlySet<string>;
  /** Outputs whose ids become texts. */
  readonly outputs: ReadonlySet<string>;
  /** The greatest id that each input can get. */
  readonly greatestIds: ReadonlyMap<string, number>;
  /** Why texts are not filled up to the longest although the manifest would; null where they are, or it would not. */
  readonly paddingOff: string | null;
  /** Finds out whether texts may be filled up; until then they are. Whoever serves asks first. */
  provePadding(run: RunModel): Promise<void>;
  /** Replaces texts among the inputs by ids. @throws INPUT_MISMATCH, INVALID_ARGUMENT, REQUEST_TOO_LARGE, QUEUE_FULL, CANCELLED */
  prepare(inputs: NamedTensors, signal?: Cancellation): Promise<PreparedTexts>;
  /** Replaces ids among the outputs by texts. @throws CANCELLED */
  finish(outputs: NamedTensors, signal?: Cancellation): Promise<NamedTensors>;
  close(): void;
}

export interface TextStepsProvider {
  /**
   * Null where the manifest declares nothing about texts.
   * @throws INVALID_CONFIG, INVALID_MODEL naming what does not fit.
   */
  open(subject: TextSubject): Promise<TextSteps | null>;
}

/** Receives what happened to one served version; see monitoring. */
export interface VersionRecorder {
  recordBatch(report: BatchReport): void;
  recordGeneration(generation: GenerationObservation): void;
  /** Removes the series of an unloaded version. */
  dispose(): void;
}
