// The model in its child process: loads it, chooses threads, and answers what the engine asks.
import {
  AmaasError,
  type GenerationRequest,
  type LanguageModelFacts,
  type PromptPiece,
  type ThreadChoice,
} from '@amaas/core';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoundContext, BoundModel, BoundSampler, LlamaBinding } from './binding.ts';
import { chooseThreads, measurePrompt, type Trial } from './calibrate.ts';
import type { ChildHost, Parent } from './child-loop.ts';
import { EmbeddingLane } from './embedding-lane.ts';
import { Lane } from './lane.ts';
import type { LoadTask, PooledTexts, ToChild } from './messages.ts';
import { embeddingBytes, type FileFacts, MOST_STEP_TOKENS } from './plan-memory.ts';
import { pooledValues, textsToPool } from './pooled-texts.ts';
import { MOST_SCORED_TOKENS, ScoringLane } from './scoring-lane.ts';
import { type LentContext, SideMemory } from './side-memory.ts';
import { Turns } from './turns.ts';
import { Vocabulary } from './vocabulary.ts';
import { Writing, type WritingParts } from './writing.ts';

/** Longest a step should take, so that a cancelled request is gone and a new one begins. */
const MOST_STEP_MS = 150;
const LEAST_STEP_TOKENS = 8;
/** Lines of the log cross from one thread to another. */
const LOG_DELAY_MS = 100;
/** How long contexts for vectors and scores of texts lie beside the writers' after their last use. */
const SIDE_IDLE_MS = 60_000;

export interface ModelHostParts extends Parent {
  readonly binding: LlamaBinding;
  /** What llama.cpp has complained about since it was asked last; '' is nothing. */
  complaints(): string;
}

/** Everything the task leaves open is decided. */
export interface DecidedLoad extends Pick<LoadTask, 'label' | 'modelPath' | 'adapters' | 'threads' | 'maxMemoryBytes'> {
  readonly contextTokens: number;
  readonly parallel: number;
  /** Planned for what is loaded at once. */
  readonly bytes: number;
}

interface Loaded {
  readonly model: BoundModel;
  /** The writers', or of an encoder the one it has. */
  readonly context: BoundContext;
  readonly facts: LanguageModelFacts;
  readonly file: FileFacts;
}

export class ModelHost implements ChildHost {
  readonly helperPid = null;
  readonly #parts: ModelHostParts;
  readonly #task: DecidedLoad;
  readonly #model: BoundModel;
  readonly #vocabulary: Vocabulary;
  readonly #writing: WritingParts;
  readonly #file: FileFacts;
  readonly #side: SideMemory;
  readonly #turns = new Turns({ mostMs: MOST_TURN_MS, onStuck: endProcess });
  readonly #embedding: EmbeddingLane;
  readonly #scoring: ScoringLane;
  readonly facts: LanguageModelFacts;
  /** By adapter; null: none. */
  readonly #lanes = new Map<string | null, Promise<Lane>>();
  /** Of every request under way; null: its lane is being opened. */
  readonly #laneOf = new Map<number, Lane | null>();

  private constructor(parts: ModelHostParts, task: DecidedLoad, { model, context, facts, file }: Loaded) {
    this.#parts = parts;
    this.#task = task;
    this.#model = model;
    this.#file = file;
    this.facts = facts;
    this.#vocabulary = new Vocabulary(model, file.pieces, facts.vocabularySize);
    this.#writing = {
      binding: parts.binding,
      model,
      vocabulary: this.#vocabulary,
      vocabularySize: facts.vocabularySize,
      contextTokens: facts.contextTokens,
    };
    const { label, bytes: plannedBytes, maxMemoryBytes } = task;
    const { contextTokens } = facts;
    this.#side = new SideMemory({ label, plannedBytes, maxMemoryBytes, contextTokens, memory: parts.memory });
    const { isEncoder, joining } = file.nature;
    if (!isEncoder) this.#lanes.set(null, Promise.resolve(this.#openLane(context)));
    this.#embedding = new EmbeddingLane({
      ...(isEncoder ? { open: () => Promise.resolve(context), close: () => context.dispose() } : this.#lendEmbedding()),
      ...{ turns: this.#turns, stepTokens: facts.stepTokens, isWhole: isEncoder, joining, threads: facts.threads },
      idleMs: isEncoder ? null : SIDE_IDLE_MS,
      nowMs: () => performance.now(),
    });
    this.#scoring = new ScoringLane({
      ...this.#lendScoring(),
      createObserver: () => this.#createObserver(),
      ...{ turns: this.#turns, stepTokens: facts.stepTokens, threads: facts.threads, idleMs: SIDE_IDLE_MS },
    });
  }

  /** @throws INVALID_MODEL when llama.cpp does not take the file, MEMORY_LIMIT when it finds no room for the context */
  static async load(parts: ModelHostParts, task: DecidedLoad, file: FileFacts): Promise<ModelHost> {
    const { binding } = parts;
    const { nature, vocabularySize } = file;
    const model = new binding.AddonModel(task.modelPath, {
      addonExports: binding,
      gpuLayers: 0,
      useMmap: true,
      checkTensors: true,
      // Models that write pool nothing by themselves.
      ...(nature.untold === null ? {} : { overridesList: [[nature.untold, MEAN_POOLING, 0]] }),
    });
    if (!(await settled(model.init()))) {
      const why = parts.complaints();
      throw new AmaasError(
        'INVALID_MODEL',
        `load: llama.cpp does not take model "${task.label}"${why === '' ? '' : `: ${why}`}`,
      );
    }
    const context = nature.isEncoder
      ? await openContext(parts, model, embeddingContext(task, task.contextTokens))
      : await openContext(parts, model, writingContext(task));
    const trial = { token: Math.max(0, model.tokenBos()), room: task.contextTokens };
    const threads = await threadsFor(task, context, trial);
    const measured = threads.measured.find((each) => each.threads === threads.prompt)?.promptTokensPerSecond;
    const speed = measured ?? (await measurePrompt(context, threads.prompt, trial));
    const stepTokens = Math.round((speed * MOST_STEP_MS) / 1000);
    const facts: LanguageModelFacts = {
      description: model.getModelDescription(),
      parameters: model.getTotalParameters(),
      modelBytes: model.getTotalSize(),
      vocabularySize,
      embeddingSize: model.getEmbeddingVectorSize(),
      trainedContextTokens: model.getTrainContextSize(),
      contextTokens: task.contextTokens,
      parallel: task.parallel,
      threads,
      stepTokens: Math.min(MOST_STEP_TOKENS, Math.max(LEAST_STEP_TOKENS, stepTokens)),
    };
    return new ModelHost(parts, task, { model, context, facts, file });
  }

  /** What comes of it is told to `onEvents` and `onFailure`. */
  async generate(id: number, request: GenerationRequest): Promise<void> {
    this.#laneOf.set(id, null);
    try {
      const lane = await this.#laneFor(request.adapter ?? null);
      if (!this.#laneOf.has(id)) return; // called off meanwhile
      const writing = new Writing(id, request, this.#writing);
      this.#laneOf.set(id, lane);
      lane.submit(writing);
    } catch (thrown) {
      this.#laneOf.delete(id);
      throw thrown;
    }
  }

  /** Vectors of texts of length 1, or how well they answer a query. */
  async pool(asked: Extract<ToChild, { type: 'embed' | 'rank' }>): Promise<PooledTexts> {
    const { type, id } = asked;
    const { contextTokens } = this.facts;
    const texts = textsToPool(asked, { nature: this.#file.nature, vocabulary: this.#vocabulary, contextTokens });
    return pooledValues(type, texts, await this.#embedding.submit({ id, texts }));
  }

  /** Log-probabilities of a text's tokens behind a prompt. */
  async score({ id, prompt, text }: Extract<ToChild, { type: 'score' }>): Promise<readonly number[]> {
    const before = this.#vocabulary.promptTokens(prompt);
    const tokens = Uint32Array.of(...before, ...this.#vocabulary.tokensOf(text));
    const { contextTokens } = this.facts;
    if (this.#file.nature.isEncoder) {
      throw new AmaasError('UNSUPPORTED_FEATURE', 'score: the model writes nothing, it makes vectors of texts');
    }
    if (before.length === 0) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        'score: nothing goes before the text, so its first token has no probability',
      );
    }
    if (tokens.length > contextTokens) {
      throw new AmaasError(
        'CONTEXT_OVERFLOW',
        `score: prompt and text have ${tokens.length} tokens, and the context has room for ${contextTokens}`,
        { details: { promptTokens: tokens.length, contextTokens } },
      );
    }
    return this.#scoring.submit({ id, tokens, from: before.length });
  }

  cancel(id: number): void {
    this.#scoring.cancel(id);
    this.#embedding.cancel(id);
    this.#laneOf.get(id)?.cancel(id);
    this.#laneOf.delete(id);
  }

  tokenize(pieces: readonly PromptPiece[]): readonly number[] {
    return this.#vocabulary.tokensOf(pieces);
  }

  detokenize(tokens: readonly number[]): string {
    return this.#vocabulary.textOf(this.#vocabulary.known(tokens, 'detokenize'));
  }

  /** The events of a step are on their way; those who ended are forgotten. */
  forget(ids: readonly number[]): void {
    for (const id of ids) this.#laneOf.delete(id);
  }

  #laneFor(adapter: string | null): Promise<Lane> {
    const known = this.#lanes.get(adapter);
    if (known !== undefined) return known;
    const opening = this.#openAdapterLane(adapter);
    this.#lanes.set(adapter, opening);
    opening.catch(() => this.#lanes.delete(adapter));
    return opening;
  }

  async #openAdapterLane(adapter: string | null): Promise<Lane> {
    if (this.#file.nature.isEncoder) {
      throw new AmaasError('UNSUPPORTED_FEATURE', 'generate: the model writes nothing, it makes vectors of texts');
    }
    const path = this.#task.adapters.get(adapter ?? '');
    if (path === undefined) {
      const names = [...this.#task.adapters.keys()].join(', ') || 'none';
      throw new AmaasError('INVALID_ARGUMENT', `generate: there is no adapter "${adapter}"; the model has: ${names}`, {
        details: { field: 'adapter' },
      });
    }
    const { parallel, contextTokens } = this.facts;
    // llama.cpp says what is wrong with a file that is not there.
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    const { cacheBytesPerToken, stepBytesPerToken } = this.#file;
    const bytes = size + cacheBytesPerToken * contextTokens * parallel + stepBytesPerToken * MOST_STEP_TOKENS;
    return this.#side.keep(`adapter "${adapter}"`, bytes, () => this.#openWithAdapter(adapter, path));
  }

  async #openWithAdapter(adapter: string | null, path: string): Promise<Lane> {
    const { binding } = this.#parts;
    const lora = new binding.AddonModelLora(this.#model, path);
    try {
      await this.#model.loadLora(lora);
    } catch (cause) {
      const message = `load: llama.cpp does not take adapter "${adapter}" of model "${this.#task.label}": it is none, or of another model`;
      throw new AmaasError('INVALID_MODEL', message, { cause });
    }
    const context = await openContext(this.#parts, this.#model, writingContext(this.#task));
    context.setLoras([lora], [1]);
    return this.#openLane(context);
  }

  #openLane(context: BoundContext): Lane {
    const { onEvents, onFailure } = this.#parts;
    const { parallel, contextTokens, stepTokens, threads } = this.facts;
    return new Lane({
      ...{ context, turns: this.#turns, parallel, contextTokens, stepTokens, threads, onEvents, onFailure },
      isEnd: (token) => this.#vocabulary.isEnd(token),
    });
  }

  #lendScoring(): LentContext {
    const { cacheBytesPerToken, stepBytesPerToken } = this.#file;
    const bytes = cacheBytesPerToken * this.facts.contextTokens + stepBytesPerToken * MOST_SCORED_TOKENS;
    const wanted = { ...writingContext(this.#task), sequences: 1, stepTokens: MOST_SCORED_TOKENS };
    return this.#side.lend('score', bytes, () => openContext(this.#parts, this.#model, wanted));
  }

  #createObserver(): BoundSampler {
    const observer = new this.#parts.binding.AddonSampler(this.#model);
    observer.applyConfig({ temperature: 0, seed: 0 });
    return observer;
  }

  #lendEmbedding(): LentContext {
    const { contextTokens, stepTokens } = this.facts;
    const bytes = embeddingBytes(this.#file, contextTokens, stepTokens);
    const wanted = embeddingContext(this.#task, stepTokens);
    return this.#side.lend('embed', bytes, () => openContext(this.#parts, this.#model, wanted));
  }
}

/** A grammar made for it, or a broken model, keeps llama.cpp busy for ever; a large text of an encoder takes its time. */
const MOST_TURN_MS = 120_000;

/** Another process takes its place; nothing less ends native work. */
function endProcess(): void {
  process.stderr.write(`a step took longer than ${MOST_TURN_MS} ms\n`, () => process.kill(process.pid, 'SIGKILL'));
}

/** Source: llama.cpp, `llama_pooling_type`. */
const MEAN_POOLING = 1;

async function threadsFor({ threads }: DecidedLoad, context: BoundContext, trial: Trial): Promise<ThreadChoice> {
  if (threads === null) return chooseThreads(context, availableParallelism(), trial);
  return typeof threads === 'number' ? { generation: threads, prompt: threads, measured: [] } : threads;
}

interface WantedContext {
  readonly label: string;
  /** Of one sequence. */
  readonly tokens: number;
  readonly sequences: number;
  /** Of a step at most. */
  readonly stepTokens: number;
  readonly embeddings: boolean;
}

function writingContext({ label, contextTokens, parallel }: DecidedLoad): WantedContext {
  return { label, tokens: contextTokens, sequences: parallel, stepTokens: MOST_STEP_TOKENS, embeddings: false };
}

function embeddingContext({ label, contextTokens }: DecidedLoad, stepTokens: number): WantedContext {
  return { label, tokens: contextTokens, sequences: 1, stepTokens, embeddings: true };
}

async function openContext(
  parts: ModelHostParts,
  model: BoundModel,
  { label, tokens, sequences, stepTokens, embeddings }: WantedContext,
): Promise<BoundContext> {
  const context = new parts.binding.AddonContext(model, {
    contextSize: tokens * sequences,
    batchSize: stepTokens,
    sequences,
    threads: 1,
    flashAttention: 'auto',
    ...(embeddings ? { embeddings } : {}),
  });
  if (await settled(context.init())) return context;
  const why = parts.complaints();
  throw new AmaasError(
    'MEMORY_LIMIT',
    `load: llama.cpp makes no context of ${sequences} × ${tokens} tokens for model "${label}"${why === '' ? '' : `: ${why}`}`,
  );
}

/** The addon tells failure by false, or by a rejection; what llama.cpp logged of it comes a moment later. */
async function settled(work: Promise<boolean>): Promise<boolean> {
  const isDone = await work.catch(() => false);
  if (!isDone) await sleep(LOG_DELAY_MS);
  return isDone;
}
