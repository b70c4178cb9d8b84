// One version of a language model, ready to answer: its way of writing conversations, and the model behind it, which comes
// into memory when it is asked.
import type {
  AnswerEvent,
  CallOptions,
  ChatInput,
  GenerationRequest,
  LanguageCall,
  LanguageManifest,
  LanguageModel,
  LanguageModelFacts,
  LanguageModelFile,
  PromptInput,
  SamplingSettings,
} from '@amaas/core';
import type { GenerationObservation } from '../monitoring/index.ts';
import type { VersionRecord } from '../registry/index.ts';
import type { ConversationFormat } from './language-ports.ts';
import type { LaidOutVersion } from './ports.ts';
import type { ResidentLanguageModel } from './resident-language-model.ts';

export interface LanguageRecorder {
  recordGeneration(generation: GenerationObservation): void;
  dispose(): void;
}

export interface ServedLanguageModelParts<Recorder> {
  readonly record: VersionRecord;
  readonly file: LanguageModelFile;
  readonly format: ConversationFormat;
  readonly resident: ResidentLanguageModel;
  readonly laidOut: Pick<LaidOutVersion, 'release'>;
  readonly recorder: Recorder;
}

/** Where neither the request nor the manifest says: the usual one of llama.cpp, Ollama and OpenAI's clients lie around it. */
const USUAL_TEMPERATURE = 0.8;

export interface UseOptions extends CallOptions {
  /** How long the model stays afterwards; default as for every request. */
  readonly keepAliveMs?: number | undefined;
}

/** Whether a language model is in memory at this moment. */
export interface Residency {
  readonly isLoaded: boolean;
  /** What loading found out; null while it is not in memory. */
  readonly facts: LanguageModelFacts | null;
  /** Resident bytes of its process. */
  readonly memoryBytes: number;
  /** Wall time in milliseconds when it leaves unless it is used; null: not in memory, in use, or until pushed out. */
  readonly expiresAtMs: number | null;
}

/** A READY version. Whoever loaded it calls {@link ServedLanguageModel.unload}. */
export class ServedLanguageModel<Recorder extends LanguageRecorder = LanguageRecorder> {
  readonly kind = 'language';
  readonly record: VersionRecord;
  readonly file: LanguageModelFile;
  readonly recorder: Recorder;
  readonly #parts: ServedLanguageModelParts<Recorder>;

  constructor(parts: ServedLanguageModelParts<Recorder>) {
    this.#parts = parts;
    this.record = parts.record;
    this.file = parts.file;
    this.recorder = parts.recorder;
  }

  get name(): string {
    return this.record.model;
  }

  get version(): number {
    return this.record.version;
  }

  get abilities(): ConversationFormat['abilities'] {
    return this.#parts.format.abilities;
  }

  get queueDepth(): number {
    return this.#parts.resident.model?.load.waiting ?? 0;
  }

  get memoryBytes(): number {
    return this.residency.memoryBytes;
  }

  get residency(): Residency {
    const { resident } = this.#parts;
    const { model } = resident;
    return {
      isLoaded: model !== null,
      facts: model?.facts ?? null,
      memoryBytes: model?.measureMemoryBytes() ?? resident.plannedBytes,
      expiresAtMs: resident.expiresAtMs,
    };
  }

  /**
   * Answers one request. The stream begins with `started` and ends with `ended`; leaving it early ends the work within one
   * step. Nothing is done before the first event is asked for, and whatever is wrong with the request is thrown there.
   * @throws what the format throws, CONTEXT_OVERFLOW, QUEUE_FULL, MEMORY_LIMIT, CANCELLED, and (retryable) ENGINE_CRASHED,
   *   MODEL_NOT_READY
   */
  async *generate(call: LanguageCall, options: CallOptions = {}): AsyncGenerator<AnswerEvent> {
    const prepared = this.#parts.format.prepare(call);
    const reader = prepared.createReader();
    const lease = await this.#parts.resident.lease(options.signal);
    const { model, loadMs } = lease;
    let thoughts = '';
    let hasCalls = false;
    try {
      for await (const event of model.generate(this.#request(call, prepared), options.signal)) {
        if (event.type === 'started') {
          yield { ...event, loadMs };
          continue;
        }
        for (const part of event.type === 'text' ? reader.read(event) : reader.finish()) {
          if (part.type === 'reasoning') thoughts += part.text;
          hasCalls ||= part.type === 'tool-call';
          yield part;
        }
        if (event.type !== 'ended') continue;
        const reasoningTokens = await countTokens(model, thoughts);
        this.recorder.recordGeneration({ ...event.usage, loadMs });
        const reason = hasCalls && event.reason === 'stop' ? 'tool-calls' : event.reason;
        yield { ...event, reason, usage: { ...event.usage, reasoningTokens, loadMs } };
      }
    } finally {
      lease.return(call.keepAliveMs);
    }
  }

  /** Tokens of the prompt that an input becomes. @throws as {@link ServedLanguageModel.generate} */
  async countPromptTokens(input: ChatInput | PromptInput): Promise<number> {
    const pieces = this.#parts.format.render(input);
    const { beginsTexts, beginToken } = this.file;
    return this.use(async (model) => {
      const tokens = await model.tokenize(pieces);
      if (!beginsTexts || beginToken === null) return tokens.length;
      const [begin] = await model.tokenize([{ text: beginToken, special: true }]);
      return tokens[0] === begin ? tokens.length : tokens.length + 1;
    });
  }

  /** Does something with the model in memory. @throws as {@link ServedLanguageModel.generate} */
  async use<Result>(work: (model: LanguageModel) => Promise<Result>, options: UseOptions = {}): Promise<Result> {
    const lease = await this.#parts.resident.lease(options.signal);
    try {
      return await work(lease.model);
    } finally {
      lease.return(options.keepAliveMs);
    }
  }

  /** Leaves memory at once where nobody uses it; the next request brings it back. */
  evict(): Promise<void> {
    return this.#parts.resident.evict();
  }

  /** Answers what was accepted, then gives the memory back. The version must have left the table before. */
  async unload(): Promise<void> {
    await this.#parts.resident.close();
    this.recorder.dispose();
    this.#parts.laidOut.release();
  }

  #request(call: LanguageCall, prepared: ReturnType<ConversationFormat['prepare']>): GenerationRequest {
    const { language = {} } = this.record.manifest;
    const maxTokens = call.maxTokens ?? language.maxTokens;
    const stop = [...(call.stop ?? []), ...(language.stop ?? []), ...prepared.stop];
    return {
      prompt: prepared.prompt,
      sampling: samplingOf(call.sampling, language),
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(stop.length === 0 ? {} : { stop }),
      ...(prepared.grammar === null ? {} : { grammar: prepared.grammar }),
      ...(call.logProbabilities === undefined ? {} : { logProbabilities: call.logProbabilities }),
      ...(call.adapter === undefined ? {} : { adapter: call.adapter }),
    };
  }
}

function samplingOf(asked: SamplingSettings = {}, { sampling = {} }: LanguageManifest): SamplingSettings {
  return { temperature: USUAL_TEMPERATURE, ...sampling, ...asked };
}

async function countTokens(model: LanguageModel, text: string): Promise<number> {
  return text === '' ? 0 : (await model.tokenize([{ text, special: false }])).length;
}
