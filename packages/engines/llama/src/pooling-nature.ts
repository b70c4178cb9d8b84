// How a model makes one vector of a text's tokens, and whether it can write at all: what its file says of that. Knows no
// runtime; which architectures keep no cache is llama.cpp's choice.
// Source: llama.cpp, `llama_model::create_memory` and `llm_graph_context::build_pooling`.
import { type GgufMetadata, ggufNumber, ggufText } from '@amaas/learn/gguf';
import type { LanguageModelFile } from '@amaas/core';

/** Source: llama.cpp, `llama_pooling_type`. */
const POOLINGS: Readonly<Record<number, LanguageModelFile['pooling']>> = { 1: 'mean', 2: 'cls', 3: 'last', 4: 'rank' };

/** Architectures whose tokens see those after them: a text is computed as a whole, and nothing is written. */
const ENCODERS = /bert|^(wavtokenizer-dec|gemma-embedding|dream|llada|llada-moe|rnd1|t5encoder)$/;

export interface PoolingNature {
  readonly pooling: NonNullable<LanguageModelFile['pooling']>;
  /** Key of the metadata that says how to pool, where the file does not: then it is told to llama.cpp. */
  readonly untold: string | null;
  /** Whether a text must be computed in one step, however long it is. */
  readonly isEncoder: boolean;
  /** How vectors of a text's parts, computed one after the other, become the text's. */
  readonly joining: 'mean' | 'first' | 'last';
  /** Pairs of texts as the file wants them written, with `{query}` and `{document}`; null: one after the other. */
  readonly pairTemplate: string | null;
  /** Whether the file wants its separator between two texts. */
  readonly addsSeparator: boolean;
}

/** Null: the file does not say. */
export function readPooling(metadata: GgufMetadata): LanguageModelFile['pooling'] {
  const architecture = ggufText(metadata, 'general.architecture');
  return POOLINGS[ggufNumber(metadata, `${architecture}.pooling_type`) ?? 0] ?? null;
}

export function readNature(metadata: GgufMetadata): PoolingNature {
  const architecture = ggufText(metadata, 'general.architecture') ?? '';
  const pooling = readPooling(metadata);
  const causal = metadata.get(`${architecture}.attention.causal`);
  const separator = metadata.get('tokenizer.ggml.add_sep_token');
  return {
    pooling: pooling ?? 'mean',
    joining: joiningOf(architecture, pooling ?? 'mean'),
    untold: pooling === null ? `${architecture}.pooling_type` : null,
    isEncoder: ENCODERS.test(architecture) || (causal?.type === 'bool' && !causal.value),
    pairTemplate: ggufText(metadata, 'tokenizer.chat_template.rerank') ?? null,
    addsSeparator: separator?.type === 'bool' ? separator.value : ggufText(metadata, 'tokenizer.ggml.model') === 'bert',
  };
}

/** Qwen's judges look at the last token, others at the first. */
function joiningOf(architecture: string, pooling: PoolingNature['pooling']): PoolingNature['joining'] {
  if (pooling === 'rank') return architecture.startsWith('qwen3') ? 'last' : 'first';
  return pooling === 'cls' ? 'first' : pooling;
}
