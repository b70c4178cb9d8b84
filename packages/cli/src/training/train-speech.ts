// `train --task speech` of a folder of recordings with transcripts: learns to write what is said in a thread of its own,
// reports, deploys, and says how to ask with a recording that was held out.
import { basename, join, relative, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import { assertName, systemClock } from '@amaas/core';
import { countOf, formatFindings } from '@amaas/learn/data';
import { formatSpeechReport } from '@amaas/learn/pipelines';
import { type CommandContext, show, UsageError } from '../command-context.ts';
import { pairs, progressBar } from '../terminal.ts';
import { predictRequestLine } from './call-text.ts';
import { withCancelOnSignal } from './cancel-on-signal.ts';
import { nameOfFile } from './data-file.ts';
import { deployFiles, findServer, metricsOf } from './deploy-trained.ts';
import { commandName, whereText } from './end-text.ts';
import { explainTraining } from './explain.ts';
import { readMediaFlags, refuseOtherFlags } from './media-flags.ts';
import { createProgressView } from './progress-view.ts';
import { runSpeechTraining } from './run-speech-training.ts';
import type { SpeechEvent, SpeechSettings } from './speech-messages.ts';
import type { TrainFolderOptions } from './train-folder.ts';
import { whereTrained, writeTrained } from './write-trained.ts';

export async function trainSpeechFolder(
  context: CommandContext,
  data: string,
  { task: _task, ...options }: TrainFolderOptions,
): Promise<void> {
  const { world, terminal } = context;
  const path = resolve(world.cwd, data);
  if ((await stat(path).catch(() => null))?.isDirectory() !== true) {
    throw new UsageError(`--task speech takes a folder of WAV recordings with their transcripts; ${data} is none`);
  }
  if (options.server) throw new UsageError('--server takes tables only; without it speech is learned here');
  if (options.seconds !== undefined)
    throw new UsageError('--seconds is for classes of recordings; speech is heard whole');
  const labels = (options.label ?? []).map((label) => assertName('label', label));
  if (!options.deploy && labels.length > 0) throw new UsageError('--label needs a deployment; leave out --no-deploy');
  refuseOtherFlags(options, 'audio', data);
  const settings = { ...(await readMediaFlags(options, 'audio', world.cwd)), kind: 'audio' } satisfies SpeechSettings;
  const testPath = settings.testFolder === undefined ? null : resolve(world.cwd, settings.testFolder);
  const model = assertName('model', options.name ?? nameOfFile(path));
  const client = options.deploy ? await findServer(context, options, model) : null;
  const out = resolve(world.cwd, options.out ?? join('trained', model));
  const checkpoints = join(out, 'checkpoints');
  const wantsHeldOut = options.predictions !== undefined;
  const isResumed = options.resume === true;
  const result = await withCancelOnSignal(terminal, (signal) =>
    runSpeechTraining(
      { settings, name: basename(path), path, testPath, checkpoints, isResumed, wantsHeldOut },
      { signal, onEvent: createView(context, data, options) },
    ),
  ).catch((thrown: unknown) => {
    terminal.clearProgress();
    throw explainTraining(thrown);
  });
  terminal.clearProgress();
  const report = formatSpeechReport(result.report);
  const page = await writeTrained(context, result, { folder: out, checkpoints, options, report });

  const { description, summary, example, data: source } = result;
  const { name, digest, rows } = source;
  const configuration = {
    ...settings,
    source: name,
    datasetDigest: digest,
    rows,
    ...result.training,
    speech: description,
  };
  const deployed =
    client === null
      ? null
      : await deployFiles(context, client, { model, labels, result, seed: settings.seed, configuration });
  const heldOutFile = relative(world.cwd, join(testPath ?? path, example.file));
  const facts = {
    ...whereTrained({ model, deployed, url: client?.url ?? null, folder: out, report: page }),
    rows,
    skipped: summary.skipped,
    characters: description.characters,
    sampleRateHz: description.sampleRateHz,
    datasetDigest: digest,
    metrics: metricsOf(result),
    example: { file: heldOutFile, heard: example.heard },
  };
  show(context, options, facts, () =>
    whereText(context, {
      facts,
      labels,
      asking: (_url, reference) => [
        `Ask it with a recording it has not heard (it writes ${JSON.stringify(example.heard)}):`,
        `  ${predictRequestLine({ command: commandName(context), model: reference, file: heldOutFile })} --output text`,
      ],
    }),
  );
}

/** Shows how far reading is, what was found in the folder, then the progress. */
function createView(
  { world, terminal }: CommandContext,
  name: string,
  options: Pick<TrainFolderOptions, 'json' | 'verbose'>,
): (event: SpeechEvent) => void {
  if (options.json) return () => {};
  const showProgress = createProgressView(terminal, { isTerminal: world.stderr.isTTY === true, clock: systemClock });
  return (event) => {
    switch (event.kind) {
      case 'reading': {
        const amount = `${event.files.toLocaleString('en-US')} of ${event.total.toLocaleString('en-US')} recordings`;
        terminal.progress(progressBar('reads', event.files, event.total, amount));
        return;
      }
      case 'described': {
        const { files, seconds, words, skipped } = event.summary;
        terminal.print(`${name}: ${countOf(files, 'recording')}, ${Math.round(seconds)} s, ${countOf(words, 'word')}`);
        for (const { message } of skipped) terminal.print(`warning: left out: ${message}`);
        return;
      }
      case 'split': {
        const { train, validation, test } = event.rows;
        terminal.print(pairs([['recordings', `${train} to train, ${validation} to validate, ${test} held out`]]));
        const told = event.findings.filter(({ severity }) => options.verbose === true || severity !== 'info');
        if (told.length > 0) terminal.print(formatFindings(told));
        return;
      }
      case 'evaluating':
        showProgress(event);
        return;
      default:
        showProgress({ ...event, candidate: 'speech' });
    }
  };
}
