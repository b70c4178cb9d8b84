// Llamas from and to Hugging Face's files: config.json and safetensors. What our network does not do is refused by the name
// of the setting or tensor that asks for it.
// Source: transformers, configuration_llama.py (settings and their defaults) and modeling_llama.py (names of tensors).
import {
  AmaasError,
  bfloat16BitsFromNumber,
  createTensor,
  float16BitsFromNumber,
  numberFromBfloat16Bits,
  numberFromFloat16Bits,
  type Tensor,
} from '@amaas/core';
import type { LlamaOptions } from '../layers/index.ts';
import { readTokenizer } from '../tokenize/index.ts';
import { readSafetensors, writeSafetensors } from '../train/index.ts';
import type { LoadedLlama } from './llama-gguf.ts';
import { assembleWeights, assertParts, type LlamaModel, llamaParts, llamaSizes, takePart } from './llama-weights.ts';
import type { SpecialTokens } from './tokenizer-from-gguf.ts';
import { findSpecialTokens } from './tokenizer-to-gguf.ts';

export interface LlamaFiles {
  /** config.json, parsed. */
  readonly config: unknown;
  /** The safetensors files, one or all of its shards. */
  readonly files: readonly Uint8Array[];
  /** tokenizer.json, parsed or as text. */
  readonly tokenizer?: unknown;
  /** As tokenizer_config.json or chat_template.jinja has it. */
  readonly chatTemplate?: string;
}

/** The numbers of a file. */
export type LlamaNumbers = 'float32' | 'float16' | 'bfloat16';

/**
 * @throws INVALID_MODEL for files of another architecture, or with what the network does not have (scaled rotations, biases,
 *   …); UNSUPPORTED_TENSOR for numbers that are not floats
 */
export async function llamaFromSafetensors({
  config,
  files,
  tokenizer,
  chatTemplate,
}: LlamaFiles): Promise<LoadedLlama> {
  const settings = new Settings(config);
  const options = readOptions(settings);
  const tensors = new Map(files.flatMap((bytes) => [...readSafetensors(bytes).tensors]));
  assertParts(options, tensors, ({ huggingFace }) => `${huggingFace}.weight`);
  const names = new Set(llamaParts(options).map(({ huggingFace }) => `${huggingFace}.weight`));
  const more = [...tensors.keys()].find((name) => !names.has(name) && !isLeftOver(name, options));
  if (more !== undefined) throw invalid(`tensor ${JSON.stringify(more)} is nothing that the network llama has`);
  const read = tokenizer === undefined ? null : readTokenizer(tokenizer);
  const around = read === null ? NOTHING_AROUND : findSpecialTokens(read);
  return {
    options,
    weights: await assembleWeights(options, ({ huggingFace }) => {
      const name = `${huggingFace}.weight`;
      const tensor = tensors.get(name);
      if (tensor === undefined) throw invalid(`tensor ${name} is missing`);
      return toFloats(name, tensor);
    }),
    tokenizer: read,
    chatTemplate: chatTemplate ?? null,
    metadata: new Map(),
    specialTokens: {
      ...around,
      start: settings.id('bos_token_id') ?? around.start,
      end: settings.id('eos_token_id') ?? around.end,
    },
  };
}

const NOTHING_AROUND: SpecialTokens = { start: null, end: null, addsStart: false, addsEnd: false };

/** What older files hold without need. */
function isLeftOver(name: string, { tied }: LlamaOptions): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (tied === true && name === 'lm_head.weight');
}

function readOptions(settings: Settings): LlamaOptions {
  settings.expect('model_type', ['llama'], null);
  settings.expect('hidden_act', ['silu', 'swish'], 'silu');
  for (const name of ['attention_bias', 'mlp_bias']) settings.expect(name, [false], false);
  const width = settings.count('hidden_size', 4096);
  const heads = settings.count('num_attention_heads', 32);
  settings.expect('head_dim', [width / heads, null], null);
  const scaling = settings.inside('rope_scaling');
  const rotation = settings.inside('rope_parameters');
  for (const part of [scaling, rotation]) {
    part.expect('rope_type', ['default'], 'default');
    part.expect('type', ['default'], 'default');
    part.expect('partial_rotary_factor', [1], 1);
  }
  return {
    vocabularySize: settings.count('vocab_size', 32_000),
    blockSize: settings.count('max_position_embeddings', 2048),
    layers: settings.count('num_hidden_layers', 32),
    heads,
    keyValueHeads: settings.count('num_key_value_heads', heads),
    width,
    innerWidth: settings.count('intermediate_size', 11_008),
    rotary: { base: rotation.number('rope_theta', settings.number('rope_theta', 10_000)) },
    epsilon: settings.number('rms_norm_eps', 1e-6),
    tied: settings.expect('tie_word_embeddings', [true, false], false) === true,
  };
}

/** Settings by name; null and absent are the same. */
class Settings {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #path: string;

  constructor(values: unknown, path = '') {
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw invalid(`config.json${path === '' ? '' : `: ${path}`} expects an object, got ${JSON.stringify(values)}`);
    }
    this.#values = new Map(Object.entries(values));
    this.#path = path;
  }

  inside(name: string): Settings {
    return new Settings(this.#values.get(name) ?? {}, `${name}.`);
  }

  number(name: string, fallback: number): number {
    const value = this.#values.get(name) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw this.#refuse(name, 'a number above 0');
  }

  count(name: string, fallback: number): number {
    const value = this.number(name, fallback);
    if (Number.isSafeInteger(value)) return value;
    throw this.#refuse(name, 'a whole number');
  }

  /** The id of a token, of several the first. */
  id(name: string): number | null {
    const given = this.#values.get(name);
    const value: unknown = Array.isArray(given) ? given[0] : given;
    if (value === undefined || value === null) return null;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#refuse(name, 'the id of a token');
  }

  /** One of the values with which the network is as it is. */
  expect(name: string, allowed: readonly unknown[], fallback: unknown): unknown {
    const value = this.#values.get(name) ?? fallback;
    if (allowed.includes(value)) return value;
    throw this.#refuse(name, allowed.map((each) => JSON.stringify(each)).join(' or '));
  }

  #refuse(name: string, expected: string): AmaasError {
    const came = JSON.stringify(this.#values.get(name)) ?? 'nothing';
    return invalid(`config.json: ${this.#path}${name} expects ${expected}, got ${came.slice(0, 60)}`);
  }
}

/** @throws UNSUPPORTED_TENSOR for numbers that are not floats */
export function toFloats(name: string, tensor: Tensor): Float32Array<ArrayBuffer> {
  switch (tensor.dtype) {
    case 'float32':
    case 'float64':
      return new Float32Array(tensor.data);
    case 'float16':
    case 'bfloat16': {
      const numberOf = tensor.dtype === 'float16' ? numberFromFloat16Bits : numberFromBfloat16Bits;
      const values = new Float32Array(tensor.data.length);
      for (let k = 0; k < values.length; k++) values[k] = numberOf(tensor.data[k] ?? 0);
      return values;
    }
    default:
      throw new AmaasError('UNSUPPORTED_TENSOR', `llama: tensor ${name} expects floats, got ${tensor.dtype}`);
  }
}

export interface LlamaToSafetensorsOptions {
  /** Default `float32`. */
  readonly numbers?: LlamaNumbers;
  /** Told in the configuration. */
  readonly specialTokens?: Pick<SpecialTokens, 'start' | 'end'>;
}

export interface LlamaAsSafetensors {
  /** config.json, for JSON.stringify. */
  readonly config: Readonly<Record<string, unknown>>;
  /** model.safetensors. */
  readonly bytes: Uint8Array;
}

/** @throws INVALID_CHECKPOINT when weights are missing */
export function llamaToSafetensors(model: LlamaModel, given: LlamaToSafetensorsOptions = {}): LlamaAsSafetensors {
  const { numbers = 'float32', specialTokens } = given;
  const { options, weights } = model;
  const tensors = new Map(
    llamaParts(options).map((part) => [
      `${part.huggingFace}.weight`,
      fromFloats(numbers, part.shape, takePart(weights, part)),
    ]),
  );
  const { vocabularySize, layers, heads, keyValueHeads, width, innerWidth, tied } = llamaSizes(options);
  const base = typeof options.rotary === 'object' ? (options.rotary.base ?? 10_000) : 10_000;
  return {
    bytes: writeSafetensors({ tensors, metadata: new Map([['format', 'pt']]) }),
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: vocabularySize,
      hidden_size: width,
      intermediate_size: innerWidth,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      head_dim: width / heads,
      max_position_embeddings: options.blockSize,
      rms_norm_eps: options.epsilon ?? 1e-5,
      // Older and newer readers look in different places.
      ...{ rope_theta: base, rope_parameters: { rope_theta: base, rope_type: 'default' } },
      tie_word_embeddings: tied,
      ...{ hidden_act: 'silu', attention_bias: false, mlp_bias: false },
      bos_token_id: specialTokens?.start ?? null,
      eos_token_id: specialTokens?.end ?? null,
      torch_dtype: numbers,
    },
  };
}

/** As the numbers of a file. */
export function fromFloats(numbers: LlamaNumbers, shape: readonly number[], values: Float32Array): Tensor {
  if (numbers === 'float32') return createTensor('float32', shape, new Float32Array(values));
  const bitsOf = numbers === 'float16' ? float16BitsFromNumber : bfloat16BitsFromNumber;
  const bits = new Uint16Array(values.length);
  for (let k = 0; k < bits.length; k++) bits[k] = bitsOf(values[k] ?? 0);
  return createTensor(numbers, shape, bits);
}

function invalid(what: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `llama: ${what}`);
}
