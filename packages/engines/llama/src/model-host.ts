// The model in its child process: loads it, chooses threads, and answers what the engine asks.
import {
  AmaasError,
  type GenerationRequest,
  type LanguageModelFacts,
  type PromptPiece,
  type ThreadChoice,
} from '@amaas/core';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoundContext, BoundModel, LlamaBinding } from './binding.ts';
import { chooseThreads } from './calibrate.ts';
import { Lane, type LaneParts } from './lane.ts';
import type { LoadTask } from './messages.ts';
import { MOST_STEP_TOKENS } from './plan-memory.ts';
import { Vocabulary } from './vocabulary.ts';
import { Writing, type WritingParts } from './writing.ts';

/** Longest a step may take, so that a cancelled request is gone and a new one begins. */
const MOST_STEP_MS = 150;
const LEAST_STEP_TOKENS = 8;
/** Lines of the log cross from one thread to another. */
const LOG_DELAY_MS = 100;

export interface ModelHostParts extends Pick<LaneParts, 'onEvents' | 'onFailure'> {
  readonly binding: LlamaBinding;
  /** What llama.cpp has complained about since it was asked last; '' is nothing. */
  complaints(): string;
}

/** Everything the task leaves open is decided. */
export interface DecidedLoad extends Pick<LoadTask, 'label' | 'modelPath' | 'adapters' | 'threads'> {
  readonly contextTokens: number;
  readonly parallel: number;
}

export class ModelHost {
  readonly #parts: ModelHostParts;
  readonly #task: DecidedLoad;
  readonly #model: BoundModel;
  readonly #vocabulary: Vocabulary;
  readonly #writing: WritingParts;
  readonly facts: LanguageModelFacts;
  /** By adapter; null: none. */
  readonly #lanes = new Map<string | null, Lane>();
  /** Of every request under way; null: its lane is being opened. */
  readonly #laneOf = new Map<number, Lane | null>();

  private constructor(
    parts: ModelHostParts,
    task: DecidedLoad,
    loaded: { readonly model: BoundModel; readonly context: BoundContext; readonly facts: LanguageModelFacts },
  ) {
    this.#parts = parts;
    this.#task = task;
    const { model, context, facts } = loaded;
    this.#model = model;
    this.facts = facts;
    this.#vocabulary = new Vocabulary(model);
    this.#writing = {
      binding: parts.binding,
      model,
      vocabulary: this.#vocabulary,
      vocabularySize: facts.vocabularySize,
      contextTokens: facts.contextTokens,
    };
    this.#lanes.set(null, this.#openLane(context));
  }

  /** @throws INVALID_MODEL when llama.cpp does not take the file, MEMORY_LIMIT when it finds no room for the context */
  static async load(parts: ModelHostParts, task: DecidedLoad, vocabularySize: number): Promise<ModelHost> {
    const { binding } = parts;
    const model = new binding.AddonModel(task.modelPath, {
      addonExports: binding,
      gpuLayers: 0,
      useMmap: true,
      checkTensors: true,
    });
    if (!(await settled(model.init()))) {
      const why = parts.complaints();
      throw new AmaasError(
        'INVALID_MODEL',
        `load: llama.cpp does not take model "${task.label}"${why === '' ? '' : `: ${why}`}`,
      );
    }
    const context = await openContext(parts, task, model);
    const threads = await threadsFor(task, context, Math.max(0, model.tokenBos()));
    const speed = threads.measured.find((each) => each.threads === threads.prompt)?.promptTokensPerSecond;
    const stepTokens = Math.round(((speed ?? Number.POSITIVE_INFINITY) * MOST_STEP_MS) / 1000);
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
    return new ModelHost(parts, task, { model, context, facts });
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

  cancel(id: number): void {
    this.#laneOf.get(id)?.cancel(id);
    this.#laneOf.delete(id);
  }

  tokenize(pieces: readonly PromptPiece[]): readonly number[] {
    return this.#vocabulary.tokensOf(pieces);
  }

  detokenize(tokens: readonly number[]): string {
    const { vocabularySize } = this.facts;
    const unknown = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
    if (unknown === undefined) return this.#vocabulary.textOf(tokens);
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `detokenize: token ${unknown} is none of the model's 0 … ${vocabularySize - 1}`,
    );
  }

  /** The events of a step are on their way; those who ended are forgotten. */
  forget(ids: readonly number[]): void {
    for (const id of ids) this.#laneOf.delete(id);
  }

  async #laneFor(adapter: string | null): Promise<Lane> {
    const known = this.#lanes.get(adapter);
    if (known !== undefined) return known;
    const path = this.#task.adapters.get(adapter ?? '');
    if (path === undefined) {
      const names = [...this.#task.adapters.keys()].join(', ') || 'none';
      throw new AmaasError('INVALID_ARGUMENT', `generate: there is no adapter "${adapter}"; the model has: ${names}`);
    }
    const { binding } = this.#parts;
    const lora = new binding.AddonModelLora(this.#model, path);
    await this.#model.loadLora(lora);
    const context = await openContext(this.#parts, this.#task, this.#model);
    context.setLoras([lora], [1]);
    const lane = this.#lanes.get(adapter) ?? this.#openLane(context);
    this.#lanes.set(adapter, lane);
    return lane;
  }

  #openLane(context: BoundContext): Lane {
    const { onEvents, onFailure } = this.#parts;
    const { parallel, contextTokens, stepTokens, threads } = this.facts;
    return new Lane({
      ...{ context, parallel, contextTokens, stepTokens, threads, onEvents, onFailure },
      isEnd: (token) => this.#vocabulary.isEnd(token),
    });
  }
}

async function threadsFor({ threads }: DecidedLoad, context: BoundContext, token: number): Promise<ThreadChoice> {
  if (threads === null) return chooseThreads(context, availableParallelism(), token);
  return typeof threads === 'number' ? { generation: threads, prompt: threads, measured: [] } : threads;
}

async function openContext(
  parts: ModelHostParts,
  { label, contextTokens, parallel }: DecidedLoad,
  model: BoundModel,
): Promise<BoundContext> {
  const context = new parts.binding.AddonContext(model, {
    contextSize: contextTokens * parallel,
    batchSize: MOST_STEP_TOKENS,
    sequences: parallel,
    threads: 1,
    flashAttention: 'auto',
  });
  if (await settled(context.init())) return context;
  const why = parts.complaints();
  throw new AmaasError(
    'MEMORY_LIMIT',
    `load: llama.cpp makes no context of ${parallel} × ${contextTokens} tokens for model "${label}"${why === '' ? '' : `: ${why}`}`,
  );
}

/** The addon tells failure by false, or by a rejection; what llama.cpp logged of it comes a moment later. */
async function settled(work: Promise<boolean>): Promise<boolean> {
  const isDone = await work.catch(() => false);
  if (!isDone) await sleep(LOG_DELAY_MS);
  return isDone;
}
