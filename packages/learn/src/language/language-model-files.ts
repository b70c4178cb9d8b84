// A trained language model as files: weights that other tools read, tokenizer, graphs for serving, and the course of its
// training. Where they are written is for others.
import { AmaasError } from '@amaas/core';
import { createGguf } from '../gguf/index.ts';
import { gptSteps, llamaSteps, type StepwiseDecoder } from '../layers/index.ts';
import { writeSafetensors } from '../train/index.ts';
import type { LanguageArchitecture } from './architecture.ts';
import type { TrainedLanguageModel } from './language-options.ts';
import { llamaToGguf, type LlamaQuantization } from './llama-gguf.ts';
import { llamaToSafetensors } from './llama-safetensors.ts';
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
    ...networkFiles(trained),
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

/** Weights and configuration, by the names that readers of such models look for. */
function networkFiles({
  model: { weights },
  architecture,
  endId,
}: TrainedLanguageModel): readonly (readonly [string, Uint8Array])[] {
  if (architecture.name === 'gpt') {
    return [
      ['model.safetensors', writeSafetensors({ tensors: weights, metadata: new Map([['format', 'pt']]) })],
      ['config.json', jsonBytes({ ...architecture, endId })],
    ];
  }
  const specialTokens = { start: endId, end: endId };
  const { bytes, config } = llamaToSafetensors({ options: architecture, weights }, { specialTokens });
  return [
    ['model.safetensors', bytes],
    ['config.json', jsonBytes(config)],
  ];
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
