// A model that a llama-server runs: requests become its requests, its answers events of ours. As many are with it as it has
// sequences; the others wait here, so that its threads for HTTP are never all taken.
import { AmaasError, type GenerationRequest, type LanguageModelFacts, type PromptPiece } from '@amaas/core';
import type { ChildHost, ChildTelling } from './child-loop.ts';
import { answerTokens, checkRequest } from './generation-limits.ts';
import type { LoadTask, PooledTexts, ToChild } from './messages.ts';
import { readLanguageModelFile } from './model-file.ts';
import { Outbox } from './outbox.ts';
import { planMemory, readFileFacts } from './plan-memory.ts';
import { checkSampling, drawSeed } from './sampling.ts';
import { completionBody, ServerAnswer } from './server-answer.ts';
import { poolTexts } from './server-pooling.ts';
import { startWithThreads } from './server-threads.ts';
import { ServerVocabulary } from './server-vocabulary.ts';
import type { ServerProcess, ServerStart } from './server-process.ts';

interface Waiting {
  readonly id: number;
  readonly request: GenerationRequest;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly arrivedMs: number;
}

interface ServerHostParts {
  readonly telling: ChildTelling;
  readonly server: ServerProcess;
  readonly vocabulary: ServerVocabulary;
  readonly facts: LanguageModelFacts;
  readonly use: ServerStart['use'];
  readonly adapters: LoadTask['adapters'];
}

export class ServerHost implements ChildHost {
  readonly facts: LanguageModelFacts;
  readonly helperPid: number;
  readonly #parts: ServerHostParts;
  #queue: Waiting[] = [];
  readonly #leaving = new Map<number, AbortController>();
  readonly #outbox: Outbox;
  #writing = 0;

  private constructor(parts: ServerHostParts) {
    this.#parts = parts;
    this.#outbox = new Outbox(parts.telling.onEvents);
    this.facts = parts.facts;
    this.helperPid = parts.server.pid;
    void parts.server.exited.then((how) => {
      process.stderr.write(`llama-server ${how}\n`, () => process.exit(1));
    });
  }

  /** @throws INVALID_MODEL, MEMORY_LIMIT, ENGINE_MISSING, MODEL_REJECTED */
  static async load(task: LoadTask, telling: ChildTelling): Promise<ServerHost> {
    const { modelPath, adapters, serverPath } = task;
    const file = await readLanguageModelFile(modelPath);
    const memory = await readFileFacts(modelPath);
    const { contextTokens, parallel } = planMemory(task.label, memory, task);
    const use = file.pooling === 'rank' ? 'rank' : file.pooling === null && !memory.isEncoder ? 'write' : 'embed';
    const start = { binary: serverPath ?? '', modelPath, adapters, contextTokens, parallel, use } as const;
    const { server, threads } = await startWithThreads(start, task.threads);
    const facts: LanguageModelFacts = {
      description: `${file.architecture} ${file.quantization ?? ''} by llama-server`.replace('  ', ' '),
      ...{ parameters: file.parameters, modelBytes: file.fileBytes, vocabularySize: file.vocabularySize },
      ...{ embeddingSize: file.embeddingSize, trainedContextTokens: file.trainedContextTokens },
      ...{ contextTokens, parallel, threads, stepTokens: use === 'write' ? 512 : contextTokens },
    };
    const vocabulary = await ServerVocabulary.open(server.connection, modelPath);
    return new ServerHost({ telling, server, vocabulary, facts, use, adapters });
  }

  async generate(id: number, request: GenerationRequest): Promise<void> {
    const { use, vocabulary, adapters } = this.#parts;
    const arrivedMs = performance.now();
    if (use !== 'write') {
      throw new AmaasError('UNSUPPORTED_FEATURE', 'generate: the model writes nothing, it makes vectors of texts');
    }
    checkSampling(request.sampling ?? {}, this.facts.vocabularySize);
    checkRequest(request);
    const { adapter } = request;
    if (adapter !== undefined && !adapters.has(adapter)) {
      const names = [...adapters.keys()].join(', ') || 'none';
      throw new AmaasError('INVALID_ARGUMENT', `generate: there is no adapter "${adapter}"; the model has: ${names}`, {
        details: { field: 'adapter' },
      });
    }
    const leaving = new AbortController();
    this.#leaving.set(id, leaving);
    try {
      const prompt = await vocabulary.promptTokens(request.prompt);
      const maxTokens = answerTokens(prompt.length, request.maxTokens, this.facts.contextTokens);
      if (leaving.signal.aborted) return;
      this.#queue.push({ id, request, prompt, maxTokens, arrivedMs });
    } catch (thrown) {
      this.#leaving.delete(id);
      throw thrown;
    }
    this.#begin();
  }

  cancel(id: number): void {
    this.#leaving.get(id)?.abort();
    this.#leaving.delete(id);
    this.#queue = this.#queue.filter((each) => each.id !== id);
  }

  async pool(asked: Extract<ToChild, { type: 'embed' | 'rank' }>): Promise<PooledTexts> {
    const { server, vocabulary, use } = this.#parts;
    const leaving = new AbortController();
    this.#leaving.set(asked.id, leaving);
    try {
      const { contextTokens } = this.facts;
      const { connection } = server;
      return await poolTexts(asked, { connection, vocabulary, use, contextTokens, signal: leaving.signal });
    } finally {
      this.#leaving.delete(asked.id);
    }
  }

  score(): Promise<readonly number[]> {
    const message = 'score: llama-server does not tell how likely a given text is; the engine llama.cpp does';
    return Promise.reject(new AmaasError('UNSUPPORTED_FEATURE', message));
  }

  tokenize(pieces: readonly PromptPiece[]): Promise<readonly number[]> {
    return this.#parts.vocabulary.tokensOf(pieces);
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.#parts.vocabulary.textOf(tokens);
  }

  forget(): void {
    // Whoever ended has left by itself.
  }

  #begin(): void {
    while (this.#writing < this.facts.parallel) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#writing++;
      void this.#write(next).finally(() => {
        this.#writing--;
        this.#begin();
      });
    }
  }

  /** Never rejects: whatever goes wrong is told to who asked. */
  async #write(waiting: Waiting): Promise<void> {
    const { id } = waiting;
    const leaving = this.#leaving.get(id);
    if (leaving === undefined) return;
    try {
      await this.#answer(waiting, leaving.signal);
    } catch (thrown) {
      if (leaving.signal.aborted) return;
      this.#outbox.flush();
      const error = thrown instanceof AmaasError ? thrown : new AmaasError('INTERNAL', String(thrown));
      this.#parts.telling.onFailure(id, error);
    } finally {
      this.#leaving.delete(id);
    }
  }

  async #answer({ id, request, prompt, maxTokens, arrivedMs }: Waiting, leaving: AbortSignal): Promise<void> {
    const { server, adapters, vocabulary } = this.#parts;
    const seed = request.sampling?.seed ?? drawSeed();
    const answer = new ServerAnswer({
      ...{ promptTokens: prompt.length, seed, stop: request.stop ?? [], arrivedMs },
      beginsText: vocabulary.beginsText(prompt),
      top: request.logProbabilities?.top ?? null,
      nowMs: () => performance.now(),
    });
    const places = new Map([...adapters.keys()].map((name, place) => [name, place]));
    const body = completionBody(request, { prompt, maxTokens, seed, adapters: places });
    const stopped = new AbortController();
    const signal = AbortSignal.any([leaving, stopped.signal]);
    const onChunk = (chunk: unknown): void => {
      for (const event of answer.read(chunk)) this.#outbox.push({ id, event });
      // After a stop text the server would write on; it sees that nobody listens.
      if (answer.isOver && !answer.isComplete) stopped.abort();
    };
    try {
      await server.connection.stream('/completion', body, { onChunk, signal });
    } catch (thrown) {
      if (!answer.isOver) throw thrown;
    }
    if (!answer.isOver) throw new AmaasError('ENGINE_CRASHED', 'generate: llama-server ended the answer too early');
  }
}
