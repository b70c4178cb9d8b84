// Models as Ollama lists and describes them. What is known comes in as plain facts.
import type { LanguageManifest, LanguageModelFile, ModelReference } from '@amaas/core';
import { formatOllamaModel } from './model-name.ts';

/** One version under one of its names. */
export interface OllamaModel {
  readonly reference: ModelReference;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly file: LanguageModelFile;
  readonly abilities: { readonly chat: boolean; readonly tools: boolean; readonly thinking: boolean };
}

/** One in memory. */
export interface OllamaRunningModel extends OllamaModel {
  readonly memoryBytes: number;
  /** When it leaves unless it is used; null: in use, or until it is pushed out. */
  readonly expiresAt: Date | null;
  readonly contextTokens: number | null;
}

/** As good as never; clients want a date, and show one this far off as "forever". */
const NEVER = '9999-12-31T23:59:59Z';

/** An entry of /api/tags. */
export function encodeListed(model: OllamaModel): object {
  return {
    ...head(model),
    modified_at: model.createdAt,
    size: model.sizeBytes,
    capabilities: capabilitiesOf(model),
  };
}

/** An entry of /api/ps. */
export function encodeRunning(model: OllamaRunningModel): object {
  return {
    ...head(model),
    size: model.memoryBytes,
    size_vram: 0,
    expires_at: model.expiresAt?.toISOString() ?? NEVER,
    ...(model.contextTokens === null ? {} : { context_length: model.contextTokens }),
  };
}

/** The reply of /api/show. */
export function encodeShown(
  model: OllamaModel & {
    readonly version: ModelReference;
    readonly manifest: LanguageManifest;
    readonly licence: string | null;
    readonly template: string | null;
  },
): object {
  const { file, manifest } = model;
  const parameters = parametersOf(manifest);
  return {
    ...(model.licence === null ? {} : { license: model.licence }),
    modelfile: [`FROM ${formatOllamaModel(model.version)}`, ...parameters.map((line) => `PARAMETER ${line}`), ''].join(
      '\n',
    ),
    ...(parameters.length === 0 ? {} : { parameters: parameters.join('\n') }),
    template: model.template ?? '',
    details: detailsOf(file),
    model_info: {
      'general.architecture': file.architecture,
      ...(file.name === null ? {} : { 'general.name': file.name }),
      'general.parameter_count': file.parameters,
      [`${file.architecture}.context_length`]: file.trainedContextTokens,
      [`${file.architecture}.embedding_length`]: file.embeddingSize,
      [`${file.architecture}.block_count`]: file.layers,
      [`${file.architecture}.vocab_size`]: file.vocabularySize,
    },
    capabilities: capabilitiesOf(model),
    modified_at: model.createdAt,
  };
}

function head({ reference, digest, file }: OllamaModel): object {
  const name = formatOllamaModel(reference);
  return { name, model: name, digest: digest.replace(/^sha256:/, ''), details: detailsOf(file) };
}

function detailsOf(file: LanguageModelFile): object {
  return {
    parent_model: '',
    format: 'gguf',
    family: file.architecture,
    families: [file.architecture],
    parameter_size: parameterSize(file.parameters),
    quantization_level: file.quantization ?? 'unknown',
  };
}

function capabilitiesOf({ file, abilities }: OllamaModel): readonly string[] {
  if (file.pooling === 'rank') return ['rerank']; // Ollama has no word for it
  if (file.pooling !== null) return ['embedding'];
  return ['completion', ...(abilities.tools ? ['tools'] : []), ...(abilities.thinking ? ['thinking'] : [])];
}

/** `15M`, `1.2B`: at most four characters of a number and its size. */
export function parameterSize(parameters: number): string {
  for (const [size, letter] of [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'K'],
  ] as const) {
    if (parameters < size * 0.9995) continue;
    const count = parameters / size;
    return `${count >= 10 ? Math.round(count) : Number(count.toFixed(1))}${letter}`;
  }
  return String(parameters);
}

function parametersOf({ sampling = {}, stop = [], maxTokens, contextTokens }: LanguageManifest): readonly string[] {
  const numbers: readonly (readonly [string, number | undefined])[] = [
    ['temperature', sampling.temperature],
    ['top_k', sampling.topK],
    ['top_p', sampling.topP],
    ['min_p', sampling.minP],
    ['repeat_penalty', sampling.repeatPenalty],
    ['num_predict', maxTokens],
    ['num_ctx', contextTokens],
  ];
  return [
    ...numbers.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])),
    ...stop.map((text) => `stop ${JSON.stringify(text)}`),
  ];
}
