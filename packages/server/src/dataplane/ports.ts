// What the data plane needs from its surroundings, as narrow interfaces; the composition root supplies them.
import type {
  Cancellation,
  Engine,
  ImagePreprocess,
  ModelSource,
  NamedTensors,
  ProbeReport,
  TensorSpec,
} from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';
import type { BatchReport } from '../scheduler/index.ts';

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

/** Receives what happened to one served version; see monitoring. */
export interface VersionRecorder {
  recordBatch(report: BatchReport): void;
  /** Removes the series of an unloaded version. */
  dispose(): void;
}
