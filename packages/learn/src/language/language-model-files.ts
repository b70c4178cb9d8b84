// A trained language model as files: weights that other tools read, tokenizer, graphs for serving, and the course of its
// training. Where they are written is for others.
import { AmaasError, type Manifest } from '@amaas/core';
import { createGguf, type GgufContents } from '../gguf/index.ts';
import { gptSteps, llamaSteps, type StepwiseDecoder } from '../layers/index.ts';
import { writeSafetensors } from '../train/index.ts';
import type { LanguageArchitecture } from './architecture.ts';
import type { TrainedLanguageModel } from './language-options.ts';
import { llamaToGguf, type LlamaQuantization } from './llama-gguf.ts';
import { llamaToSafetensors } from './llama-safetensors.ts';
import { lossCurveSvg } from './loss-curve.ts';
import { exportGenerator } from './generation-export.ts';
import { exportStepModel, IDS_INPUT } from './step-export.ts';

export interface LanguageModelFileOptions {
  /** What the model is called inside its files. */
  readonly name: string;
  /** How the GGUF file holds matrices; default F16: half the size, and no difference that could be heard. */
  readonly quantization?: LlamaQuantization;
}

/**
 * The files by name: `model.onnx`, which writes whole texts, the likeliest token each time, with the manifest by which a
 * server takes and gives texts (`amaas.json`, `example.json`); `model.safetensors` and `config.json` (a Llama under Hugging
 * Face's names, a GPT under ours), `tokenizer.json`, `step.onnx` and `prompt.onnx` (with caches of keys and values),
 * `training.json` and `loss.svg`; of a Llama `model.gguf` where llama.cpp has a tokenizer like its own.
 */
export async function languageModelFiles(
  trained: TrainedLanguageModel,
  { name, quantization = 'F16' }: LanguageModelFileOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { model, tokenizer, architecture, endId } = trained;
  const { weights } = model;
  const parts = { decoder: stepsOf(architecture), weights };
  const { step, prompt } = exportStepModel(parts);
  const { facts, curve, validation, samples, stoppedEarly } = trained;
  const course = { facts, curve, step: trained.step, stoppedEarly, validation, samples };
  const endToken = tokenizer.idToToken(endId) ?? '';
  const { blockSize } = architecture;
  // A quarter of what the network sees at once for what is given, the rest for what it writes; at least one token each.
  const promptTokens = Math.max(1, Math.floor(blockSize / 4));
  const maxTokens = Math.max(1, blockSize - promptTokens);
  return new Map([
    ['model.onnx', exportGenerator(parts, { maxTokens, endTokens: [endId], padding: endId })],
    ['amaas.json', jsonBytes(manifestOf(promptTokens))],
    [EXAMPLE_FILE, jsonBytes(exampleRequest(samples[0]?.prompt ?? ''))],
    ...networkFiles(trained),
    [TOKENIZER_FILE, jsonBytes(servedTokenizer(trained))],
    ['tokenizer_config.json', jsonBytes({ tokenizer_class: 'PreTrainedTokenizerFast', eos_token: endToken })],
    ['step.onnx', step],
    ...(prompt === null ? [] : [['prompt.onnx', prompt] as const]),
    ...(await ggufFile(trained, { name, quantization })),
    ['training.json', jsonBytes(course)],
    ['loss.svg', new TextEncoder().encode(lossCurveSvg(curve, `${name}: loss by step`))],
  ]);
}

const TOKENIZER_FILE = 'tokenizer.json';
const EXAMPLE_FILE = 'example.json';

function manifestOf(promptTokens: number): Manifest {
  return {
    task: 'text-generation',
    preprocess: {
      [IDS_INPUT]: {
        ...{ kind: 'tokens', tokenizer: TOKENIZER_FILE, maxTokens: promptTokens },
        // What a text ends with tells most of how it goes on.
        ...{ length: 'exact', truncate: 'start' },
      },
    },
    postprocess: { tokens: { kind: 'text', tokenizer: TOKENIZER_FILE } },
    example: EXAMPLE_FILE,
  };
}

/** A request of the Open Inference Protocol, plain JSON. */
function exampleRequest(prompt: string): object {
  return { inputs: [{ name: IDS_INPUT, shape: [1], datatype: 'BYTES', data: [prompt] }] };
}

/** With the token in front of every text that texts were learned behind, unless it puts tokens of its own around them. */
function servedTokenizer({ tokenizer, endId }: TrainedLanguageModel): unknown {
  const document = tokenizer.toJson();
  const token = tokenizer.idToToken(endId);
  const isPlain = tokenizer.encode('', { truncation: null, padding: null }).ids.length === 0;
  if (!isPlain || token === null || typeof document !== 'object' || document === null) return document;
  const given = 'post_processor' in document ? document.post_processor : null;
  const begin = { SpecialToken: { id: token, type_id: 0 } };
  const template = {
    type: 'TemplateProcessing',
    single: [begin, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [begin, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [endId], tokens: [token] } },
  };
  const processors = given === null || given === undefined ? [template] : [given, template];
  return { ...document, post_processor: { type: 'Sequence', processors } };
}

function stepsOf({ name, ...sizes }: LanguageArchitecture): StepwiseDecoder {
  return name === 'gpt' ? gptSteps(sizes) : llamaSteps(sizes);
}

async function ggufFile(
  trained: TrainedLanguageModel,
  options: Required<LanguageModelFileOptions>,
): Promise<readonly (readonly [string, Uint8Array])[]> {
  const contents = ggufContents(trained, options);
  return contents === null ? [] : [['model.gguf', await createGguf(contents)]];
}

/** Null where llama.cpp has no such network or tokenizer. */
function ggufContents(
  { architecture, model: { weights }, tokenizer, endId }: TrainedLanguageModel,
  { name, quantization }: Required<LanguageModelFileOptions>,
): GgufContents | null {
  if (architecture.name !== 'llama') return null;
  // Texts begin behind the token that ends the one before.
  const specialTokens = { start: endId, end: endId, addsStart: true, addsEnd: false };
  try {
    return llamaToGguf({ options: architecture, weights }, { tokenizer, specialTokens, quantization, name });
  } catch (error) {
    if (error instanceof AmaasError && error.reason === 'INVALID_MODEL') return null;
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
