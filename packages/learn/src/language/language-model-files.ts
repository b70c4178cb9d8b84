// A trained language model as files: weights that other tools read, tokenizer, graphs for serving, and the course of its
// training. Where they are written is for others.
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import { createGguf } from '../gguf/index.ts';
import { gptSteps, llamaSteps, type StepwiseDecoder } from '../layers/index.ts';
import { type Weights, writeSafetensors } from '../train/index.ts';
import type { LanguageArchitecture } from './architecture.ts';
import type { TrainedLanguageModel } from './language-options.ts';
import { llamaToGguf, type LlamaQuantization } from './llama-gguf.ts';
import { llamaParts, llamaSizes, takePart } from './llama-weights.ts';
import { lossCurveSvg } from './loss-curve.ts';
import { exportStepModel } from './step-export.ts';

export interface LanguageModelFileOptions {
  /** What the model is called inside its files. */
  readonly name: string;
  /** How the GGUF file holds matrices; default F16: half the size, and no difference that could be heard. */
  readonly quantization?: LlamaQuantization;
}

/**
 * The files by name: `model.safetensors` and `config.json` (a Llama under Hugging Face's names, a GPT under ours),
 * `tokenizer.json`, `step.onnx` and `prompt.onnx` (with caches of keys and values), `training.json` and `loss.svg`; of a
 * Llama `model.gguf` where llama.cpp has a tokenizer like its own.
 */
export async function languageModelFiles(
  trained: TrainedLanguageModel,
  { name, quantization = 'F16' }: LanguageModelFileOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { model, tokenizer, architecture, endId } = trained;
  const { weights } = model;
  const { step, prompt } = exportStepModel({ decoder: stepsOf(architecture), weights });
  const { facts, curve, validation, samples, stoppedEarly } = trained;
  const course = { facts, curve, step: trained.step, stoppedEarly, validation, samples };
  const endToken = tokenizer.idToToken(endId) ?? '';
  return new Map([
    ['model.safetensors', safetensorsOf(architecture, weights)],
    ['config.json', jsonBytes(configOf(architecture, { endId, name }))],
    ['tokenizer.json', jsonBytes(tokenizer.toJson())],
    ['tokenizer_config.json', jsonBytes({ tokenizer_class: 'PreTrainedTokenizerFast', eos_token: endToken })],
    ['step.onnx', step],
    ...(prompt === null ? [] : [['prompt.onnx', prompt] as const]),
    ...(await ggufFile(trained, { name, quantization })),
    ['training.json', jsonBytes(course)],
    ['loss.svg', new TextEncoder().encode(lossCurveSvg(curve, `${name}: loss by step`))],
  ]);
}

function stepsOf({ name, ...sizes }: LanguageArchitecture): StepwiseDecoder {
  return name === 'gpt' ? gptSteps(sizes) : llamaSteps(sizes);
}

async function ggufFile(
  { architecture, model: { weights }, tokenizer, endId }: TrainedLanguageModel,
  { name, quantization }: Required<LanguageModelFileOptions>,
): Promise<readonly (readonly [string, Uint8Array])[]> {
  if (architecture.name !== 'llama') return [];
  try {
    // Texts begin behind the token that ends the one before.
    const specialTokens = { start: endId, end: endId, addsStart: true, addsEnd: false };
    const contents = llamaToGguf({ options: architecture, weights }, { tokenizer, specialTokens, quantization, name });
    return [['model.gguf', await createGguf(contents)]];
  } catch (error) {
    if (error instanceof AmaasError && error.reason === 'INVALID_MODEL') return [];
    throw error;
  }
}

function safetensorsOf(architecture: LanguageArchitecture, weights: Weights): Uint8Array {
  const tensors =
    architecture.name === 'gpt'
      ? weights
      : new Map<string, TensorOf<'float32'>>(
          llamaParts(architecture).map((part) => [
            `${part.huggingFace}.weight`,
            createTensor('float32', part.shape, takePart(weights, part)),
          ]),
        );
  return writeSafetensors({ tensors, metadata: new Map([['format', 'pt']]) });
}

function configOf(architecture: LanguageArchitecture, { endId, name }: { endId: number; name: string }): object {
  if (architecture.name === 'gpt') return { ...architecture, endId };
  const { vocabularySize, layers, heads, keyValueHeads, width, innerWidth, tied } = llamaSizes(architecture);
  const { rotary, epsilon = 1e-5, blockSize } = architecture;
  return {
    _name_or_path: name,
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabularySize,
    hidden_size: width,
    intermediate_size: innerWidth,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    max_position_embeddings: blockSize,
    rms_norm_eps: epsilon,
    rope_theta: (typeof rotary === 'object' ? rotary.base : undefined) ?? 10_000,
    tie_word_embeddings: tied,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: endId,
    eos_token_id: endId,
    torch_dtype: 'float32',
  };
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
