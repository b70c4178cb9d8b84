// Which matrix of other tools' Llamas is which part of our network's kernels. Ours are [in, out], those that read the same
// rows side by side; others have one matrix [out, in] each. llama.cpp turns neighbouring rows of queries and keys against
// each other where we, as Hugging Face, turn halves: its rows are in another order.
// Sources: transformers, LlamaForCausalLM; llama.cpp, gguf-py's tensor_mapping.py and conversion/llama.py, `permute`.
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import type { LlamaOptions } from '../layers/index.ts';
import type { Weights } from '../train/index.ts';

/** A network `llama(options)` and its weights. */
export interface LlamaModel {
  readonly options: LlamaOptions;
  readonly weights: Weights;
}

/** The kernels inside a block by the names that LoRA's tools have for them. */
export const LLAMA_KERNELS = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type LlamaKernel = (typeof LLAMA_KERNELS)[number];

/** A matrix or vector as other tools name it, and where it is in our weights. */
export interface LlamaPart {
  /** Null outside of blocks, and for normalisations. */
  readonly kernel: LlamaKernel | null;
  /** Without `.weight`, as are both. */
  readonly huggingFace: string;
  readonly gguf: string;
  /** [out, in], or [size]. */
  readonly shape: readonly number[];
  /** Our parameter, of which the part is columns `firstColumn` and on, unless it is laid out as `shape`. */
  readonly parameter: string;
  readonly parameterShape: readonly number[];
  readonly firstColumn: number | null;
  /** Heads whose rows llama.cpp has in another order; null: the order is the same. */
  readonly turnedHeads: number | null;
}

export interface LlamaSizes {
  readonly vocabularySize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly width: number;
  readonly innerWidth: number;
  readonly tied: boolean;
}

/** Sizes with their defaults, as `llama` has them. */
export function llamaSizes(options: LlamaOptions): LlamaSizes {
  const { vocabularySize, layers, heads, width, keyValueHeads = heads, tied = true } = options;
  const innerWidth = options.innerWidth ?? 8 * Math.ceil(width / 3);
  return { vocabularySize, layers, heads, keyValueHeads, width, innerWidth, tied };
}

/**
 * Holds a file's tensors against sizes, before anything of those sizes is made: every part is there in its shape.
 * @param tensors - shapes by name @param nameOf - of a part, in that file
 * @throws INVALID_MODEL naming the tensor, or the size that cannot be
 */
export function assertParts(
  options: LlamaOptions,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  nameOf: (part: LlamaPart) => string,
): void {
  const { layers, heads, keyValueHeads, width } = llamaSizes(options);
  if (layers > tensors.size) {
    throw new AmaasError('INVALID_MODEL', `llama: ${layers} blocks do not fit in ${tensors.size} tensors`);
  }
  if (width % (2 * heads) !== 0 || heads % keyValueHeads !== 0) {
    throw new AmaasError(
      'INVALID_MODEL',
      `llama: ${width} columns cannot be ${heads} heads of even depth that share ${keyValueHeads} keys`,
    );
  }
  for (const part of llamaParts(options)) {
    const name = nameOf(part);
    const found = tensors.get(name)?.shape;
    if (found?.join() === part.shape.join()) continue;
    const came = found === undefined ? 'nothing' : `[${found}]`;
    throw new AmaasError('INVALID_MODEL', `llama: tensor ${name} expects [${part.shape}], got ${came}`);
  }
}

/** All parts, in the order in which files have them. */
export function llamaParts(options: LlamaOptions): readonly LlamaPart[] {
  const { vocabularySize, layers, width, tied } = llamaSizes(options);
  const whole = (name: Pick<LlamaPart, 'huggingFace' | 'gguf' | 'parameter'>, shape: readonly number[]): LlamaPart => ({
    ...name,
    ...{ kernel: null, shape, parameterShape: shape, firstColumn: null, turnedHeads: null },
  });
  return [
    whole({ huggingFace: 'model.embed_tokens', gguf: 'token_embd', parameter: 'tokens' }, [vocabularySize, width]),
    ...Array.from({ length: layers }, (_, layer) => blockParts(options, layer)).flat(),
    whole({ huggingFace: 'model.norm', gguf: 'output_norm', parameter: 'norm/scale' }, [width]),
    ...(tied
      ? []
      : [
          {
            ...{ kernel: null, huggingFace: 'lm_head', gguf: 'output', shape: [vocabularySize, width] },
            ...{
              parameter: 'logits/kernel',
              parameterShape: [width, vocabularySize],
              firstColumn: 0,
              turnedHeads: null,
            },
          },
        ]),
  ];
}

function blockParts(options: LlamaOptions, layer: number): readonly LlamaPart[] {
  const { heads, keyValueHeads, width, innerWidth } = llamaSizes(options);
  const shared = (width / heads) * keyValueHeads;
  const joined = {
    parameter: `${layer}.attention.query key value/kernel`,
    parameterShape: [width, width + 2 * shared],
  };
  const both = { parameter: `${layer}.gate up/kernel`, parameterShape: [width, 2 * innerWidth] };
  const norm = (huggingFace: string, gguf: string, ours: string): LlamaPart => ({
    ...{ kernel: null, huggingFace: `model.layers.${layer}.${huggingFace}`, gguf: `blk.${layer}.${gguf}` },
    ...{ parameter: `${layer}.${ours}/scale`, parameterShape: [width], shape: [width], firstColumn: null },
    turnedHeads: null,
  });
  const part = (
    kernel: LlamaKernel,
    [huggingFace, gguf]: readonly [string, string],
    place: Pick<LlamaPart, 'shape' | 'parameter' | 'parameterShape'> & Partial<LlamaPart>,
  ): LlamaPart => ({
    ...{ kernel, huggingFace: `model.layers.${layer}.${huggingFace}`, gguf: `blk.${layer}.${gguf}` },
    ...{ firstColumn: 0, turnedHeads: null, ...place },
  });
  return [
    norm('input_layernorm', 'attn_norm', 'attention norm'),
    part('q', ['self_attn.q_proj', 'attn_q'], { ...joined, shape: [width, width], turnedHeads: heads }),
    part('k', ['self_attn.k_proj', 'attn_k'], {
      ...{ ...joined, shape: [shared, width], firstColumn: width, turnedHeads: keyValueHeads },
    }),
    part('v', ['self_attn.v_proj', 'attn_v'], { ...joined, shape: [shared, width], firstColumn: width + shared }),
    part('o', ['self_attn.o_proj', 'attn_output'], {
      ...{ parameter: `${layer}.attention.output/kernel`, parameterShape: [width, width], shape: [width, width] },
    }),
    norm('post_attention_layernorm', 'ffn_norm', 'dense norm'),
    part('gate', ['mlp.gate_proj', 'ffn_gate'], { ...both, shape: [innerWidth, width] }),
    part('up', ['mlp.up_proj', 'ffn_up'], { ...both, shape: [innerWidth, width], firstColumn: innerWidth }),
    part('down', ['mlp.down_proj', 'ffn_down'], {
      ...{ parameter: `${layer}.output/kernel`, parameterShape: [innerWidth, width], shape: [width, innerWidth] },
    }),
  ];
}

/** A part as others have it, [out, in]. @throws INVALID_CHECKPOINT when our weight is missing or has another shape */
export function takePart(weights: Weights, part: LlamaPart): Float32Array {
  const { parameter, parameterShape, shape, firstColumn } = part;
  const weight = weights.get(parameter);
  if (weight === undefined || weight.shape.join() !== parameterShape.join()) {
    const came = weight === undefined ? 'nothing' : `[${weight.shape}]`;
    throw new AmaasError('INVALID_CHECKPOINT', `llama: ${parameter} expects [${parameterShape}], got ${came}`);
  }
  if (firstColumn === null) return weight.data;
  const [rows = 0, columns = 0] = shape;
  const stride = parameterShape[1] ?? 0;
  const taken = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column++) {
    const from = column * stride + firstColumn;
    for (let row = 0; row < rows; row++) taken[row * columns + column] = weight.data[from + row] ?? 0;
  }
  return taken;
}

/** Our weights from the parts of others, each asked for once, in order. @param load - a part [out, in] */
export async function assembleWeights(
  options: LlamaOptions,
  load: (part: LlamaPart) => Promise<Float32Array> | Float32Array,
): Promise<Weights> {
  const weights = new Map<string, TensorOf<'float32'>>();
  for (const part of llamaParts(options)) {
    const { parameter, parameterShape, shape, firstColumn } = part;
    const data = await load(part);
    if (firstColumn === null) {
      weights.set(parameter, createTensor('float32', parameterShape, data));
      continue;
    }
    const elements = parameterShape.reduce((product, size) => product * size, 1);
    const weight = weights.get(parameter) ?? createTensor('float32', parameterShape, new Float32Array(elements));
    weights.set(parameter, weight);
    const [rows = 0, columns = 0] = shape;
    const stride = parameterShape[1] ?? 0;
    for (let column = 0; column < columns; column++) {
      const to = column * stride + firstColumn;
      for (let row = 0; row < rows; row++) weight.data[to + row] = data[row * columns + column] ?? 0;
    }
  }
  return weights;
}

/**
 * Rows of queries and keys from our order, halves, to llama.cpp's, neighbours, or back; other parts as they are.
 * @param matrix - as the part's shape, or its rows with other columns
 */
export function reorderRows(
  matrix: Float32Array,
  { turnedHeads, shape }: LlamaPart,
  direction: 'toNeighbours' | 'toHalves',
): Float32Array {
  if (turnedHeads === null) return matrix;
  const rows = shape[0] ?? 0;
  const columns = matrix.length / rows;
  const half = rows / turnedHeads / 2;
  const reordered = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % (2 * half);
    const neighbour = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    const [from, to] = direction === 'toNeighbours' ? [row, neighbour] : [neighbour, row];
    reordered.set(matrix.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return reordered;
}
