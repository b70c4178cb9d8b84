// How many tokens and sequences a model gets, from its file and the memory allowed, before anything is loaded.
import { AmaasError, type LanguageMemoryPlan } from '@amaas/core';
import { type GgufFile, ggufNumber, ggufNumbers, ggufText, ggufTexts } from '@amaas/learn/gguf';
import { readHeader } from './model-file.ts';
import { type PoolingNature, readNature } from './pooling-nature.ts';
import { TokenPieces } from './token-pieces.ts';

/** What a file says of the memory its model needs. */
export interface MemoryFacts {
  readonly fileBytes: number;
  readonly vocabularySize: number;
  readonly trainedContextTokens: number;
  /** Keys and values of one token in all layers, as 16-bit numbers; 0 for models that keep none. */
  readonly cacheBytesPerToken: number;
  /** Buffers of a step for each of its tokens. */
  readonly stepBytesPerToken: number;
  /** Whether a text is computed in one step, and nothing is written. */
  readonly isEncoder: boolean;
}

/** Tokens llama.cpp computes in one step at most. */
export const MOST_STEP_TOKENS = 512;

/** What is chosen unasked where memory allows: enough for a conversation, and for a few at once. */
const USUAL_CONTEXT_TOKENS = 8192;
const USUAL_PARALLEL = 4;
/** A step as long as the context takes more room than a cache. */
const USUAL_ENCODER_TOKENS = 2048;
const LEAST_CONTEXT_TOKENS = 512;
const CACHE_NUMBER_BYTES = 2;

/** What a file says that its process must know. */
export interface FileFacts extends MemoryFacts {
  readonly nature: PoolingNature;
  readonly pieces: TokenPieces | null;
}

/** @throws INVALID_MODEL naming what is wrong, and where */
export async function readFileFacts(modelPath: string): Promise<FileFacts> {
  const { gguf, fileBytes } = await readHeader(modelPath);
  const nature = readNature(gguf.metadata);
  return { ...factsOf(gguf, fileBytes, nature), nature, pieces: TokenPieces.read(gguf.metadata) };
}

function factsOf({ metadata }: GgufFile, fileBytes: number, { isEncoder }: PoolingNature): MemoryFacts {
  const architecture = ggufText(metadata, 'general.architecture');
  const number = (key: string): number | undefined => ggufNumber(metadata, `${architecture}.${key}`);
  const layers = number('block_count') ?? 0;
  const width = number('embedding_length') ?? 0;
  const heads = Math.max(1, number('attention.head_count') ?? 1);
  const headSize = width / heads;
  const cacheHeads = keyValueHeads(metadata, `${architecture}.attention.head_count_kv`, { layers, heads });
  const numbersPerHead = (number('attention.key_length') ?? headSize) + (number('attention.value_length') ?? headSize);
  const vocabulary = ggufTexts(metadata, 'tokenizer.ggml.tokens')?.length ?? 0;
  const inner = number('feed_forward_length') ?? 4 * width;
  return {
    fileBytes,
    vocabularySize: vocabulary,
    trainedContextTokens: number('context_length') ?? USUAL_CONTEXT_TOKENS,
    cacheBytesPerToken: isEncoder ? 0 : cacheHeads * numbersPerHead * CACHE_NUMBER_BYTES,
    stepBytesPerToken: 4 * ((isEncoder ? 0 : vocabulary) + 6 * width + 3 * inner),
    isEncoder,
  };
}

/** Heads of all layers together; some models have another number in each. */
function keyValueHeads(
  metadata: GgufFile['metadata'],
  key: string,
  { layers, heads }: { readonly layers: number; readonly heads: number },
): number {
  if (metadata.get(key)?.type !== 'array') return layers * (ggufNumber(metadata, key) ?? heads);
  return Array.from(ggufNumbers(metadata, key) ?? []).reduce((sum, each) => sum + each, 0);
}

export interface MemoryWish {
  readonly contextTokens: number | null;
  readonly parallel: number | null;
  readonly maxMemoryBytes: number;
}

/**
 * What is asked for where it fits; else what was not asked for becomes smaller: sequences first, then tokens.
 * @throws MEMORY_LIMIT with the numbers when not even the least fits, INVALID_CONFIG for more tokens than an encoder knows places
 */
export function planMemory(label: string, facts: MemoryFacts, wish: MemoryWish): LanguageMemoryPlan {
  const { maxMemoryBytes } = wish;
  const { isEncoder, trainedContextTokens } = facts;
  if (isEncoder && (wish.contextTokens ?? 0) > trainedContextTokens) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `load: model "${label}" reads at most ${trainedContextTokens} tokens, and a context of ${wish.contextTokens} is asked for`,
    );
  }
  const usualTokens = isEncoder ? USUAL_ENCODER_TOKENS : USUAL_CONTEXT_TOKENS;
  let contextTokens = wish.contextTokens ?? Math.min(trainedContextTokens, usualTokens);
  let parallel = wish.parallel ?? (isEncoder ? 1 : USUAL_PARALLEL);
  const stepBytes = (): number => facts.stepBytesPerToken * (isEncoder ? contextTokens : MOST_STEP_TOKENS);
  const plan = (): LanguageMemoryPlan => ({
    contextTokens,
    parallel,
    bytes: facts.fileBytes + stepBytes() + facts.cacheBytesPerToken * contextTokens * parallel,
  });
  while (plan().bytes > maxMemoryBytes && wish.parallel === null && parallel > 1) parallel--;
  while (plan().bytes > maxMemoryBytes && wish.contextTokens === null && contextTokens >= 2 * LEAST_CONTEXT_TOKENS) {
    contextTokens = Math.floor(contextTokens / 2);
  }
  const { bytes } = plan();
  if (bytes <= maxMemoryBytes) return plan();
  throw new AmaasError(
    'MEMORY_LIMIT',
    `load: model "${label}" needs ${megabytes(bytes)} (weights ${megabytes(facts.fileBytes)}, ${parallel} × ${contextTokens} tokens of context ${megabytes(facts.cacheBytesPerToken * contextTokens * parallel)}, buffers ${megabytes(stepBytes())}), and ${megabytes(maxMemoryBytes)} are allowed`,
    { details: { neededBytes: bytes, allowedBytes: maxMemoryBytes, contextTokens, parallel } },
  );
}

/** Bytes that a context for vectors of texts takes beside the writers', its logits twice: computed, and kept. */
export function embeddingBytes(facts: MemoryFacts, contextTokens: number, stepTokens: number): number {
  return facts.cacheBytesPerToken * contextTokens + 2 * facts.stepBytesPerToken * stepTokens;
}

export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`;
}
