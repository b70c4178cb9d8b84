// What the registry knows: models, their versions, labels and verdicts, as plain values.
import type { LanguageModelFile, Manifest, ProbeReport, SerializedError, Signature } from '@amaas/core';
import type { Digest, TreeFile } from '../artifacts/index.ts';

/** Who may add versions to a name: the watched models folder, the management API, or amaas itself. */
export type ModelOwner = 'folder' | 'api' | 'bundled';

/** Which versions are served, labelled ones apart: those always are. */
export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly number[] }
  /** Nothing, labelled versions neither: unloaded by hand; `resume` is the policy it had before. */
  | { readonly kind: 'none'; readonly resume: VersionPolicy };

/** A new version replaces the one before, as Triton and TensorFlow Serving do it. */
export const DEFAULT_POLICY: VersionPolicy = { kind: 'latest', count: 1 };

/** Where a version comes from, as far as it is known. */
export interface Lineage {
  /** The version it was trained or derived from. */
  readonly parent?: { readonly model: string; readonly version: number };
  /** The training run that made it. */
  readonly run?: string;
  readonly datasetDigest?: string;
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly seed?: number;
  readonly metrics?: Readonly<Record<string, number>>;
  /** The file name or URL its bytes came from. */
  readonly source?: string;
  /** As the repository it was pulled from has it. */
  readonly license?: string;
  /** Who delivered it, and how. */
  readonly origin?: ModelOwner;
  readonly deployedBy?: string;
  /** What was found in the model file. */
  readonly model?: ModelFacts;
  /** The same of a language model. */
  readonly languageModel?: LanguageModelFacts;
  /** Outputs that were maps in the file as delivered, under its digest, and are tensors in the one served. */
  readonly rewritten?: { readonly from: Digest; readonly outputs: readonly string[] };
  /** The files as they lay in a folder, to tell at the next start whether they are still the same. */
  readonly folder?: { readonly stamps: readonly FileStamp[]; readonly files: readonly TreeFile[] };
}

/** What a model file says about itself. */
export interface ModelFacts {
  /** Path of the model file among the version's files. */
  readonly file: string;
  readonly producer: string;
  /** Operator set domain → version. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly operators: number;
  readonly parameters: number;
  /** Whether it holds If, Loop or Scan. */
  readonly hasControlFlow: boolean;
}

/** What a language model's file says about itself. */
export interface LanguageModelFacts extends Omit<LanguageModelFile, 'chatTemplate' | 'specialTokens'> {
  /** Path of the model file among the version's files. */
  readonly file: string;
}

/** A file in a folder as last seen; equal stamps mean that nothing need be read again. */
export interface FileStamp {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** `gguf`: a language model. */
export type ModelFormat = 'onnx' | 'gguf';

/** One immutable version. */
export interface VersionRecord {
  readonly model: string;
  readonly version: number;
  /** Of the tree of {@link VersionRecord.files}. */
  readonly digest: Digest;
  readonly format: ModelFormat;
  /** Of all files together. */
  readonly sizeBytes: number;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly manifest: Manifest;
  readonly lineage: Lineage;
  /** In the order in which they were registered. */
  readonly files: readonly TreeFile[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** One model with everything that hangs on its name. */
export interface ModelRecord {
  readonly name: string;
  readonly owner: ModelOwner;
  readonly policy: VersionPolicy;
  /** Label → version. */
  readonly labels: ReadonlyMap<string, number>;
  /** Ascending by number. */
  readonly versions: readonly VersionRecord[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** A version to be registered; its files are in the blob store already. */
export interface VersionRegistration {
  readonly model: string;
  readonly owner: ModelOwner;
  /** The number it has in the folder; left out: the next one. */
  readonly version?: number;
  /** Default `onnx`. */
  readonly format?: ModelFormat;
  readonly files: readonly TreeFile[];
  /** Empty for language models: they take text. */
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly manifest: Manifest;
  readonly lineage?: Lineage;
  /** Labels that point to this version from now on. */
  readonly labels?: readonly string[];
  /** Replaces the model's policy; a new model without one gets {@link DEFAULT_POLICY}. */
  readonly policy?: VersionPolicy;
}

export interface RegisteredVersion {
  readonly record: VersionRecord;
  /** False when the very same version was there already. */
  readonly isNew: boolean;
}

/** What a verdict is valid for. */
export interface VerdictKey {
  /** Of the version's files. */
  readonly digest: Digest;
  readonly engine: string;
  readonly engineVersion: string;
  /** What is measured on one machine says little about another. */
  readonly machine: string;
  /** Of the options it was probed with. */
  readonly optionsDigest: string;
}

/** How quarantine ended; the report is of the engine in the key. */
export type QuarantineVerdict<Report = ProbeReport> =
  | { readonly kind: 'admitted'; readonly report: Report }
  | { readonly kind: 'rejected'; readonly error: SerializedError };
