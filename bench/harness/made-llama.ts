// Llama-shaped GGUF files with drawn weights, for speed alone: what such a model writes means nothing. Kept in the system's
// folder for temporary files, because drawing half a billion numbers takes a while.
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GgufTensor, type GgufValue, writeGguf } from '@amaas/learn/gguf';
import { seededRandom } from './seeded-random.ts';

export interface MadeLlama {
  readonly name: string;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly innerWidth: number;
}

export const VOCABULARY_SIZE = 32_000;
export const BEGIN = 1;
const END = 2;
const BYTES = 256;
const CONTEXT_TOKENS = 4096;

/** About 2, 25 (as small models of vectors have), 110 and 500 million parameters. */
export const MADE_LLAMAS: ReadonlyMap<string, MadeLlama> = new Map(
  [
    { name: 'tiny', width: 64, layers: 2, heads: 4, innerWidth: 160 },
    { name: '25M', width: 384, layers: 6, heads: 6, innerWidth: 1024 },
    { name: '110M', width: 768, layers: 12, heads: 12, innerWidth: 2048 },
    { name: '500M', width: 1536, layers: 16, heads: 16, innerWidth: 4096 },
  ].map((llama) => [llama.name, llama]),
);

/** @returns path of the file, which is written unless it is there */
export function madeLlamaFile(llama: MadeLlama, type: 'Q8_0' | 'Q4_0'): string {
  const path = join(tmpdir(), `amaas-bench-llama-1-${llama.name}-${type}.gguf`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}`;
  const file = openSync(unfinished, 'w');
  for (const part of writeGguf({ metadata: metadataOf(llama), tensors: tensorsOf(llama, type) })) {
    for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
  }
  closeSync(file);
  renameSync(unfinished, path);
  return path;
}

function metadataOf({ width, layers, heads, innerWidth }: MadeLlama): ReadonlyMap<string, GgufValue> {
  const whole = (value: number): GgufValue => ({ type: 'uint32', value });
  const tokens = Array.from({ length: VOCABULARY_SIZE }, (_, token) => {
    if (token <= END) return ['<unk>', '<s>', '</s>'][token] ?? '';
    const byte = token - END - 1;
    return byte < BYTES ? `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>` : `\u2581w${token}`;
  });
  // Unknown 2, control 3, byte 6, normal 1. Source: llama.cpp, `llama_token_type`.
  const kinds = tokens.map((_, token) => (token === 0 ? 2 : token <= END ? 3 : token <= END + BYTES ? 6 : 1));
  return new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.context_length', whole(CONTEXT_TOKENS)],
    ['llama.embedding_length', whole(width)],
    ['llama.block_count', whole(layers)],
    ['llama.feed_forward_length', whole(innerWidth)],
    ['llama.attention.head_count', whole(heads)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'float32', value: 1e-5 }],
    ['llama.rope.dimension_count', whole(width / heads)],
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', items: tokens }],
    ['tokenizer.ggml.scores', { type: 'array', of: 'float32', items: tokens.map((_, token) => -token) }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', items: kinds }],
    ['tokenizer.ggml.bos_token_id', whole(BEGIN)],
    ['tokenizer.ggml.eos_token_id', whole(END)],
  ]);
}

function tensorsOf({ width, layers, innerWidth }: MadeLlama, type: 'Q8_0' | 'Q4_0'): ReadonlyMap<string, GgufTensor> {
  const random = seededRandom(7);
  const tensors = new Map<string, GgufTensor>();
  const matrix = (name: string, rows: number, columns: number): void => {
    const load = (): Float32Array =>
      Float32Array.from({ length: rows * columns }, () => ((2 * random() - 1) * 1.7) / Math.sqrt(columns));
    tensors.set(`${name}.weight`, { type, shape: [rows, columns], load });
  };
  const ones = (name: string): void => {
    const load = (): Float32Array => new Float32Array(width).fill(1);
    tensors.set(`${name}.weight`, { type: 'F32', shape: [width], load });
  };
  matrix('token_embd', VOCABULARY_SIZE, width);
  const tokens = tensors.get('token_embd.weight');
  // The token that ends a text is never the likeliest: its logit is 0.
  if (tokens !== undefined) {
    const load = (): Float32Array => tokens.load().fill(0, END * width, (END + 1) * width);
    tensors.set('token_embd.weight', { ...tokens, load });
  }
  for (let layer = 0; layer < layers; layer++) {
    ones(`blk.${layer}.attn_norm`);
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output']) matrix(`blk.${layer}.${name}`, width, width);
    ones(`blk.${layer}.ffn_norm`);
    matrix(`blk.${layer}.ffn_gate`, innerWidth, width);
    matrix(`blk.${layer}.ffn_up`, innerWidth, width);
    matrix(`blk.${layer}.ffn_down`, width, innerWidth);
  }
  ones('output_norm');
  return tensors;
}
