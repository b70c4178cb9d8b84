// What a job `fine-tune` is given and what it leaves: the model as the file that is served, its adapter, what was measured.
import { join } from 'node:path';
import type { LanguageManifest } from '@amaas/core';
import { createGguf, type GgufFile } from '@amaas/learn/gguf';
import { type FineTuned, type LlamaQuantization, llamaToGguf, loraToGguf, loraToPeft } from '@amaas/learn/language';
import type { Hyperparameters } from '@amaas/protocols/fine-tuning';
import { type FineTuningPlan, type FineTuningPaths, loadJson, type MeasuredEpoch } from './folder.ts';
import { replaceFile } from '../artifacts/index.ts';

/** What `begin` gives. */
export interface FineTuningInputs {
  readonly folder: string;
  readonly modelPath: string;
  /** Name and version of the base, `chat@3`. */
  readonly label: string;
  readonly language: LanguageManifest;
  readonly chatTemplate: string | null;
  readonly training: string;
  /** Null: there is none. */
  readonly validation: string | null;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
}

/** What `finish` is given; files lie in the job's directory. */
export interface FineTuningOutcome {
  readonly metrics: Readonly<Record<string, number>>;
  readonly trainedTokens: number;
  readonly plan: FineTuningPlan;
  readonly quantization: string;
}

/** Files of the run, and what they are; all but the first only of thin kernels. */
export const FINE_TUNING_FILES = [
  ['metrics.csv', 'text/csv'],
  ['adapter.gguf', 'application/octet-stream'],
  ['adapter_model.safetensors', 'application/octet-stream'],
  ['adapter_config.json', 'application/json'],
] as const;

export const TUNED_MODEL_FILE = 'model.gguf';

export interface FineTuningResults {
  readonly gguf: GgufFile;
  readonly tuned: FineTuned;
  readonly quantization: LlamaQuantization;
  readonly paths: FineTuningPaths;
}

/** Values of the base's metadata that are not true of the new file, or that are written anew. */
const OF_THE_FILE = ['general.file_type', 'general.quantization_version', 'general.alignment'];

/** @returns the last epoch's measurements */
export async function writeResults(
  directory: string,
  results: FineTuningResults,
): Promise<Readonly<Record<string, number>>> {
  const { gguf, tuned, quantization, paths } = results;
  const { model, adapter } = tuned;
  // The vocabulary and the chat template go over as they are, key by key.
  const metadata = new Map([...gguf.metadata].filter(([key]) => !OF_THE_FILE.includes(key)));
  const merged = createGguf(llamaToGguf(model, { quantization, metadata }));
  await replaceFile(join(directory, TUNED_MODEL_FILE), merged);
  if (adapter !== null) {
    const peft = loraToPeft(adapter);
    const config = new TextEncoder().encode(JSON.stringify(peft.config, null, 2));
    await replaceFile(join(directory, 'adapter.gguf'), createGguf(loraToGguf(adapter)));
    await replaceFile(join(directory, 'adapter_model.safetensors'), peft.bytes);
    await replaceFile(join(directory, 'adapter_config.json'), config);
  }
  const measured = (await loadJson<readonly MeasuredEpoch[]>(paths.epochs)) ?? [];
  await replaceFile(join(directory, 'metrics.csv'), new TextEncoder().encode(metricsCsv(measured)));
  const last = measured.at(-1);
  const { validationLoss = null, validationAccuracy = null } = last ?? {};
  return {
    ...(last === undefined ? {} : { train_loss: last.loss, train_mean_token_accuracy: last.accuracy }),
    ...(validationLoss === null ? {} : { full_valid_loss: validationLoss }),
    ...(validationAccuracy === null ? {} : { full_valid_mean_token_accuracy: validationAccuracy }),
  };
}

function metricsCsv(epochs: readonly MeasuredEpoch[]): string {
  const rows = epochs.map(({ step, loss, accuracy, validationLoss, validationAccuracy }) =>
    [step, loss, accuracy, validationLoss ?? '', validationAccuracy ?? ''].join(','),
  );
  return ['step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy', ...rows, ''].join('\n');
}

/** As most of the base's weights are stored; those of kinds that are only read become the nearest one that is written. */
export function quantizationOf(quantization: string | null): LlamaQuantization {
  switch (quantization) {
    case 'F32':
    case 'F16':
    case 'Q8_0':
    case 'Q4_0':
      return quantization;
    case 'BF16':
      return 'F16';
    default:
      return 'Q8_0';
  }
}
