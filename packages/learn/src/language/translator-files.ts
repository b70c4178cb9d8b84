// A trained translator as files: one ONNX graph from ids to ids with the search inside, the tokenizer and the manifest by which
// a server takes and gives texts, the weights, and the course of the training. Where they are written is for others.
import type { Manifest } from '@amaas/core';
import { writeSafetensors } from '../train/index.ts';
import { exportGenerator } from './generation-export.ts';
import type { TrainedTranslator } from './translation-options.ts';
import { translationTokens } from './translation-tokenizer.ts';
import type { TranslatorParts } from './translator.ts';
import { createTranslatorSteps } from './translator-architecture.ts';

export interface TranslatorExportOptions {
  /** Ids of a translation at most, its end included. */
  readonly maxTokens: number;
  /** Ids of a source at most; default 1024. */
  readonly maxSourceTokens?: number;
  /** Translations gone on with, ≥ 1; 1 takes the likeliest token each time. Default 4. */
  readonly beams?: number;
  /** Exponent of the length that log-probabilities are divided by; default 1. */
  readonly lengthPenalty?: number;
}

/** The graph's input and its output that are texts to a server. */
export const TRANSLATOR_INPUT = 'source';
export const TRANSLATOR_OUTPUT = 'tokens';

/**
 * The graph: `source` int64 [N, S], ends and padding as the tokenizer has them → `tokens` int64 [N, T] without end tokens,
 * padded; `lengths` int64 [N]; `log probabilities` and with beams `scores` float32 [N].
 * @throws INVALID_ARGUMENT for options out of range; INVALID_CHECKPOINT when weights are missing
 */
export function exportTranslator(
  { architecture, weights, tokenizer }: TranslatorParts,
  { maxTokens, maxSourceTokens = 1024, beams = 4, lengthPenalty = 1 }: TranslatorExportOptions,
): Uint8Array {
  const { padding, begin, end } = translationTokens(tokenizer);
  return exportGenerator(
    { decoder: createTranslatorSteps(architecture, Math.max(maxTokens, maxSourceTokens)), weights },
    {
      ...{ maxTokens, endTokens: [end], startToken: begin, padding },
      ...(beams === 1 ? {} : { beams, lengthPenalty }),
    },
  );
}

/**
 * The files by name: `model.onnx`, `tokenizer.json`, `amaas.json`, `example.json`, `model.safetensors`, `config.json` and
 * `training.json`. By default sources of more ids than the longest trained on are refused by
 * servers, and translations have half as many more at most.
 * @throws as {@link exportTranslator}
 */
export function translatorFiles(
  trained: TrainedTranslator,
  options: Partial<TranslatorExportOptions> = {},
): ReadonlyMap<string, Uint8Array> {
  const { model, tokenizer, architecture, facts, history, epoch, stoppedEarly, scores } = trained;
  const { weights } = model;
  const longest = facts.lengths.at(-1) ?? 1;
  const { maxTokens = Math.ceil(1.5 * longest), maxSourceTokens = longest, ...search } = options;
  const course = {
    ...{ facts, history, epoch, stoppedEarly },
    scores: scores === null ? null : { ...scores, translations: scores.translations.slice(0, SHOWN_TRANSLATIONS) },
  };
  return new Map([
    ['model.onnx', exportTranslator({ architecture, weights, tokenizer }, { maxTokens, maxSourceTokens, ...search })],
    ['tokenizer.json', jsonBytes(tokenizer.toJson())],
    ['amaas.json', jsonBytes(manifestOf(maxSourceTokens, translationTokens(tokenizer).padding))],
    [EXAMPLE_FILE, jsonBytes(exampleRequest(scores?.translations[0]?.source ?? ''))],
    ['model.safetensors', writeSafetensors({ tensors: weights, metadata: new Map() })],
    ['config.json', jsonBytes(architecture)],
    ['training.json', jsonBytes(course)],
  ]);
}

const TOKENIZER_FILE = 'tokenizer.json';
const EXAMPLE_FILE = 'example.json';
const SHOWN_TRANSLATIONS = 20;

function manifestOf(maxTokens: number, padding: number): Manifest {
  return {
    task: 'translation',
    preprocess: {
      // Rows of one length, so that requests of different lengths run together; the encoder does not look at padding.
      [TRANSLATOR_INPUT]: {
        ...{ kind: 'tokens', tokenizer: TOKENIZER_FILE },
        ...{ maxTokens, length: 'fixed', padding },
      },
    },
    postprocess: { [TRANSLATOR_OUTPUT]: { kind: 'text', tokenizer: TOKENIZER_FILE } },
    example: EXAMPLE_FILE,
  };
}

/** A request of the Open Inference Protocol, plain JSON. */
function exampleRequest(source: string): object {
  return { inputs: [{ name: TRANSLATOR_INPUT, shape: [1], datatype: 'BYTES', data: [source] }] };
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
