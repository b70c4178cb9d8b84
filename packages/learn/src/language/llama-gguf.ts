// Llamas from and to GGUF files. What our network does not do is refused by the name of the key or tensor that asks for it.
// Sources: ggml, docs/gguf.md; llama.cpp, src/models/llama.cpp (tensors), src/llama-arch.cpp (keys).
import { AmaasError } from '@amaas/core';
import {
  type GgufContents,
  type GgufFile,
  type GgufMetadata,
  type GgufScalar,
  type GgufTensor,
  type GgufValue,
  ggufNumber,
  ggufText,
  type StoredType,
  TENSOR_TYPES,
} from '../gguf/index.ts';
import type { LlamaOptions } from '../layers/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import { type SpecialTokens, tokenizerFromGguf } from './tokenizer-from-gguf.ts';
import { tokenizerToGguf } from './tokenizer-to-gguf.ts';
import {
  assembleWeights,
  assertParts,
  type LlamaModel,
  type LlamaPart,
  llamaParts,
  llamaSizes,
  reorderRows,
  takePart,
} from './llama-weights.ts';

export interface LoadedLlama extends LlamaModel {
  /** Null where the file has none. */
  readonly tokenizer: Tokenizer | null;
  /** Jinja, as Hugging Face and llama.cpp render it; null where the file has none. */
  readonly chatTemplate: string | null;
  readonly specialTokens: SpecialTokens;
  /** What the file says of where it comes from: values of `general.`, such as author and licence. */
  readonly metadata: GgufMetadata;
}

/** How matrices are stored; vectors stay F32, and rows that are no whole blocks become F16, as llama.cpp does it. */
export type LlamaQuantization = Exclude<StoredType, 'BF16'>;

export interface LlamaToGgufOptions {
  /** Default F32. */
  readonly quantization?: LlamaQuantization;
  /** Without one the file has no vocabulary: llama.cpp then takes and gives ids alone. */
  readonly tokenizer?: Tokenizer | null;
  /** Default: what the tokenizer says of itself. */
  readonly specialTokens?: SpecialTokens;
  readonly chatTemplate?: string | null;
  /** `general.name`; default: as `metadata` has it, or `llama`. */
  readonly name?: string;
  /** Further values, which replace those of their keys. */
  readonly metadata?: GgufMetadata;
}

/** `general.file_type` by how most tensors are stored. */
const FILE_TYPES: Readonly<Record<LlamaQuantization, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 };

/** Keys that ask for what the network does not do, and the values with which they ask for nothing. */
const REFUSED_UNLESS: readonly (readonly [key: string, harmless: readonly (string | number)[]])[] = [
  ['llama.rope.scaling.type', ['none']],
  ['llama.rope.scale_linear', [1]],
  ['llama.rope.scaling.factor', [1, 0]],
  ['llama.expert_count', [0]],
  ['llama.attention.scale', []],
  ['llama.attention.sliding_window', [0]],
  ['llama.attention.clamp_kqv', [0]],
  ['llama.residual_scale', [1]],
  ['llama.embedding_scale', [1]],
  ['llama.logit_scale', [1]],
];

/** Values of `general.` that are true of a file and not of the model in it. */
const OF_THE_FILE = ['architecture', 'type', 'file_type', 'quantization_version', 'alignment'].map(
  (name) => `general.${name}`,
);

/**
 * A Llama out of a file, its numbers as float32. Where the table of logits is the token table, bit by bit, the network is a
 * tied one.
 * @throws INVALID_MODEL for files of another architecture, or with what the network does not have (scaled rotations, biases,
 *   experts, …); UNSUPPORTED_TENSOR for quantisations that are not known here
 * @example const { options, weights, tokenizer } = await llamaFromGguf(await readGguf(bytes));
 */
export async function llamaFromGguf(file: GgufFile): Promise<LoadedLlama> {
  const { metadata } = file;
  const architecture = ggufText(metadata, 'general.architecture');
  if (architecture !== 'llama')
    throw invalid(`general.architecture expects "llama", got ${JSON.stringify(architecture)}`);
  for (const [key, harmless] of REFUSED_UNLESS) {
    const found = metadata.get(key);
    if (found === undefined || (found.type !== 'array' && harmless.some((value) => value === found.value))) continue;
    throw unsupported(key, found);
  }
  const table = file.tensors.get('token_embd.weight');
  const output = file.tensors.get('output.weight');
  const options = readOptions(metadata, table?.shape[0] ?? 0, output !== undefined);
  assertTensors(file, options);
  const model = { options, weights: await assembleWeights(options, (part) => loadPart(file, part)) };
  return {
    ...(output === undefined ? model : tiedWhereEqual(model)),
    ...tokenizerFromGguf(metadata),
    chatTemplate: ggufText(metadata, 'tokenizer.chat_template') ?? null,
    metadata: new Map([...metadata].filter(([key]) => key.startsWith('general.') && !OF_THE_FILE.includes(key))),
  };
}

function readOptions(metadata: GgufMetadata, vocabularySize: number, hasOutput: boolean): LlamaOptions {
  const width = count(metadata, 'embedding_length');
  const heads = count(metadata, 'attention.head_count');
  const depth = width / heads;
  for (const key of ['rope.dimension_count', 'attention.key_length', 'attention.value_length']) {
    const found = metadata.get(`llama.${key}`);
    if (found !== undefined && ggufNumber(metadata, `llama.${key}`) !== depth) throw unsupported(`llama.${key}`, found);
  }
  return {
    vocabularySize,
    blockSize: count(metadata, 'context_length'),
    layers: count(metadata, 'block_count'),
    heads,
    keyValueHeads: metadata.has('llama.attention.head_count_kv') ? count(metadata, 'attention.head_count_kv') : heads,
    width,
    innerWidth: count(metadata, 'feed_forward_length'),
    rotary: { base: ggufNumber(metadata, 'llama.rope.freq_base') ?? 10_000 },
    epsilon: ggufNumber(metadata, 'llama.attention.layer_norm_rms_epsilon') ?? 1e-5,
    tied: !hasOutput,
  };
}

function count(metadata: GgufMetadata, key: string): number {
  const value = ggufNumber(metadata, `llama.${key}`);
  if (value !== undefined && Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(`llama.${key} expects a whole number of at least 1, got ${value}`);
}

/** Every part is there in its shape, and nothing else is. */
function assertTensors({ tensors }: GgufFile, options: LlamaOptions): void {
  const nameOf = (part: LlamaPart): string => `${part.gguf}.weight`;
  assertParts(options, tensors, nameOf);
  const names = new Set(llamaParts(options).map(nameOf));
  const more = [...tensors.keys()].find((name) => !names.has(name));
  if (more !== undefined) throw invalid(`tensor ${JSON.stringify(more)} is nothing that the network llama has`);
}

async function loadPart(file: GgufFile, part: LlamaPart): Promise<Float32Array> {
  const { data } = await file.loadTensor(`${part.gguf}.weight`);
  return reorderRows(data, part, 'toHalves');
}

/** Files of tied models may hold their table twice. */
export function tiedWhereEqual({ options, weights }: LlamaModel): LlamaModel {
  const tied = { ...options, tied: true };
  const [table, logits] = ['model.embed_tokens', 'lm_head'].map((name) => {
    const part = llamaParts(options).find(({ huggingFace }) => huggingFace === name);
    return part === undefined ? null : takePart(weights, part);
  });
  if (!table || !logits || !table.every((value, index) => Object.is(value, logits[index]))) return { options, weights };
  return { options: tied, weights: new Map([...weights].filter(([name]) => name !== 'logits/kernel')) };
}

/**
 * The contents of a file for `createGguf` or, part by part, `writeGguf`.
 * @throws INVALID_CHECKPOINT when weights are missing; INVALID_MODEL for a tokenizer that llama.cpp has none like
 * @example createGguf(llamaToGguf(mergeLora(tuned), { ...loaded, quantization: 'Q8_0' })); // `loaded` by llamaFromGguf
 */
export function llamaToGguf({ options, weights }: LlamaModel, given: LlamaToGgufOptions = {}): GgufContents {
  const { quantization = 'F32', tokenizer = null, specialTokens, chatTemplate = null, name, metadata } = given;
  const { vocabularySize, layers, heads, keyValueHeads, width, innerWidth } = llamaSizes(options);
  const base = typeof options.rotary === 'object' ? (options.rotary.base ?? 10_000) : 10_000;
  const counted = (value: number): GgufScalar => ({ type: 'uint32', value });
  const parts = llamaParts(options);
  const tensors = new Map(parts.map((part) => [`${part.gguf}.weight`, tensorOf(part, weights, quantization)]));
  const isQuantized = [...tensors.values()].some(({ type }) => TENSOR_TYPES[type].blockSize > 1);
  const values: readonly (readonly [string, GgufValue])[] = [
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: 'llama' }],
    ['general.file_type', counted(FILE_TYPES[quantization])],
    ...(isQuantized ? [['general.quantization_version', counted(2)] as const] : []),
    ['llama.context_length', counted(options.blockSize)],
    ['llama.embedding_length', counted(width)],
    ['llama.block_count', counted(layers)],
    ['llama.feed_forward_length', counted(innerWidth)],
    ['llama.attention.head_count', counted(heads)],
    ['llama.attention.head_count_kv', counted(keyValueHeads)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'float32', value: options.epsilon ?? 1e-5 }],
    ['llama.rope.dimension_count', counted(width / heads)],
    ['llama.rope.freq_base', { type: 'float32', value: base }],
    ['llama.vocab_size', counted(vocabularySize)],
    ...tokenizerToGguf(tokenizer, {
      vocabularySize,
      ...(specialTokens === undefined ? {} : { specialTokens }),
    }),
    ...(chatTemplate === null ? [] : [['tokenizer.chat_template', { type: 'string', value: chatTemplate }] as const]),
    ...(metadata ?? []),
    ...(name === undefined ? [] : [['general.name', { type: 'string', value: name }] as const]),
  ];
  return { metadata: new Map(values), tensors };
}

function tensorOf(part: LlamaPart, weights: LlamaModel['weights'], quantization: LlamaQuantization): GgufTensor {
  const { shape } = part;
  const row = shape.at(-1) ?? 1;
  const type = shape.length === 1 ? 'F32' : row % TENSOR_TYPES[quantization].blockSize === 0 ? quantization : 'F16';
  return { type, shape, load: () => reorderRows(takePart(weights, part), part, 'toNeighbours') };
}

function unsupported(key: string, found: GgufValue): AmaasError {
  const value = found.type === 'array' ? `an array of ${found.of}` : String(found.value);
  return invalid(`${key} is ${value.slice(0, 60)}, which the network llama does not do`);
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `llama: ${what}`);
}
