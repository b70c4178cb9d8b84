// A language model that stays there: requests go to its child process, and when that ends they fail and another child takes
// its place, later each time.
import {
  AmaasError,
  type Cancellation,
  deserializeError,
  type Embeddings,
  type GenerationEvent,
  type GenerationRequest,
  type LanguageLoadOptions,
  type LanguageModel,
  type LanguageModelFacts,
  type LanguageModelSource,
  type PromptPiece,
  type Relevances,
  serializeError,
} from '@amaas/core';
import { EventStream } from './event-stream.ts';
import type { Answer, FromChild, LoadTask, PooledTexts, ToChild } from './messages.ts';
import { type ModelProcess, startModelProcess } from './model-process.ts';

const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 30_000;
/** After so long a life the next end counts as the first again. */
const HEALTHY_MS = 60_000;

interface Question {
  resolve(value: Answer): void;
  reject(error: unknown): void;
}

export class LoadedLanguageModel implements LanguageModel {
  readonly facts: LanguageModelFacts;
  readonly #source: LanguageModelSource;
  readonly #options: LanguageLoadOptions;
  readonly #task: LoadTask;
  readonly #onDispose: () => void;
  readonly #streams = new Map<number, EventStream<GenerationEvent>>();
  readonly #started = new Set<number>();
  readonly #questions = new Map<number, Question>();
  readonly #disposing = new AbortController();
  #process: ModelProcess | null = null;
  /** What the process has claimed beyond its plan; it goes with it. */
  #extraBytes = 0;
  #startedMs = 0;
  #restartMs = FIRST_RESTART_MS;
  #timer: NodeJS.Timeout | null = null;
  #ids = 0;
  /** Requests under way for vectors, judgements or likelihoods of texts. */
  #askedInTurn = 0;

  private constructor(
    source: LanguageModelSource,
    options: LanguageLoadOptions,
    { task, first, onDispose }: { readonly task: LoadTask; readonly first: Started; readonly onDispose: () => void },
  ) {
    this.#source = source;
    this.#options = options;
    this.#onDispose = onDispose;
    this.facts = first.process.facts;
    // A process that takes its place is to be like it.
    const { contextTokens, parallel, threads } = this.facts;
    this.#task = { ...task, contextTokens, parallel, threads };
    this.#adopt(first);
  }

  /** @throws as `Engine.load` of the engine says */
  static async start(
    source: LanguageModelSource,
    options: LanguageLoadOptions,
    { serverPath, onDispose }: { readonly serverPath: string | null; readonly onDispose: () => void },
  ): Promise<LoadedLanguageModel> {
    const task: LoadTask = {
      label: source.label,
      modelPath: source.modelPath,
      adapters: source.adapters ?? new Map(),
      contextTokens: options.contextTokens ?? null,
      parallel: options.parallel ?? null,
      threads: options.threads ?? null,
      maxMemoryBytes: options.maxMemoryBytes,
      serverPath,
    };
    const first = await startProcess(task, options.maxLoadMs, options.signal);
    return new LoadedLanguageModel(source, options, { task, first, onDispose });
  }

  /** Of those who want vectors, judgements or likelihoods one is served at a time. */
  get load(): { readonly active: number; readonly waiting: number } {
    const served = Math.min(this.#askedInTurn, 1);
    const waiting = this.#streams.size - this.#started.size + this.#askedInTurn - served;
    return { active: this.#started.size + served, waiting };
  }

  async *generate(request: GenerationRequest, signal?: Cancellation): AsyncGenerator<GenerationEvent> {
    const child = this.#expectProcess('generate');
    this.#expectRoom('generate');
    if (signal?.aborted) throw cancelled('generate');
    const id = ++this.#ids;
    const leave = (): void => {
      this.#forget(id);
      child.send({ type: 'cancel', id });
    };
    const stream = new EventStream<GenerationEvent>(leave);
    const abort = (): void => {
      leave();
      stream.fail(cancelled('generate'));
    };
    signal?.addEventListener('abort', abort);
    this.#streams.set(id, stream);
    child.send({ type: 'generate', id, request });
    try {
      yield* stream;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async embed(texts: readonly (readonly PromptPiece[])[], signal?: Cancellation): Promise<Embeddings> {
    const { values, promptTokens } = await this.#pool('embed', (id) => ({ type: 'embed', id, texts }), signal);
    const size = values.length / texts.length;
    return { vectors: texts.map((_, index) => values.slice(index * size, (index + 1) * size)), promptTokens };
  }

  async score(
    prompt: readonly PromptPiece[],
    text: readonly PromptPiece[],
    signal?: Cancellation,
  ): Promise<readonly number[]> {
    const value = await this.#askInTurn('score', (id) => ({ type: 'score', id, prompt, text }), signal);
    return Array.isArray(value) ? value : [];
  }

  async rank(query: string, texts: readonly string[], signal?: Cancellation): Promise<Relevances> {
    const asked = (id: number): ToChild => ({ type: 'rank', id, query, texts });
    const { values, promptTokens } = await this.#pool('rank', asked, signal);
    return { scores: [...values], promptTokens };
  }

  async tokenize(pieces: readonly PromptPiece[]): Promise<readonly number[]> {
    const value = await this.#ask('tokenize', (id) => ({ type: 'tokenize', id, pieces }));
    return Array.isArray(value) ? value : [];
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    const value = await this.#ask('detokenize', (id) => ({ type: 'detokenize', id, tokens }));
    return typeof value === 'string' ? value : '';
  }

  measureMemoryBytes(): number | null {
    return this.#process?.measureMemoryBytes() ?? null;
  }

  async dispose(): Promise<void> {
    this.#disposing.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#process;
    this.#process = null;
    this.#failAll(new AmaasError('MODEL_NOT_READY', `generate: model "${this.#source.label}" is being unloaded`));
    await child?.kill();
    this.#onDispose();
  }

  #adopt({ process, listen }: Started): void {
    this.#process = process;
    this.#startedMs = performance.now();
    listen({ onMessage: (message) => this.#hear(process, message), onExit: (error) => this.#replace(process, error) });
  }

  #hear(child: ModelProcess, message: Parameters<Listener['onMessage']>[0]): void {
    switch (message.type) {
      case 'events':
        for (const { id, event } of message.events) this.#pass(id, event);
        break;
      case 'failed': {
        const error = deserializeError(message.error);
        this.#streams.get(message.id)?.fail(error);
        this.#forget(message.id);
        this.#questions.get(message.id)?.reject(error);
        this.#questions.delete(message.id);
        break;
      }
      case 'answer':
        this.#questions.get(message.id)?.resolve(message.value);
        this.#questions.delete(message.id);
        break;
      case 'claim':
        void this.#claim(child, message);
        break;
      case 'give-back':
        if (this.#process === child) this.#giveBack(message.bytes);
        break;
      default:
        message satisfies never;
    }
  }

  async #claim(child: ModelProcess, { id, operation, bytes }: Extract<FromChild, { type: 'claim' }>): Promise<void> {
    if (this.#process !== child) return;
    try {
      await this.#options.extraMemory?.claim(operation, bytes);
    } catch (thrown) {
      child.send({ type: 'claimed', id, error: serializeError(thrown) });
      return;
    }
    if (this.#disposing.signal.aborted) return;
    this.#extraBytes += bytes;
    if (this.#process === child) child.send({ type: 'claimed', id, error: null });
    else this.#giveBack(bytes); // it ended meanwhile
  }

  #giveBack(bytes: number): void {
    if (bytes === 0) return;
    this.#extraBytes -= bytes;
    this.#options.extraMemory?.giveBack(bytes);
  }

  #pass(id: number, event: GenerationEvent): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return; // cancelled while the step was under way
    if (event.type === 'started') this.#started.add(id);
    stream.push(event);
    if (event.type !== 'ended') return;
    stream.end();
    this.#forget(id);
  }

  #forget(id: number): void {
    this.#streams.delete(id);
    this.#started.delete(id);
  }

  async #pool(
    operation: string,
    message: (id: number) => ToChild,
    signal: Cancellation | undefined,
  ): Promise<PooledTexts> {
    const value = await this.#askInTurn(operation, message, signal);
    if (typeof value === 'object' && 'promptTokens' in value) return value;
    throw new AmaasError('INTERNAL', `${operation}: the process of the model answered something else`);
  }

  /** Asks where there is room, and counted among those who wait. */
  async #askInTurn(
    operation: string,
    message: (id: number) => ToChild,
    signal: Cancellation | undefined,
  ): Promise<Answer> {
    this.#expectRoom(operation);
    this.#askedInTurn++;
    try {
      return await this.#ask(operation, message, signal);
    } finally {
      this.#askedInTurn--;
    }
  }

  async #ask(operation: string, message: (id: number) => ToChild, signal?: Cancellation): Promise<Answer> {
    const child = this.#expectProcess(operation);
    if (signal?.aborted) throw cancelled(operation);
    const id = ++this.#ids;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const abort = (): void => {
      this.#questions.delete(id);
      child.send({ type: 'cancel', id });
      reject(cancelled(operation));
    };
    signal?.addEventListener('abort', abort);
    this.#questions.set(id, { resolve, reject });
    child.send(message(id));
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #expectRoom(operation: string): void {
    const { maxQueueSize } = this.#options;
    if (this.load.waiting < maxQueueSize) return;
    throw new AmaasError('QUEUE_FULL', `${operation}: ${maxQueueSize} requests wait for model "${this.#source.label}"`);
  }

  #expectProcess(operation: string): ModelProcess {
    if (this.#process !== null) return this.#process;
    const what = this.#disposing.signal.aborted ? 'is being unloaded' : 'is being started again';
    throw new AmaasError('MODEL_NOT_READY', `${operation}: model "${this.#source.label}" ${what}`);
  }

  #failAll(error: AmaasError): void {
    for (const stream of this.#streams.values()) stream.fail(error);
    for (const question of this.#questions.values()) question.reject(error);
    this.#streams.clear();
    this.#started.clear();
    this.#questions.clear();
  }

  #replace(ended: ModelProcess, error: AmaasError): void {
    if (this.#process !== ended) return;
    this.#process = null;
    this.#giveBack(this.#extraBytes);
    this.#failAll(error);
    this.#options.onCrash?.(error);
    if (performance.now() - this.#startedMs > HEALTHY_MS) this.#restartMs = FIRST_RESTART_MS;
    this.#restartLater();
  }

  #restartLater(): void {
    if (this.#disposing.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#restart(), this.#restartMs);
    this.#timer.unref();
    this.#restartMs = Math.min(2 * this.#restartMs, LAST_RESTART_MS);
  }

  async #restart(): Promise<void> {
    try {
      const next = await startProcess(this.#task, this.#options.maxLoadMs, this.#disposing.signal);
      if (this.#disposing.signal.aborted) await next.process.kill();
      else this.#adopt(next);
    } catch {
      this.#restartLater();
    }
  }
}

type Listener = Parameters<typeof startModelProcess>[2];

interface Started {
  readonly process: ModelProcess;
  /** From then on; what came before is told at once. */
  listen(listener: Listener): void;
}

async function startProcess(task: LoadTask, maxLoadMs: number, signal: AbortSignal | undefined): Promise<Started> {
  let listener: Listener | null = null;
  let exit: AmaasError | null = null;
  const process = await startModelProcess(
    task,
    { maxLoadMs, signal },
    {
      onMessage: (message: Parameters<Listener['onMessage']>[0]) => listener?.onMessage(message),
      onExit(error) {
        exit = error;
        listener?.onExit(error);
      },
    },
  );
  return {
    process,
    listen(given) {
      listener = given;
      if (exit !== null) given.onExit(exit);
    },
  };
}

function cancelled(operation: string): AmaasError {
  return new AmaasError('CANCELLED', `${operation}: the caller went away`);
}
