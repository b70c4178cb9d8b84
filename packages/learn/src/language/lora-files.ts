// Thin kernels as files of their own: adapters that llama.cpp applies to a GGUF model, and those of Hugging Face's PEFT.
// Both have `a` as [rank, in] and `b` as [out, rank], llama.cpp with the rows of queries and keys in its own order.
// Sources: llama.cpp, src/llama-adapter.cpp and convert_lora_to_gguf.py; peft, LoraConfig and its saved names.
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import {
  type GgufContents,
  type GgufFile,
  type GgufTensor,
  type GgufValue,
  ggufNumber,
  ggufText,
} from '../gguf/index.ts';
import type { LlamaOptions } from '../layers/index.ts';
import { readSafetensors, type Weights, writeSafetensors } from '../train/index.ts';
import { fromFloats, type LlamaNumbers, toFloats } from './llama-safetensors.ts';
import { LLAMA_KERNELS, type LlamaKernel, reorderRows } from './llama-weights.ts';
import { completeLora, type LoraModel, type LoraOptions, type LoraPart, loraParts, takeLora } from './lora.ts';

/** Thin kernels without the model they belong to. */
export interface LoadedLora {
  readonly lora: LoraOptions;
  /** To be put beside the model's own. */
  readonly weights: Weights;
}

/** The contents of an adapter for `createGguf`. @throws INVALID_CHECKPOINT when weights are missing */
export function loraToGguf({ options, lora, weights }: LoraModel, name = 'adapter'): GgufContents {
  const { rank, alpha, targets } = completeLora(lora);
  const text = (value: string): GgufValue => ({ type: 'string', value });
  const tensors = new Map<string, GgufTensor>();
  for (const part of loraParts(options, targets)) {
    const [rows = 0, columns = 0] = part.shape;
    const [a, b] = takeLora(weights, part, rank);
    const load = {
      a: () => transposed(a, columns, rank),
      b: () => reorderRows(transposed(b, rank, rows), part, 'toNeighbours'),
    };
    tensors.set(`${part.gguf}.weight.lora_a`, { type: 'F32', shape: [rank, columns], load: load.a });
    tensors.set(`${part.gguf}.weight.lora_b`, { type: 'F32', shape: [rows, rank], load: load.b });
  }
  return {
    metadata: new Map<string, GgufValue>([
      ['general.architecture', text('llama')],
      ['general.type', text('adapter')],
      ['general.name', text(name)],
      ['adapter.type', text('lora')],
      ['adapter.lora.alpha', { type: 'float32', value: alpha }],
    ]),
    tensors,
  };
}

/**
 * @param options - of the Llama it belongs to
 * @throws INVALID_MODEL for files that are no adapter of such a Llama; UNSUPPORTED_TENSOR
 */
export async function loraFromGguf(file: GgufFile, options: LlamaOptions): Promise<LoadedLora> {
  for (const [key, expected] of [
    ['general.type', 'adapter'],
    ['general.architecture', 'llama'],
    ['adapter.type', 'lora'],
  ] as const) {
    const found = ggufText(file.metadata, key);
    if (found !== expected) throw invalid(`${key} expects "${expected}", got ${JSON.stringify(found)}`);
  }
  const names = [...file.tensors.keys()];
  return await assemble(options, {
    names,
    nameOf: (part, side) => `${part.gguf}.weight.lora_${side}`,
    alpha: ggufNumber(file.metadata, 'adapter.lora.alpha') ?? 0,
    async load(part, side) {
      const tensor = await file.loadTensor(`${part.gguf}.weight.lora_${side}`);
      return side === 'a' ? tensor : { ...tensor, data: reorderRows(tensor.data, part, 'toHalves') };
    },
  });
}

export interface LoraAsPeft {
  /** adapter_config.json, for JSON.stringify. */
  readonly config: Readonly<Record<string, unknown>>;
  /** adapter_model.safetensors. */
  readonly bytes: Uint8Array;
}

const PEFT_NAMES: Readonly<Record<LlamaKernel, string>> = {
  ...{ q: 'q_proj', k: 'k_proj', v: 'v_proj', o: 'o_proj' },
  ...{ gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
};

/** @throws INVALID_CHECKPOINT when weights are missing */
export function loraToPeft({ options, lora, weights }: LoraModel, numbers: LlamaNumbers = 'float32'): LoraAsPeft {
  const { rank, alpha, dropout, targets } = completeLora(lora);
  const tensors = new Map(
    loraParts(options, targets).flatMap((part) => {
      const [rows = 0, columns = 0] = part.shape;
      const [a, b] = takeLora(weights, part, rank);
      return [
        [peftName(part, 'a'), fromFloats(numbers, [rank, columns], transposed(a, columns, rank))],
        [peftName(part, 'b'), fromFloats(numbers, [rows, rank], transposed(b, rank, rows))],
      ] as const;
    }),
  );
  return {
    bytes: writeSafetensors({ tensors, metadata: new Map([['format', 'pt']]) }),
    config: {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: null,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout,
      target_modules: targets.map((target) => PEFT_NAMES[target]),
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      use_rslora: false,
      use_dora: false,
    },
  };
}

function peftName({ huggingFace }: LoraPart, side: 'a' | 'b'): string {
  return `base_model.model.${huggingFace}.lora_${side.toUpperCase()}.weight`;
}

/** Settings with which an adapter is more than thin kernels beside others. */
const REFUSED_SETTINGS = ['use_dora', 'use_rslora', 'fan_in_fan_out', 'lora_bias', 'modules_to_save', 'rank_pattern'];
const MORE_REFUSED = ['alpha_pattern', 'layer_replication', 'use_qalora', 'use_bdlora', 'trainable_token_indices'];

/**
 * @param config - adapter_config.json, parsed @param options - of the Llama it belongs to
 * @throws INVALID_MODEL for adapters of other kinds and models; UNSUPPORTED_TENSOR
 */
export async function loraFromPeft(
  { config, bytes }: { readonly config: unknown; readonly bytes: Uint8Array },
  options: LlamaOptions,
): Promise<LoadedLora> {
  const settings = new Map(Object.entries(typeof config === 'object' && config !== null ? config : {}));
  if (settings.get('peft_type') !== 'LORA') {
    throw invalid(`adapter_config.json: peft_type expects "LORA", got ${JSON.stringify(settings.get('peft_type'))}`);
  }
  for (const name of [...REFUSED_SETTINGS, ...MORE_REFUSED]) {
    const value = settings.get(name);
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (value === undefined || value === null || value === false || isEmpty) continue;
    throw invalid(`adapter_config.json: ${name} is ${JSON.stringify(value).slice(0, 60)}, which is not known here`);
  }
  const alpha = settings.get('lora_alpha');
  const dropout = settings.get('lora_dropout');
  const { tensors } = readSafetensors(bytes);
  const loaded = await assemble(options, {
    names: [...tensors.keys()],
    nameOf: peftName,
    alpha: typeof alpha === 'number' ? alpha : 0,
    load(part, side) {
      const tensor = tensors.get(peftName(part, side));
      if (tensor === undefined) throw invalid(`tensor ${peftName(part, side)} is missing`);
      return createTensor('float32', tensor.shape, toFloats(peftName(part, side), tensor));
    },
  });
  return { ...loaded, lora: { ...loaded.lora, ...(typeof dropout === 'number' ? { dropout } : {}) } };
}

interface AdapterFile {
  readonly names: readonly string[];
  readonly nameOf: (part: LoraPart, side: 'a' | 'b') => string;
  readonly alpha: number;
  readonly load: (part: LoraPart, side: 'a' | 'b') => Promise<TensorOf<'float32'>> | TensorOf<'float32'>;
}

/** What a file has tensors of is what it adapts, in every block alike. */
async function assemble(options: LlamaOptions, { names, nameOf, alpha, load }: AdapterFile): Promise<LoadedLora> {
  const left = new Set(names);
  const targets = LLAMA_KERNELS.filter((kernel) =>
    loraParts(options, [kernel]).some((part) => left.has(nameOf(part, 'a')) || left.has(nameOf(part, 'b'))),
  );
  const parts = loraParts(options, targets);
  const [firstPart] = parts;
  if (firstPart === undefined) throw invalid('the adapter has no tensor of a kernel that the network llama has');
  const weights = new Map<string, TensorOf<'float32'>>();
  let rank: number | null = null;
  for (const part of parts) {
    const [rows = 0, columns = 0] = part.shape;
    for (const side of ['a', 'b'] as const) {
      const name = nameOf(part, side);
      if (!left.delete(name)) throw invalid(`tensor ${name} is missing`);
      const { shape, data } = await load(part, side);
      rank ??= shape[side === 'a' ? 0 : 1] ?? 0;
      const expected = side === 'a' ? [rank, columns] : [rows, rank];
      if (shape.join() !== expected.join()) throw invalid(`tensor ${name} expects [${expected}], got [${shape}]`);
      const [height = 0, width = 0] = expected;
      weights.set(part[side], createTensor('float32', [width, height], transposed(data, height, width)));
    }
  }
  const [more] = left;
  if (more !== undefined) throw invalid(`tensor ${JSON.stringify(more)} is of no kernel that the network llama has`);
  if (!(alpha > 0)) throw invalid(`the adapter's alpha expects a number above 0, got ${alpha}`);
  return { lora: { rank: rank ?? 0, alpha, targets }, weights };
}

/** [rows, columns] → [columns, rows] */
function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = matrix[row * columns + column] ?? 0;
    }
  }
  return turned;
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `lora: ${what}`);
}
