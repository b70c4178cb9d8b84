// The port of runtimes for language models: a prompt in, a stream of text out. Prompts come as pieces, because only what the
// caller marks may hold special tokens. Knows no protocols, no chat templates.
import type { AmaasError } from './errors.ts';
import type { Cancellation } from './inference.ts';

/** A language model on disk. */
export interface LanguageModelSource {
  /** Name and version for messages, `chat@3`. */
  readonly label: string;
  /** Absolute path of the model file. */
  readonly modelPath: string;
  /** Absolute paths of adapters by the names requests ask for them. */
  readonly adapters?: ReadonlyMap<string, string>;
}

export interface LanguageLoadOptions {
  /** Tokens one sequence may hold, prompt and answer together; default chosen from the model and the memory allowed. */
  readonly contextTokens?: number;
  /** Sequences at once, ≥ 1; default chosen likewise. */
  readonly parallel?: number;
  /** Threads of the runtime, or what an earlier load measured; default: measured while loading. */
  readonly threads?: number | ThreadChoice;
  /** Most bytes that weights, caches and buffers may take together. @throws MEMORY_LIMIT with numbers beyond */
  readonly maxMemoryBytes: number;
  /** Longest loading may take, in milliseconds. */
  readonly maxLoadMs: number;
  /** Requests that may wait for a sequence. */
  readonly maxQueueSize: number;
  /** Where a loaded model asks for memory beyond its plan; default: what `maxMemoryBytes` leaves is its own. */
  readonly extraMemory?: ExtraMemory;
  /** Told when the process ended by itself; another one takes its place. */
  readonly onCrash?: (error: AmaasError) => void;
  readonly signal?: AbortSignal;
}

/** Memory that a model takes while some requests need it: contexts for vectors and scores of texts, adapters. */
export interface ExtraMemory {
  /**
   * Resolves when the model may take so many bytes more; what it throws fails the request that needed them, and no other.
   * @param operation - what they are for, `embed`
   * @throws MEMORY_LIMIT with numbers, retryable where others are only busy
   */
  claim(operation: string, bytes: number): Promise<void>;
  /** So many are free again, also when the process ended by itself. Not told of what goes with `dispose`. */
  giveBack(bytes: number): void;
}

/** What a model file says about itself, read without loading it. */
export interface LanguageModelFile {
  /** `llama`, `qwen3`, … */
  readonly architecture: string;
  readonly name: string | null;
  /** How most of its weights are written, `Q8_0`; null where the file does not say. */
  readonly quantization: string | null;
  readonly parameters: number;
  readonly fileBytes: number;
  readonly vocabularySize: number;
  readonly embeddingSize: number;
  readonly layers: number;
  readonly trainedContextTokens: number;
  /** Jinja; null where it has none. */
  readonly chatTemplate: string | null;
  readonly beginToken: string | null;
  readonly endToken: string | null;
  /** Whether texts begin with `beginToken`. */
  readonly beginsTexts: boolean;
  /** Texts of the tokens that no user's text may stand for: control and user-defined ones. */
  readonly specialTokens: readonly string[];
  /** How states of tokens become one embedding; null: a model that writes. `rank`: a model that judges pairs of texts. */
  readonly pooling: 'mean' | 'cls' | 'last' | 'rank' | null;
}

/** What a model takes of the machine, decided before anything is loaded. */
export interface LanguageMemoryPlan {
  readonly contextTokens: number;
  readonly parallel: number;
  /** Weights, caches and buffers. */
  readonly bytes: number;
}

/** A runtime for language models. */
export interface LanguageEngine {
  readonly name: string;
  readonly version: string;
  /** Reads the file's header. @throws INVALID_MODEL naming what is wrong, and where */
  inspect(modelPath: string): Promise<LanguageModelFile>;
  /** @throws INVALID_MODEL, MEMORY_LIMIT with numbers when not even the least fits */
  plan(
    source: LanguageModelSource,
    wish: Pick<LanguageLoadOptions, 'contextTokens' | 'parallel' | 'maxMemoryBytes'>,
  ): Promise<LanguageMemoryPlan>;
  /**
   * Loads a model in a new process.
   * @throws INVALID_MODEL when the file is malformed or the runtime does not take it, MEMORY_LIMIT with numbers,
   *   MODEL_REJECTED when the process ended or was not ready in time, ENGINE_MISSING where the runtime is not installed,
   *   CANCELLED
   */
  load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel>;
  /** Ends every process it started. */
  dispose(): Promise<void>;
}

/** What is known of a loaded language model. */
export interface LanguageModelFacts {
  /** As the runtime describes it, `llama 15M Q8_0`. */
  readonly description: string;
  readonly parameters: number;
  readonly modelBytes: number;
  readonly vocabularySize: number;
  readonly embeddingSize: number;
  /** Tokens the model was trained to see. */
  readonly trainedContextTokens: number;
  /** Tokens one sequence may hold. */
  readonly contextTokens: number;
  readonly parallel: number;
  readonly threads: ThreadChoice;
  /** Tokens of a prompt computed in one step at most. */
  readonly stepTokens: number;
}

/** Threads by what is computed, and what was measured to choose them; no measurements where they were given. */
export interface ThreadChoice {
  readonly generation: number;
  readonly prompt: number;
  readonly measured: readonly ThreadMeasurement[];
}

export interface ThreadMeasurement {
  readonly threads: number;
  readonly generatedTokensPerSecond: number;
  readonly promptTokensPerSecond: number;
}

/** A piece of a prompt: text, in which special tokens are read only where that is said; or tokens. */
export type PromptPiece = { readonly text: string; readonly special: boolean } | { readonly tokens: readonly number[] };

/** A `topK` that leaves every token in: the greatest the runtime takes. */
export const ALL_TOKENS = 2 ** 31 - 1;

/** How the next token is drawn. Left-out fields do not take part. */
export interface SamplingSettings {
  /** 0: the likeliest; default 0. */
  readonly temperature?: number;
  /** Only the so many likeliest. */
  readonly topK?: number;
  /** Only the likeliest that together have this probability, 0 … 1. */
  readonly topP?: number;
  /** Only those with at least this share of the likeliest one's probability, 0 … 1. */
  readonly minP?: number;
  /** Logits of repeated tokens are divided by it, or multiplied where negative. */
  readonly repeatPenalty?: number;
  /** Taken from the logits of tokens that have occurred, once and as often as they did. */
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Tokens the three penalties look back on; default 64. */
  readonly penaltyTokens?: number;
  /** Added to logits, by token; −Infinity forbids one. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /**
   * 0 … 2³² − 1; default drawn. Alone a request with a seed gives the same text again. In company it may not: sequences are
   * computed together, and sums of other sizes round differently, which may turn a close draw.
   */
  readonly seed?: number;
}

export interface GenerationRequest {
  readonly prompt: readonly PromptPiece[];
  /** Default: what the context has room for. */
  readonly maxTokens?: number;
  readonly sampling?: SamplingSettings;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /** A grammar the answer follows, in llama.cpp's GBNF, beginning with `root`. */
  readonly grammar?: string;
  /** Whether to report the model's own log-probabilities, and of how many of the likeliest tokens besides. */
  readonly logProbabilities?: { readonly top: number };
  /** Name of an adapter of the source. */
  readonly adapter?: string;
}

/** One token and the model's own probability of it, before any sampling setting. */
export interface TokenProbability {
  readonly token: number;
  readonly text: string;
  /** Natural logarithm. */
  readonly logProbability: number;
}

/** A token of the answer. */
export interface GeneratedToken extends TokenProbability {
  /** The likeliest first. */
  readonly top: readonly TokenProbability[];
}

export type GenerationEvent =
  /** The prompt is being computed; `cachedTokens` of it were there already. */
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number }
  /** More of the answer: whole characters, and nothing that may yet turn out to be a stop text. */
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly GeneratedToken[] }
  | GenerationEnd;

export interface GenerationEnd {
  readonly type: 'ended';
  /** `stop`: the model ended, or a stop text came; `length`: no room, or maxTokens. */
  readonly reason: 'stop' | 'length';
  /** The stop text that came. */
  readonly stopText: string | null;
  readonly usage: GenerationUsage;
  /** The seed that was used. */
  readonly seed: number;
}

export interface GenerationUsage {
  readonly promptTokens: number;
  /** Of the prompt's, those that were there from an earlier request. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Waiting for a sequence, computing the prompt, and writing. */
  readonly queueMs: number;
  readonly promptMs: number;
  readonly generationMs: number;
}

/** Vectors of texts, in their order. */
export interface Embeddings {
  /** Each of length 1 as a vector, `[embeddingSize]`. */
  readonly vectors: readonly Float32Array[];
  readonly promptTokens: number;
}

/** How well texts answer a query, in their order: the greater the better, of any scale. */
export interface Relevances {
  readonly scores: readonly number[];
  readonly promptTokens: number;
}

/** A language model ready to write. */
export interface LanguageModel {
  readonly facts: LanguageModelFacts;
  /**
   * Writes on. The stream ends with an `ended` event; leaving it early ends the work within one step.
   * @throws INVALID_ARGUMENT for settings out of range, CONTEXT_OVERFLOW with numbers, QUEUE_FULL, CANCELLED when `signal`
   *   fires, ENGINE_CRASHED (retryable) when the process ended, MODEL_NOT_READY while it is being replaced or unloaded,
   *   MEMORY_LIMIT with numbers where there is no room for the adapter
   */
  generate(request: GenerationRequest, signal?: Cancellation): AsyncIterable<GenerationEvent>;
  /**
   * Brings texts into the model's space; the tokens of a text are pooled as the model file says, by their mean where it does not.
   * @throws as {@link generate}; INVALID_ARGUMENT for an empty text, UNSUPPORTED_FEATURE for models that only judge pairs,
   *   MEMORY_LIMIT with numbers where a model that writes finds no room for this beside
   */
  embed(texts: readonly (readonly PromptPiece[])[], signal?: Cancellation): Promise<Embeddings>;
  /**
   * The model's own log-probabilities of the tokens of a text behind a prompt, one each; what begins every text goes before.
   * @throws as {@link generate}; INVALID_ARGUMENT when nothing goes before the first token of the text, MEMORY_LIMIT as
   *   {@link embed}
   */
  score(
    prompt: readonly PromptPiece[],
    text: readonly PromptPiece[],
    signal?: Cancellation,
  ): Promise<readonly number[]>;
  /** Judges texts by a query. @throws as {@link generate}; UNSUPPORTED_FEATURE for models that are not made for it */
  rank(query: string, texts: readonly string[], signal?: Cancellation): Promise<Relevances>;
  /** @throws as {@link generate} */
  tokenize(pieces: readonly PromptPiece[]): Promise<readonly number[]>;
  /** Text of tokens, special ones left out. @throws as {@link generate} */
  detokenize(tokens: readonly number[]): Promise<string>;
  /** Requests being written and waiting. */
  readonly load: { readonly active: number; readonly waiting: number };
  /** Resident bytes of its process; null where the system does not tell or there is none. */
  measureMemoryBytes(): number | null;
  /** Ends the process; requests under way end with MODEL_NOT_READY. Idempotent. */
  dispose(): Promise<void>;
}
