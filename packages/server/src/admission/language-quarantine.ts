// Quarantine of language models: loaded in a child, asked for its first tokens, its template read, before anything else may
// use it. What it found out is remembered like all verdicts.
import { createHash } from 'node:crypto';
import {
  AmaasError,
  type ExtraMemory,
  type LanguageEngine,
  type LanguageModel,
  type LanguageModelSource,
  type Manifest,
  toAmaasError,
} from '@amaas/core';
import type { Digest } from '../artifacts/index.ts';
import {
  type ConversationFormatProvider,
  type LanguageEvidence,
  type LanguageMemory,
  type MemoryHolder,
  readTemplate,
} from '../dataplane/index.ts';
import type { Registry } from '../registry/index.ts';
import { judge, machineIdentity } from './quarantine.ts';

export interface LanguageQuarantineParts {
  readonly registry: Registry;
  readonly engineFor: (manifest: Manifest) => LanguageEngine;
  readonly formats: ConversationFormatProvider;
  /** Shared with the models that serve. */
  readonly memory: LanguageMemory;
  /** Longest loading may take, and the first tokens as long again. */
  readonly maxLoadMs: number;
  readonly onVerdict: (verdict: 'admitted' | 'rejected') => void;
}

export interface LanguageCase {
  /** Digest of everything that is loaded. */
  readonly digest: Digest;
  readonly source: LanguageModelSource;
  /** Where the version's files lie. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly retryRejected?: boolean;
  readonly signal?: AbortSignal;
}

/** Counts up when what quarantine asks of a model changes, so that verdicts by older rules are not believed. */
const RULES = 1;

export class LanguageQuarantine {
  readonly #parts: LanguageQuarantineParts;
  readonly #machine = machineIdentity();
  /** Models that hold memory here; each settles when it has given it back. */
  readonly #present = new Set<Promise<void>>();
  /** Models enter one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: LanguageQuarantineParts) {
    this.#parts = parts;
  }

  /**
   * What trying the model out showed, from memory where it was done before.
   * @throws INVALID_MODEL, INVALID_CONFIG, MODEL_REJECTED, MEMORY_LIMIT, ENGINE_MISSING with the reason; MEMORY_LIMIT is
   *   retryable, and not remembered, where models that serve are busy
   */
  async examine(subject: LanguageCase): Promise<LanguageEvidence> {
    const { registry, engineFor, onVerdict, memory } = this.#parts;
    const engine = engineFor(subject.manifest);
    const conditions = JSON.stringify([
      RULES,
      memory.maxBytes,
      subject.manifest.language ?? {},
      subject.manifest.limits,
    ]);
    const key = {
      digest: subject.digest,
      engine: engine.name,
      engineVersion: engine.version,
      machine: this.#machine,
      optionsDigest: createHash('sha256').update(conditions).digest('hex'),
    };
    const { label } = subject.source;
    return judge({ registry, onVerdict }, { key, label, retryRejected: subject.retryRejected ?? false }, () =>
      this.#tryOut(engine, subject),
    );
  }

  async #tryOut(engine: LanguageEngine, subject: LanguageCase): Promise<LanguageEvidence> {
    const { source, directory, manifest, signal } = subject;
    const { formats, memory, maxLoadMs } = this.#parts;
    const { language = {} } = manifest;
    const file = await engine.inspect(source.modelPath);
    const chatTemplate = await readTemplate(directory, language);
    await formats.open({ label: source.label, file, manifest: language, chatTemplate });
    const wish = {
      ...(language.contextTokens === undefined ? {} : { contextTokens: language.contextTokens }),
      parallel: 1, // how many it gets is decided when it is served, by the memory there is then
      maxMemoryBytes: Math.min(memory.maxBytes, manifest.limits?.maxMemoryBytes ?? memory.maxBytes),
    };
    const { bytes, contextTokens } = await engine.plan(source, wish);
    return this.#withMemory(source.label, bytes, async (extraMemory) => {
      const beganMs = performance.now();
      const model = await engine.load(source, {
        ...wish,
        contextTokens,
        extraMemory,
        ...(language.threads === undefined ? {} : { threads: language.threads }),
        maxLoadMs,
        maxQueueSize: 1,
        ...(signal === undefined ? {} : { signal }),
      });
      try {
        const loadMs = performance.now() - beganMs;
        await writeFirstTokens(model, { ...subject, pooling: file.pooling, timeoutMs: maxLoadMs });
        const threads = language.threads === undefined ? model.facts.threads : null;
        return { file, threads, memoryBytes: model.measureMemoryBytes() ?? 0, loadMs };
      } finally {
        await model.dispose();
      }
    });
  }

  async #withMemory<Result>(
    label: string,
    bytes: number,
    work: (extraMemory: ExtraMemory) => Promise<Result>,
  ): Promise<Result> {
    const { memory } = this.#parts;
    const holder: MemoryHolder = { label, isIdle: false, lastUsedMs: 0, evict: () => Promise.resolve() };
    const entered = this.#turn.then(() => this.#enter(holder, bytes));
    this.#turn = entered.catch(() => {});
    const leave = await entered;
    try {
      return await work({
        claim: (operation, more) => memory.grow(holder, more, operation).catch(throwWithAdvice),
        giveBack: (less) => memory.shrink(holder, less),
      });
    } finally {
      leave();
    }
  }

  /** Waits for others in quarantine to leave, because they do soon; models that serve may be busy for long. */
  async #enter(holder: MemoryHolder, bytes: number): Promise<() => void> {
    const { memory } = this.#parts;
    for (;;) {
      const present = [...this.#present];
      try {
        await memory.claim(holder, bytes);
        break;
      } catch (thrown) {
        if (present.length === 0 || !toAmaasError(thrown).retryable) throwWithAdvice(thrown);
        await Promise.race(present);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#present.add(promise);
    return () => {
      memory.release(holder);
      this.#present.delete(promise);
      resolve();
    };
  }
}

/** The same, with what to do where it is only for the moment. */
function throwWithAdvice(thrown: unknown): never {
  const error = toAmaasError(thrown);
  if (error.reason !== 'MEMORY_LIMIT' || !error.retryable) throw error;
  const advice =
    'deliver the model again when they are idle (in the models folder: touch a file of it), or raise languageMemoryBytes';
  throw new AmaasError('MEMORY_LIMIT', `${error.message}: ${advice}`, { details: error.details, retryable: true });
}

async function writeFirstTokens(
  model: LanguageModel,
  options: Pick<LanguageCase, 'source' | 'signal'> & Pick<LanguageEvidence['file'], 'pooling'> & { timeoutMs: number },
): Promise<void> {
  if (options.pooling !== null) return; // it does not write; that it loads is what can be seen here
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const prompt = [{ text: 'Hello', special: false }];
  const adapters = [undefined, ...(options.source.adapters?.keys() ?? [])];
  for (const adapter of adapters) {
    const request = { prompt, maxTokens: 2, ...(adapter === undefined ? {} : { adapter }) };
    try {
      for await (const event of model.generate(request, signal)) void event;
    } catch (thrown) {
      const error = toAmaasError(thrown);
      if (timeout.aborted || error.reason === 'ENGINE_CRASHED') {
        const how = timeout.aborted ? `wrote nothing within ${options.timeoutMs} ms` : error.message;
        throw new AmaasError('MODEL_REJECTED', `quarantine: model "${options.source.label}" ${how}`, { cause: error });
      }
      throw error;
    }
  }
}

/** @throws INVALID_CONFIG naming the field for files that are not there and fields that mean nothing to a language model */
export function assertLanguageManifest(manifest: Manifest, paths: ReadonlySet<string>): void {
  for (const field of [
    'signatures',
    'batching',
    'preprocess',
    'postprocess',
    'labels',
    'isolation',
    'instances',
  ] as const) {
    if (manifest[field] !== undefined) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `manifest: ${field} is for models of tensors, and this is a language model`,
      );
    }
  }
  for (const [name, file] of Object.entries(manifest.language?.adapters ?? {})) {
    if (paths.has(file)) continue;
    const where = `manifest: language.adapters.${JSON.stringify(name)}`;
    throw new AmaasError('INVALID_CONFIG', `${where} names ${JSON.stringify(file)}, which is not beside the model`);
  }
}
