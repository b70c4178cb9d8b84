// The thread in which the command learns a folder: decides how files are prepared, runs the pipeline on ONNX Runtime, says
// what happens and hands over what came of it. Writes nothing but checkpoints.
import { AmaasError } from '@amaas/core';
import { countOf, type LabelledMedia } from '@amaas/learn/data';
import {
  heldOutMediaLines,
  type TrainedMedia,
  trainAudio,
  trainedMediaFiles,
  trainImages,
  type TrainMediaEvent,
  type TrainMediaOptions,
} from '@amaas/learn/pipelines';
import type { CheckpointStore } from '@amaas/learn/train';
import { openCheckpoints } from './checkpoints.ts';
import { groupFinder } from './group-finder.ts';
import { MAX_SKIPPED_SHARE } from './media-bounds.ts';
import type { MediaTrainingResult, MediaTrainingTask } from './messages.ts';
import { importInstalled } from './open-source.ts';
import type { ThreadHooks } from './run-in-thread.ts';
import { workInThread } from './work-in-thread.ts';

/** Bytes of all prepared files together: they are held in memory, twice for a moment. */
const MAX_PREPARED_BYTES = 4e9;
/** What a recording is cut to unasked, as the pipeline looks at no more. */
const MAX_SECONDS = 10;

await workInThread(train);

type Hooks = ThreadHooks<TrainMediaEvent>;

async function train(task: MediaTrainingTask, hooks: Hooks): Promise<MediaTrainingResult> {
  const trained = await (task.settings.kind === 'image' ? trainPictures(task, hooks) : trainRecordings(task, hooks));
  const { description, report, candidate, split, summary, test } = trained;
  const [file] = split.test;
  if (description === null || file === undefined) throw new AmaasError('INTERNAL', 'train: nothing was held out');
  const classes = trained.classes.length;
  return {
    files: trainedMediaFiles(trained),
    heldOut: task.wantsHeldOut ? heldOutMediaLines(trained) : null,
    report,
    description,
    candidate,
    data: {
      name: task.name,
      digest: `sha256:${summary.digest}`,
      rows: { train: split.train.length, validation: split.validation.length, test: split.test.length },
    },
    summary,
    example: { file, label: trained.classes[test.labels[0] ?? 0] ?? '', scores: test.scores.slice(0, classes) },
  };
}

async function trainPictures(task: MediaTrainingTask, hooks: Hooks): Promise<TrainedMedia> {
  const { path, settings } = task;
  const { signal } = hooks;
  const sharp = await importInstalled(() => import('@amaas/engine-sharp'));
  const files = await sharp.listMediaFiles(path, { extensions: sharp.IMAGE_EXTENSIONS, signal });
  const image = sharp.chooseImagePreparation(await sharp.measureImages(files, signal), settings.image);
  const { width, height, channels } = image;
  const bytes = files.length * width * height * (channels === 'gray' ? 1 : 3);
  if (bytes > MAX_PREPARED_BYTES) {
    const what = `${countOf(files.length, 'picture')} of ${width} × ${height}`;
    throw new AmaasError(
      'INVALID_DATA',
      `train: ${what} are ${(bytes / 1e9).toFixed(1)} GB of pixels, and at most ${MAX_PREPARED_BYTES / 1e9} GB are learned from; give a smaller --size`,
    );
  }
  const open = (folder: string) => sharp.openImageFolder(folder, { image, signal });
  return trainImages({ ...(await optionsFor(task, hooks, open)), preparation: image, training: trainingOf(task) });
}

async function trainRecordings(task: MediaTrainingTask, hooks: Hooks): Promise<TrainedMedia> {
  const { path, settings } = task;
  const { signal } = hooks;
  const sharp = await importInstalled(() => import('@amaas/engine-sharp'));
  const files = await sharp.listMediaFiles(path, { extensions: sharp.AUDIO_EXTENSIONS, signal });
  const sampleRateHz = settings.sampleRateHz ?? (await sharp.chooseSampleRate(files, signal));
  const keepSeconds = settings.seconds ?? MAX_SECONDS;
  const open = (folder: string) => sharp.openAudioFolder(folder, { sampleRateHz, keepSeconds, signal });
  return trainAudio({
    ...(await optionsFor(task, hooks, open)),
    sampleRateHz,
    training: trainingOf(task),
    ...(settings.seconds === undefined ? {} : { seconds: settings.seconds }),
  });
}

function trainingOf({ settings }: MediaTrainingTask): NonNullable<Parameters<typeof trainImages>[0]['training']> {
  const { epochs, learningRate, batchSize, weightDecay } = settings;
  return {
    ...(epochs === undefined ? {} : { epochs }),
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  };
}

/** What trainings of all media take. */
async function optionsFor<Media>(
  task: MediaTrainingTask,
  { signal, onEvent }: Hooks,
  open: (folder: string) => Promise<LabelledMedia<Media>>,
): Promise<TrainMediaOptions<Media>> {
  const { settings, path, testPath } = task;
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  const media = await open(path);
  const test = testPath === null ? settings.test : await open(testPath);
  const testDigest = typeof test === 'object' ? { testDigest: await test.computeDigest(signal) } : {};
  const { seed, validation, groupBy } = settings;
  let checkpoint: ((candidate: string) => CheckpointStore) | null = null;
  let digest = '';
  return {
    media,
    executor: await createOrtNodeExecutor(),
    name: task.name,
    seed,
    ...(test === undefined ? {} : { test }),
    ...(validation === undefined ? {} : { validation }),
    ...(groupBy === undefined ? {} : { groupOf: groupFinder(groupBy) }),
    whenCorrupt: 'skip',
    maxSkippedShare: MAX_SKIPPED_SHARE,
    checkpoint(candidate) {
      checkpoint ??= openCheckpoints(task.checkpoints, { settings, digest, ...testDigest }, task.isResumed);
      return checkpoint(candidate);
    },
    signal,
    onEvent(event) {
      if (event.kind === 'described') digest = event.summary.digest;
      onEvent(event);
    },
  };
}
