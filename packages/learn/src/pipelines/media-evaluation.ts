// The report of a media model on files it has not seen, by running the very graph that is served on what becomes of them.
// How the graph is run is the caller's: by an executor, or by a server that has the model.
import { AmaasError, type Executor, type Tensor } from '@amaas/core';
import { type LabelledMedia, type Pixels, tensorFromPixels } from '../data/index.ts';
import { type EvaluationReport, evaluateClassifier } from '../evaluate/index.ts';
import { type MediaReadingOptions, type MediaSummary, readTestMedia } from './media-data.ts';
import type { MediaModelDescription } from './media-description.ts';
import { PROBABILITIES_OUTPUT } from './table-model.ts';
import { AUDIO_INPUT, soundTensor } from './train-audio.ts';
import { IMAGE_INPUT } from './train-images.ts';

/** Runs a media model on its input [values, ...] and gives its probabilities [values, classes]. */
export type RunMediaModel = (input: string, values: Tensor) => Promise<Tensor | undefined>;

export interface MediaModelEvaluation extends Omit<MediaReadingOptions, 'onRead'> {
  readonly run: RunMediaModel;
  readonly description: MediaModelDescription;
  /** Prepared as the description says. */
  readonly media:
    | { readonly kind: 'image'; readonly files: LabelledMedia<Pixels> }
    | { readonly kind: 'audio'; readonly files: LabelledMedia<Float32Array> };
  /** The model's and the data's, as the report shows them. */
  readonly name: string;
  readonly dataName: string;
  readonly seed?: string | number;
}

export interface EvaluatedMedia {
  readonly report: EvaluationReport;
  readonly summary: MediaSummary;
  /** Of every file, [files, classes]. */
  readonly scores: Float32Array;
}

/** Bytes sent at once: well within what a server takes. */
const RUN_BYTES = 16e6;
const MAX_RUN_VALUES = 256;

/** @throws INVALID_DATA for classes the model does not know and files that cannot be read; INVALID_MODEL; CANCELLED */
export async function evaluateMediaModel(evaluation: MediaModelEvaluation): Promise<EvaluatedMedia> {
  const { description, media } = evaluation;
  const { preparation } = description;
  if (preparation.kind === 'image' && media.kind === 'image') {
    const layout = { channels: preparation.channels, layout: 'nchw' } as const;
    return evaluate(evaluation, media.files, {
      input: IMAGE_INPUT,
      tensor: (values) => tensorFromPixels(values, layout, 'uint8'),
      bytes: ({ data }) => data.byteLength,
    });
  }
  if (preparation.kind === 'audio' && media.kind === 'audio') {
    return evaluate(evaluation, media.files, {
      input: AUDIO_INPUT,
      tensor: (values) => soundTensor(values, preparation.samples),
      bytes: ({ byteLength }) => byteLength,
    });
  }
  throw new AmaasError('INVALID_DATA', `evaluate: the model takes ${preparation.kind} files, got ${media.kind} files`);
}

interface Feeding<Media> {
  readonly input: string;
  tensor(values: readonly Media[]): Tensor;
  bytes(value: Media): number;
}

async function evaluate<Media>(
  evaluation: MediaModelEvaluation,
  media: LabelledMedia<Media>,
  feeding: Feeding<Media>,
): Promise<EvaluatedMedia> {
  const { description, name, dataName, seed = 0 } = evaluation;
  const { classes } = description;
  const { rows, summary } = await readTestMedia(media, classes, evaluation);
  const scores = await score(evaluation, rows.values, feeding);
  const report = evaluateClassifier({
    labels: rows.labels,
    classNames: classes,
    scores,
    seed,
    data: {
      name: dataName,
      facts: [
        { label: 'Files', value: summary.files },
        ...(summary.skipped.length > 0 ? [{ label: 'Files left out', value: summary.skipped.length }] : []),
        { label: 'Digest', value: `sha256:${summary.digest}` },
      ],
    },
    model: { name },
  });
  return { report, summary, scores };
}

async function score<Media>(
  { run, description: { classes }, signal }: MediaModelEvaluation,
  values: readonly Media[],
  { input, tensor, bytes }: Feeding<Media>,
): Promise<Float32Array> {
  const largest = values.reduce((most, value) => Math.max(most, bytes(value)), 1);
  const rowsAtOnce = Math.max(1, Math.min(MAX_RUN_VALUES, Math.floor(RUN_BYTES / largest)));
  const scores = new Float32Array(values.length * classes.length);
  for (let start = 0; start < values.length; start += rowsAtOnce) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'evaluate: cancelled');
    const part = values.slice(start, start + rowsAtOnce);
    const result = await run(input, tensor(part));
    if (result?.dtype !== 'float32' || result.data.length !== part.length * classes.length) {
      const got = result === undefined ? 'nothing' : `${result.dtype} [${result.shape}]`;
      throw new AmaasError(
        'INVALID_MODEL',
        `evaluate: expected float32 [${part.length},${classes.length}] from the model, got ${got}`,
      );
    }
    scores.set(result.data, start * classes.length);
  }
  return scores;
}

/** Lets `work` run an exported model on an executor. */
export async function withMediaModel<Result>(
  executor: Executor,
  onnx: Uint8Array,
  work: (run: RunMediaModel) => Promise<Result>,
): Promise<Result> {
  const compiled = await executor.compile(onnx);
  try {
    return await work(async (input, values) => {
      const outputs = await compiled.run(new Map([[input, values]]), [PROBABILITIES_OUTPUT]);
      return outputs.get(PROBABILITIES_OUTPUT);
    });
  } finally {
    await compiled.dispose();
  }
}
