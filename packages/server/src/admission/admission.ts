// The only way into the registry: files in the blob store → read and prepared → manifest → quarantine → one transaction.
// Killed at any point, it leaves either a complete version or blobs nobody refers to, which are collected later.
import {
  AmaasError,
  type Clock,
  DEFAULT_SIGNATURE,
  type Engine,
  type LanguageEngine,
  type LanguageModelSource,
  type Manifest,
  type ModelSource,
  type NamedTensors,
  type TensorSpec,
} from '@amaas/core';
import { decodeInferRequest } from '@amaas/protocols/oip';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactTrees, BlobStore, Digest, TreeFile } from '../artifacts/index.ts';
import {
  type ConversationFormatProvider,
  type LaidOutVersion,
  type LanguageEvidence,
  type LanguageMemory,
  type LanguageProvider,
  languageSource,
  type ServingEvidence,
  type TextSteps,
  type TextStepsProvider,
  type VersionProvider,
} from '../dataplane/index.ts';
import type { Lineage, ModelOwner, Registry, VersionRecord } from '../registry/index.ts';
import { assertLanguageManifest, LanguageQuarantine } from './language-quarantine.ts';
import { readVersionSettings, type VersionSettings } from './manifest.ts';
import { type PreparedModel, prepareModel, readDeclaredShapes } from './model-file.ts';
import { Quarantine, type QuarantineLimits } from './quarantine.ts';
import { signaturesOf } from './signatures.ts';
import { assertIdsFit, exampleFor, narrowedInputs, withTextOutputs } from './text-steps.ts';

export interface AdmissionParts {
  readonly engine: Engine;
  readonly language: {
    /** The runtime a manifest asks for. @throws ENGINE_MISSING */
    readonly engineFor: (manifest: Manifest) => LanguageEngine;
    readonly formats: ConversationFormatProvider;
    readonly memory: LanguageMemory;
    readonly maxLoadMs: number;
  };
  readonly texts: TextStepsProvider;
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly trees: ArtifactTrees;
  readonly clock: Clock;
  readonly limits: QuarantineLimits & { readonly maxModelBytes: number };
  readonly onVerdict: (verdict: 'admitted' | 'rejected') => void;
}

export interface AdmissionRequest {
  readonly model: string;
  readonly owner: ModelOwner;
  /** Left out: the next number. */
  readonly version?: number;
  /** All in the blob store already. */
  readonly files: readonly TreeFile[];
  /** Fields here win over those of files beside the model. */
  readonly manifest?: Manifest;
  /** Moved to the version in the transaction that makes it visible. */
  readonly labels?: readonly string[];
  readonly lineage?: Lineage;
  readonly retryRejected?: boolean;
  readonly signal?: AbortSignal;
}

interface ExampleSubject {
  readonly files: readonly TreeFile[];
  readonly manifest: Manifest;
  readonly texts: TextSteps | null;
  /** Of the model itself. */
  readonly inputs: readonly TensorSpec[];
}

const MODEL_FILE = 'model.onnx';
const LANGUAGE_MODEL_FILE = 'model.gguf';
/** Source: ggml, docs/gguf.md. */
const GGUF_MAGIC = 'GGUF';

export class Admission implements VersionProvider, LanguageProvider {
  readonly engine: Engine;
  readonly #parts: AdmissionParts;
  readonly #quarantine: Quarantine;
  readonly #language: LanguageQuarantine;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.engine = parts.engine;
    this.#quarantine = new Quarantine(parts);
    this.#language = new LanguageQuarantine({ ...parts, ...parts.language });
  }

  /**
   * Admits a version, or says why not; the versions already serving are not touched.
   * @throws INVALID_MODEL, INVALID_CONFIG, MODEL_REJECTED, MEMORY_LIMIT, UNSUPPORTED_TENSOR, REQUEST_TOO_LARGE, and what
   *   registering throws (NAME_TAKEN, VERSION_EXISTS).
   */
  async admit(request: AdmissionRequest): Promise<VersionRecord> {
    const { registry, limits } = this.#parts;
    await registry.assertOwner(request.model, request.owner);
    const totalBytes = request.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (totalBytes > limits.maxModelBytes) {
      throw new AmaasError(
        'REQUEST_TOO_LARGE',
        `deploy: "${request.model}" has ${totalBytes} bytes; at most ${limits.maxModelBytes} are accepted`,
      );
    }
    const settings = await readVersionSettings(
      request.model,
      (path) => this.#readFile(request.files, path),
      request.manifest,
    );
    const modelFile = findModelFile(request.files, settings.modelFile);
    if (isGguf(modelFile.path)) return this.#admitLanguageModel(request, settings, modelFile.path);
    const bytes = await this.#readBlob(modelFile);
    const prepared = prepareModel(bytes, new Set(request.files.map((file) => file.path)));
    const files = await this.#withRewritten(request.files, modelFile, prepared);
    const completed = completeManifest(settings.manifest, prepared);
    const label = `${request.model}@${request.version ?? 'new'}`;
    const tree = await this.#parts.trees.materialise(files);
    let texts: TextSteps | null = null;
    try {
      const { model } = request;
      const { directory } = tree;
      const inputs = narrowedInputs(prepared.signature.inputs, completed);
      texts = await this.#parts.texts.open({
        model,
        manifest: completed,
        signature: { inputs, outputs: prepared.signature.outputs },
        directory,
        files,
      });
      if (texts !== null) assertIdsFit(texts, prepared.tableRows);
      const report = await this.#quarantine.examine({
        digest: tree.digest,
        source: sourceOf(label, directory, modelFile.path),
        resources: completed.resources ?? {},
        limits: this.#limitsFor(completed),
        example: await this.#example({ files, manifest: completed, texts, inputs }),
        declared: () => prepared.declared,
        ...(request.retryRejected === undefined ? {} : { retryRejected: request.retryRejected }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const { record } = await registry.registerVersion({
        model: request.model,
        owner: request.owner,
        ...(request.version === undefined ? {} : { version: request.version }),
        files,
        signatures: withTextOutputs(signaturesOf(report.signature, completed), completed),
        manifest: completed,
        lineage: {
          ...withDescriptions(request.lineage, prepared),
          origin: request.owner,
          model: { file: modelFile.path, ...prepared.facts },
          ...(prepared.rewritten === null
            ? {}
            : { rewritten: { from: modelFile.digest, outputs: prepared.rewrittenOutputs } }),
        },
        labels: request.labels ?? [],
        ...(settings.policy === null ? {} : { policy: settings.policy }),
      });
      return record;
    } finally {
      texts?.close();
      tree.release();
    }
  }

  async #admitLanguageModel(
    request: AdmissionRequest,
    { manifest, policy }: VersionSettings,
    file: string,
  ): Promise<VersionRecord> {
    const { files } = request;
    assertLanguageManifest(manifest, new Set(files.map(({ path }) => path)));
    const label = `${request.model}@${request.version ?? 'new'}`;
    const tree = await this.#parts.trees.materialise(files);
    try {
      const { directory, digest } = tree;
      const { language = {} } = manifest;
      const source = languageSource({ label, modelPath: join(directory, file), directory, language });
      const evidence = await this.#language.examine({
        ...{ digest, source, directory, manifest },
        retryRejected: request.retryRejected ?? false,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const { chatTemplate: _, specialTokens: __, ...facts } = evidence.file;
      const { record } = await this.#parts.registry.registerVersion({
        model: request.model,
        owner: request.owner,
        ...(request.version === undefined ? {} : { version: request.version }),
        format: 'gguf',
        files,
        signatures: new Map(),
        manifest,
        lineage: { ...request.lineage, origin: request.owner, languageModel: { file, ...facts } },
        labels: request.labels ?? [],
        ...(policy === null ? {} : { policy }),
      });
      return record;
    } finally {
      tree.release();
    }
  }

  /** What quarantine knows of a registered version of a language model on this machine. */
  languageEvidenceFor(
    { digest, manifest }: VersionRecord,
    source: LanguageModelSource,
    directory: string,
  ): Promise<LanguageEvidence> {
    return this.#language.examine({ digest, source, directory, manifest });
  }

  /** What a model file that came without a name is called, by how it begins. @throws ARTIFACT_NOT_FOUND */
  async modelFileName(digest: Digest): Promise<string> {
    const file = await open(await this.#parts.blobs.path(digest));
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
      const isLanguageModel = new TextDecoder().decode(buffer.subarray(0, bytesRead)) === GGUF_MAGIC;
      return isLanguageModel ? LANGUAGE_MODEL_FILE : MODEL_FILE;
    } finally {
      await file.close();
    }
  }

  /** Lays the files of a registered version out on disk. */
  async layOut(version: VersionRecord): Promise<LaidOutVersion> {
    const tree = await this.#parts.trees.materialise(version.files);
    const label = `${version.model}@${version.version}`;
    return { source: sourceOf(label, tree.directory, modelFileOf(version)), release: () => tree.release() };
  }

  /** What quarantine knows of a registered version on this machine. */
  async evidenceFor(version: VersionRecord, source: ModelSource): Promise<ServingEvidence> {
    const { manifest, files } = version;
    const inputs = version.signatures.get(DEFAULT_SIGNATURE)?.inputs ?? [];
    // The ids of the example are all that is wanted; the outputs recorded are what they became, not the model's own.
    const { postprocess: _, ...before } = manifest;
    const signature = { inputs, outputs: [] };
    const texts = await this.#parts.texts.open({
      model: version.model,
      manifest: before,
      signature,
      directory: source.directory,
      files,
    });
    try {
      const report = await this.#quarantine.examine({
        digest: version.digest,
        source,
        resources: manifest.resources ?? {},
        limits: this.#limitsFor(manifest),
        example: await this.#example({ files, manifest, texts, inputs }),
        declared: async () => readDeclaredShapes(await readFile(source.modelPath)),
      });
      return { ...report, hasControlFlow: version.lineage.model?.hasControlFlow ?? true };
    } finally {
      texts?.close();
    }
  }

  #limitsFor(manifest: Manifest): QuarantineLimits {
    const { timeoutMs, maxMemoryBytes } = this.#parts.limits;
    return { timeoutMs, maxMemoryBytes: Math.min(maxMemoryBytes, manifest.limits?.maxMemoryBytes ?? maxMemoryBytes) };
  }

  /** What quarantine runs the model on; null: what it makes up. Texts are ids by then. */
  async #example(subject: ExampleSubject): Promise<NamedTensors | null> {
    const { texts, inputs } = subject;
    const example = await this.#readExample(subject);
    return texts === null ? example : exampleFor(texts, inputs, example);
  }

  /** The tensors of the manifest's example, where it is a JSON request; pictures are decoded by clients. */
  async #readExample({ files, manifest }: ExampleSubject): Promise<NamedTensors | null> {
    if (manifest.example === undefined || !manifest.example.endsWith('.json')) return null;
    const bytes = await this.#readFile(files, manifest.example);
    if (bytes === null)
      throw new AmaasError(
        'INVALID_CONFIG',
        `manifest: the example ${JSON.stringify(manifest.example)} is not beside the model`,
      );
    return decodeInferRequest(bytes, null, 'example').inputs;
  }

  async #withRewritten(
    files: readonly TreeFile[],
    modelFile: TreeFile,
    prepared: PreparedModel,
  ): Promise<readonly TreeFile[]> {
    if (prepared.rewritten === null) return files;
    const receipt = await this.#parts.blobs.put(prepared.rewritten);
    return files.map((file) => (file === modelFile ? { ...file, ...receipt } : file));
  }

  async #readFile(files: readonly TreeFile[], path: string): Promise<Uint8Array | null> {
    const file = files.find((candidate) => candidate.path === path);
    return file === undefined ? null : this.#readBlob(file);
  }

  async #readBlob(file: TreeFile): Promise<Uint8Array> {
    return readFile(await this.#parts.blobs.path(file.digest));
  }
}

function findModelFile(files: readonly TreeFile[], named: string | null): TreeFile {
  const usual = named === null ? [MODEL_FILE, LANGUAGE_MODEL_FILE] : [named];
  const exact = usual.flatMap((name) => files.filter((file) => file.path === name))[0];
  const onnx = files.filter((file) => file.path.endsWith('.onnx'));
  // Adapters of a language model lie in folders beside it.
  const models = onnx.length > 0 ? onnx : files.filter((file) => isGguf(file.path) && !file.path.includes('/'));
  const [first] = models;
  if (exact !== undefined) return exact;
  if (first !== undefined && models.length === 1) return first;
  const found = models.length === 0 ? 'none' : models.map((file) => file.path).join(', ');
  throw new AmaasError(
    'INVALID_MODEL',
    `deploy: expected a file "${usual.join('" or "')}" or exactly one .onnx or .gguf file, found ${found}`,
  );
}

function isGguf(path: string): boolean {
  return path.endsWith('.gguf');
}

function modelFileOf({ lineage }: VersionRecord): string {
  return lineage.model?.file ?? lineage.languageModel?.file ?? MODEL_FILE;
}

/** Labels found in the model itself stand in for those a manifest could have given. */
function completeManifest(manifest: Manifest, prepared: PreparedModel): Manifest {
  if (manifest.labels !== undefined || prepared.classLabels === null) return manifest;
  return { ...manifest, labels: prepared.classLabels };
}

/** The training of a version wins over its file, which says the same in fewer words. */
function withDescriptions(lineage: Lineage | undefined, { descriptions }: PreparedModel): Lineage {
  if (Object.keys(descriptions).length === 0) return { ...lineage };
  return { ...lineage, configuration: { ...descriptions, ...lineage?.configuration } };
}

function sourceOf(label: string, directory: string, modelFile: string): ModelSource {
  return { label, directory, modelPath: join(directory, modelFile) };
}
