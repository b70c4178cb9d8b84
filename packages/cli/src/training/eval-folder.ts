// `eval` of a model on a folder of pictures or recordings with a folder per class: prepares the files as the model says.
import { basename } from 'node:path';
import { AmaasError } from '@amaas/core';
import {
  type EvaluatedMedia,
  evaluateMediaModel,
  type MediaModelEvaluation,
  type MediaPreparation,
} from '@amaas/learn/pipelines';
import type { CommandContext, SharedOptions } from '../command-context.ts';
import { findMediaModel } from './find-model.ts';
import { MAX_SKIPPED_SHARE } from './media-bounds.ts';
import { importInstalled } from './open-source.ts';

export interface FolderEvaluation {
  /** As the user names it. */
  readonly model: string;
  readonly data: string;
  /** Of the data, absolute. */
  readonly path: string;
}

/** @throws INVALID_MODEL, MODEL_NOT_FOUND, and INVALID_DATA for a folder of other media or classes; CANCELLED */
export async function evaluateFolder(
  context: CommandContext,
  { model, data, path }: FolderEvaluation,
  options: SharedOptions & { readonly signal: AbortSignal },
): Promise<EvaluatedMedia> {
  const { signal } = options;
  const sharp = await importInstalled(() => import('@amaas/engine-sharp'));
  const { kind } = await sharp.inspectMediaFolder(path, { name: data, leastClasses: 1, signal });
  const found = await findMediaModel(context, model, options);
  const { description, name } = found;
  const { preparation } = description;
  if (preparation.kind !== kind) {
    const [takes, holds] = preparation.kind === 'image' ? ['pictures', 'recordings'] : ['recordings', 'pictures'];
    throw new AmaasError('INVALID_DATA', `eval: ${name} takes ${takes}, and ${data} is a folder of ${holds}`);
  }
  const media: MediaModelEvaluation['media'] =
    preparation.kind === 'image'
      ? { kind: 'image', files: await sharp.openImageFolder(path, { image: preparation, signal }) }
      : { kind: 'audio', files: await sharp.openAudioFolder(path, { ...recordingsFor(preparation), signal }) };
  return found.use((run) =>
    evaluateMediaModel({
      run,
      description,
      media,
      name,
      dataName: basename(path),
      whenCorrupt: 'skip',
      maxSkippedShare: MAX_SKIPPED_SHARE,
      signal,
    }),
  );
}

/** More than the model looks at need not be kept. */
function recordingsFor({ sampleRateHz, samples }: Extract<MediaPreparation, { readonly kind: 'audio' }>) {
  return { sampleRateHz, keepSeconds: samples / sampleRateHz };
}
