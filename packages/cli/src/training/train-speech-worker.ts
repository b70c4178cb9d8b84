// The thread in which the command learns speech: opens the recordings with their transcripts, runs the pipeline on ONNX
// Runtime, says what happens and hands over what came of it. Writes nothing but checkpoints.
import { AmaasError } from '@amaas/core';
import { heldOutSpeechLines, trainedSpeechFiles, trainSpeech } from '@amaas/learn/pipelines';
import type { CheckpointStore } from '@amaas/learn/train';
import { openCheckpoints } from './checkpoints.ts';
import { groupFinder } from './group-finder.ts';
import { MAX_SKIPPED_SHARE } from './media-bounds.ts';
import { importInstalled } from './open-source.ts';
import type { ThreadHooks } from './run-in-thread.ts';
import type { SpeechEvent, SpeechTrainingResult, SpeechTrainingTask } from './speech-messages.ts';
import { workInThread } from './work-in-thread.ts';

await workInThread(train);

async function train(
  task: SpeechTrainingTask,
  { signal, onEvent }: ThreadHooks<SpeechEvent>,
): Promise<SpeechTrainingResult> {
  const { settings, path, testPath } = task;
  const sharp = await importInstalled(() => import('@amaas/engine-sharp'));
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  const files = await sharp.listSpeechFiles(path, { signal });
  const sampleRateHz = settings.sampleRateHz ?? (await sharp.chooseSampleRate(files, signal));
  const open = (folder: string) => sharp.openSpeechFolder(folder, { sampleRateHz, signal });
  const test = testPath === null ? settings.test : await open(testPath);
  const { seed, validation, groupBy, epochs, learningRate, batchSize, weightDecay } = settings;
  const testDigest = typeof test === 'object' ? { testDigest: await test.computeDigest(signal) } : {};
  let digest = '';
  const checkpoint: CheckpointStore = {
    load: () => store().load(),
    save: (bytes) => store().save(bytes),
  };
  let opened: CheckpointStore | null = null;
  const store = (): CheckpointStore => {
    // The digest is known once the recordings have been read, which is before the first checkpoint.
    opened ??= openCheckpoints(
      task.checkpoints,
      { settings, digest: `speech ${digest}`, ...testDigest },
      task.isResumed,
    )('speech');
    return opened;
  };
  const trained = await trainSpeech({
    media: await open(path),
    executor: await createOrtNodeExecutor(),
    sampleRateHz,
    name: task.name,
    seed,
    ...(test === undefined ? {} : { test }),
    ...(validation === undefined ? {} : { validation }),
    ...(groupBy === undefined ? {} : { groupOf: groupFinder(groupBy) }),
    training: {
      ...(epochs === undefined ? {} : { epochs }),
      ...(learningRate === undefined ? {} : { learningRate }),
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(weightDecay === undefined ? {} : { weightDecay }),
    },
    whenCorrupt: 'skip',
    maxSkippedShare: MAX_SKIPPED_SHARE,
    checkpoint,
    signal,
    onEvent(event) {
      if (event.kind === 'described') digest = event.summary.digest;
      onEvent(event);
    },
  });
  const { description, report, split, summary, heard } = trained;
  const [first] = heard;
  if (first === undefined) throw new AmaasError('INTERNAL', 'train: nothing was held out');
  return {
    files: trainedSpeechFiles(trained),
    heldOut: task.wantsHeldOut ? heldOutSpeechLines(trained) : null,
    report,
    description,
    training: trained.settings,
    data: {
      name: task.name,
      digest: `sha256:${summary.digest}`,
      rows: { train: split.train.length, validation: split.validation.length, test: split.test.length },
    },
    summary,
    example: { file: first.file, heard: first.heard },
  };
}
