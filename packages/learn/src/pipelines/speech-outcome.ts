// What is said about a trained recogniser of speech: its manifest and its report.
import type { Manifest } from '@amaas/core';
import { slicesByRange, slicesByValue } from '../evaluate/index.ts';
import type { EpochRecord, TrainedModel } from '../train/index.ts';
import type { SpeechParts, SpeechSummary } from './speech-data.ts';
import type { SpeechModelDescription } from './speech-description.ts';
import type { SpeechRows } from './speech-examples.ts';
import { evaluateSpeech, type HeardText, type SpeechReport } from './speech-report.ts';
import { lossCurves } from './table-outcome.ts';
import type { SpeechTrainingSettings, TrainSpeechOptions } from './speech-options.ts';

/** What lies beside the model. */
export function manifestFor({ sampleRateHz }: SpeechModelDescription): Manifest {
  return {
    schemaVersion: 1,
    task: 'speech-recognition',
    description: `Writes what is said. Sound of one channel at ${sampleRateHz} Hz, samples from -1 to 1; zeros at the end are padding.`,
    signatures: { serving_default: { method: 'predict' } },
  };
}

/** Groups beyond which slices by group are no longer readable. */
const MAX_GROUP_SLICES = 20;

/** The report on held-out recordings. */
export function reportFor({
  options,
  parts,
  heard,
  summary,
  settings,
  history,
  model,
  onnx,
  rows,
  blankPenalty,
}: {
  readonly options: TrainSpeechOptions;
  readonly parts: SpeechParts;
  readonly heard: readonly HeardText[];
  readonly summary: SpeechSummary;
  readonly settings: SpeechTrainingSettings;
  readonly history: readonly EpochRecord[];
  readonly model: TrainedModel;
  readonly onnx: Uint8Array;
  readonly rows: SpeechRows;
  readonly blankPenalty: number;
}): SpeechReport {
  const { seed = 0, groupOf, sampleRateHz } = options;
  const { test } = parts;
  const groups =
    groupOf === undefined
      ? []
      : slicesByValue(
          'group',
          test.map(({ file }) => groupOf(file)),
        );
  const seconds = slicesByRange(
    'seconds',
    test.map(({ samples }) => samples.length / sampleRateHz),
  );
  return evaluateSpeech({
    heard,
    seed,
    slices: [...(groups.length <= MAX_GROUP_SLICES ? groups : []), ...seconds],
    data: {
      name: options.name ?? 'speech',
      facts: [
        { label: 'Recordings', value: summary.files },
        { label: 'Seconds', value: Math.round(summary.seconds) },
        ...(summary.skipped.length > 0 ? [{ label: 'Files left out', value: summary.skipped.length }] : []),
        { label: 'Digest', value: `sha256:${summary.digest}` },
      ],
    },
    model: {
      facts: [
        { label: 'Parameters', value: [...model.weights.values()].reduce((sum, { data }) => sum + data.length, 0) },
        { label: 'Bytes of the exported model', value: onnx.byteLength },
        { label: 'Sample rate (Hz)', value: sampleRateHz },
        { label: 'Characters', value: rows.symbols.characters.join('') },
      ],
    },
    training: {
      facts: [
        { label: 'Seed', value: String(seed) },
        { label: 'Recordings for training', value: parts.train.length },
        { label: 'Recordings for validation', value: parts.validation.length },
        { label: 'Epochs', value: history.length },
        { label: 'Learning rate', value: settings.learningRate },
        { label: 'Taken off the blank', value: blankPenalty },
      ],
      curves: lossCurves(history),
    },
  });
}
