// The only file that loads llama.cpp: the addon that the node-llama-cpp project builds for each platform, without its
// JavaScript. That library plans batches and memory itself, as this engine does, and its packages for CUDA and Vulkan would
// come with it, 600 MB of them; of the addon alone the one platform's 30 MB are installed.
// What is declared here is what the engine uses of the pinned version, as the addon's C++ sources define it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AmaasError } from '@amaas/core';

/** The addon's exports. */
export interface LlamaBinding {
  readonly AddonModel: new (path: string, options: ModelOptions) => BoundModel;
  readonly AddonModelLora: new (model: BoundModel, path: string) => BoundAdapter;
  readonly AddonContext: new (model: BoundModel, options: ContextOptions) => BoundContext;
  readonly AddonSampler: new (model: BoundModel) => BoundSampler;
  readonly AddonGrammar: new (text: string, options: { readonly addonExports: LlamaBinding }) => BoundGrammar;
  readonly AddonGrammarEvaluationState: new (model: BoundModel, grammar: BoundGrammar) => BoundGrammarState;
  markLoaded(): boolean;
  loadBackends(folder?: string): void;
  init(): Promise<void>;
  /** @param level - of the message: 1 fatal, 2 error, 3 warning, 4 information, 5 log, 6 debug */
  setLogger(log: (level: number, message: string) => void): void;
  setLoggerLogLevel(most: number): void;
  dispose(): Promise<void>;
}

interface ModelOptions {
  readonly addonExports: LlamaBinding;
  readonly gpuLayers: number;
  readonly useMmap: boolean;
  /** Whether every number of the file is looked at for NaN and infinity. */
  readonly checkTensors: boolean;
  /** Metadata in place of what the file says, or does not; 0 marks a whole number. */
  readonly overridesList?: readonly (readonly [key: string, value: number, kind: 0])[];
}

export interface BoundModel {
  /** @returns false when the file is none that llama.cpp can load; why is in its log */
  init(): Promise<boolean>;
  loadLora(adapter: BoundAdapter): Promise<void>;
  dispose(): Promise<void>;
  /** @param special - whether special tokens are read in the text */
  tokenize(text: string, special: boolean): Uint32Array;
  detokenize(tokens: Uint32Array, special?: boolean): string;
  getTrainContextSize(): number;
  getEmbeddingVectorSize(): number;
  getTotalSize(): number;
  getTotalParameters(): number;
  getModelDescription(): string;
  getTokenString(token: number): string;
  isEogToken(token: number): boolean;
  /** −1: there is none; so with the next two. */
  tokenBos(): number;
  tokenEos(): number;
  sepToken(): number;
  shouldPrependBosToken(): boolean;
  shouldAppendEosToken(): boolean;
}

declare const ADAPTER: unique symbol;
declare const GRAMMAR_STATE: unique symbol;
export interface BoundAdapter {
  readonly [ADAPTER]: true;
}
export interface BoundGrammar {
  /** Whether the whole text follows the grammar. */
  isTextCompatible(text: string): boolean;
}
export interface BoundGrammarState {
  readonly [GRAMMAR_STATE]: true;
}

interface ContextOptions {
  /** Of all sequences together. */
  readonly contextSize: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly threads: number;
  readonly flashAttention: 'auto' | boolean;
  /** ggml's number of the type of cached keys and values; default 16 bits. */
  readonly kvCacheKeyType?: number;
  readonly kvCacheValueType?: number;
  /** Whether it computes vectors of texts, and of every token what they are pooled from. */
  readonly embeddings?: boolean;
}

export interface BoundContext {
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  getContextSize(): number;
  setThreads(threads: number): void;
  setLoras(adapters: readonly BoundAdapter[], scales: readonly number[]): void;
  /** Begins a batch of at most so many tokens. */
  initBatch(tokens: number): void;
  /** @param wanted - positions in `tokens` whose logits are wanted @returns their places in the batch */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, wanted: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /**
   * What the last batch's tokens of sequence 0 were pooled to. Of the other sequences there is no way to it: texts cannot share
   * a batch.
   */
  getEmbedding(tokens: number): Float64Array;
  /** Draws a token and lets the sampler remember it; −1 when none is possible. */
  sampleToken(place: number, sampler: BoundSampler): Promise<number>;
  sampleToken(
    place: number,
    sampler: BoundSampler,
    probabilities: false,
    confidence: false,
    /** True: those of all tokens. */
    logits: LogitsWanted | true,
    total: true,
  ): Promise<SampledLogits>;
  /** Forgets positions `from … to − 1`; −1: to the end. @returns false where the model cannot */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean;
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>;
}

type LogitsWanted = readonly [
  tokens: readonly number[],
  highest: boolean,
  lowest: boolean,
  selected: boolean,
  top: number,
];

/** Pairs of token and logit, and Σ exp(logit − greatest logit). */
type SampledLogits = readonly [
  token: number,
  probabilities: undefined,
  confidence: undefined,
  logits: readonly number[],
  total: number,
];

export interface BoundSampler {
  dispose(): void;
  applyConfig(settings: SamplerSettings): void;
}

export interface SamplerSettings {
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed: number;
  readonly repeatPenalty?: number;
  readonly repeatPenaltyMaxTokens?: number;
  readonly repeatPenaltyTokens?: Uint32Array;
  readonly repeatPenaltyPresencePenalty?: number;
  readonly repeatPenaltyFrequencyPenalty?: number;
  readonly tokenBiasKeys?: Uint32Array;
  readonly tokenBiasValues?: Float32Array;
  readonly grammarEvaluationState?: BoundGrammarState;
}

/** What is declared below is of this version. */
export const LLAMA_VERSION = '3.22.1';

/** Platforms there are builds for, by what Node calls them. Linux's come with this package; the others are installed by hand. */
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['linux-x64', 'linux-x64'],
  ['linux-arm64', 'linux-arm64'],
  ['darwin-arm64', 'mac-arm64-metal'],
  ['darwin-x64', 'mac-x64'],
  ['win32-x64', 'win-x64'],
  ['win32-arm64', 'win-arm64'],
]);

/**
 * Loads the addon into this process, once.
 * @param log - told what llama.cpp complains about
 * @throws ENGINE_MISSING where there is no addon for this platform or it is not installed
 */
export async function loadBinding(log: (message: string) => void): Promise<LlamaBinding> {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES.get(platform);
  if (name === undefined) throw new AmaasError('ENGINE_MISSING', `llama: there is no llama.cpp for ${platform}`);
  const folder = await findFolder(name);
  const binding: LlamaBinding = createRequire(import.meta.url)(join(folder, name, 'llama-addon.node'));
  binding.markLoaded();
  binding.setLogger((level, message) => log(`${LEVELS[level] ?? level}: ${message.trim()}`));
  binding.setLoggerLogLevel(ERRORS);
  binding.loadBackends();
  binding.loadBackends(join(folder, name));
  await binding.init();
  return binding;
}

/** Where a platform's package keeps its files. */
async function findFolder(name: string): Promise<string> {
  try {
    const { getBinsDir }: PlatformPackage = await import(`@node-llama-cpp/${name}`);
    return getBinsDir().binsDir;
  } catch (cause) {
    const message = `llama: language models need llama.cpp, which is not installed: npm install @node-llama-cpp/${name}@${LLAMA_VERSION}`;
    throw new AmaasError('ENGINE_MISSING', message, { cause });
  }
}

interface PlatformPackage {
  getBinsDir(): { readonly binsDir: string };
}

const LEVELS = ['', 'fatal', 'error', 'warning'];
const ERRORS = 2;
