// `train` of a folder of pictures or recordings: looks what is there, learns it in a thread of its own, reports, deploys,
// and says how to ask with a file that was held out.
import { basename, join, relative, resolve } from 'node:path';
import { AmaasError, assertName, systemClock } from '@amaas/core';
import type { InspectedFolder } from '@amaas/engine-sharp';
import { formatReport } from '@amaas/learn/evaluate';
import type { TrainMediaEvent } from '@amaas/learn/pipelines';
import { type CommandContext, type SharedOptions, show, UsageError } from '../command-context.ts';
import { progressBar } from '../terminal.ts';
import { curlPictureLine, curlRequestLine, predictPictureLine, predictRequestLine } from './call-text.ts';
import { withCancelOnSignal } from './cancel-on-signal.ts';
import { nameOfFile } from './data-file.ts';
import { deployFiles, findServer, metricsOf } from './deploy-trained.ts';
import { answerText, commandName, type TrainedFacts, whereText } from './end-text.ts';
import { explainTraining } from './explain.ts';
import { type MediaFlags, readMediaFlags, refuseOtherFlags } from './media-flags.ts';
import { mediaText } from './media-text.ts';
import type { MediaSettings, MediaTrainingResult } from './messages.ts';
import { importInstalled } from './open-source.ts';
import { createProgressView } from './progress-view.ts';
import { runMediaTraining } from './run-training.ts';
import type { TrainFlags } from './train-flags.ts';
import { whereTrained, writeTrained } from './write-trained.ts';

/** Options of `train` that a folder has, and those it refuses. */
export interface TrainFolderOptions extends TrainFlags, MediaFlags, SharedOptions {
  readonly name?: string;
  readonly label?: readonly string[];
  readonly out?: string;
  readonly report?: string;
  readonly predictions?: string;
  readonly deploy: boolean;
  readonly resume?: true;
  readonly server?: true;
  readonly verbose?: true;
}

/** @param data - the folder as the user names it; `path` is absolute. */
export async function trainFolder(
  context: CommandContext,
  { data, path }: { readonly data: string; readonly path: string },
  options: TrainFolderOptions,
): Promise<void> {
  const { world, terminal } = context;
  if (options.server) {
    throw new UsageError(
      `--server takes tables only, and ${data} is a folder; without --server it is learned here and deployed to the server`,
    );
  }
  const labels = (options.label ?? []).map((label) => assertName('label', label));
  if (!options.deploy && labels.length > 0) throw new UsageError('--label needs a deployment; leave out --no-deploy');
  const model = assertName('model', options.name ?? nameOfFile(path));
  const { inspectMediaFolder, endingsText } = await importInstalled(() => import('@amaas/engine-sharp'));
  const inspected = await inspectMediaFolder(path, { name: data });
  refuseOtherFlags(options, inspected.kind, data);
  const settings = await readMediaFlags(options, inspected.kind, world.cwd);
  const testPath = settings.testFolder === undefined ? null : resolve(world.cwd, settings.testFolder);
  if (testPath !== null) {
    const test = await inspectMediaFolder(testPath, { name: settings.testFolder ?? '' });
    refuseOtherTest(inspected, test, settings);
  }
  const client = options.deploy ? await findServer(context, options, model) : null;
  const out = resolve(world.cwd, options.out ?? join('trained', model));
  const checkpoints = join(out, 'checkpoints');
  const name = basename(path);
  const view = createView(context, { name, others: endingsText(inspected.others) }, options);
  const result = await withCancelOnSignal(terminal, (signal) =>
    runMediaTraining(
      {
        settings,
        name,
        path,
        testPath,
        checkpoints,
        isResumed: options.resume === true,
        wantsHeldOut: options.predictions !== undefined,
      },
      { signal, onEvent: view },
    ),
  ).catch((thrown: unknown) => {
    terminal.clearProgress();
    throw explainTraining(thrown);
  });
  terminal.clearProgress();
  const report = formatReport(result.report);
  const page = await writeTrained(context, result, { folder: out, checkpoints, options, report });

  const { data: source, description, candidate, summary, example } = result;
  const configuration = {
    ...settings,
    source: source.name,
    datasetDigest: source.digest,
    rows: source.rows,
    candidate,
    media: description,
  };
  const deployed =
    client === null
      ? null
      : await deployFiles(context, client, { model, labels, result, seed: settings.seed, configuration });
  const heldOutFile = relative(world.cwd, join(testPath ?? path, example.file));
  const facts = {
    ...whereTrained({ model, deployed, url: client?.url ?? null, folder: out, report: page }),
    candidate,
    rows: source.rows,
    classes: summary.classes,
    skipped: summary.skipped,
    preparation: description.preparation,
    datasetDigest: source.digest,
    metrics: metricsOf(result),
    example: { file: heldOutFile, label: example.label, probabilities: [...example.scores] },
  };
  show(context, options, facts, () => endText(context, { facts, result, labels, heldOutFile }));
}

function refuseOtherTest(training: InspectedFolder, test: InspectedFolder, { testFolder = '' }: MediaSettings): void {
  if (test.kind === training.kind) return;
  throw new AmaasError(
    'INVALID_DATA',
    `train: ${testFolder} holds other media than what is learned; give --test a folder of the same kind`,
  );
}

function endText(
  context: CommandContext,
  {
    facts,
    result,
    labels,
    heldOutFile,
  }: {
    readonly facts: TrainedFacts;
    readonly result: MediaTrainingResult;
    readonly labels: readonly string[];
    readonly heldOutFile: string;
  },
): string {
  const command = commandName(context);
  const { description, example } = result;
  const says = `${heldOutFile}; ${answerText(description.classes, example.scores)}`;
  return whereText(context, {
    facts,
    labels,
    asking(url, model) {
      if (description.preparation.kind === 'image') {
        const call = { command, url, model, file: heldOutFile };
        return [
          `Ask it with a picture it has not seen (${says}):`,
          `  ${predictPictureLine(call)}`,
          `  ${curlPictureLine(call)}`,
        ];
      }
      const file = relative(context.world.cwd, join(facts.folder, 'example.json'));
      const call = { command, url, model, file };
      return [
        `Ask it with the samples of a recording it has not heard (${says}):`,
        `  ${predictRequestLine(call)}`,
        `  ${curlRequestLine(call)}`,
      ];
    },
  });
}

/** Shows how far reading is, what was understood of the folder, then the progress. */
function createView(
  { world, terminal }: CommandContext,
  { name, others }: { readonly name: string; readonly others: string },
  options: TrainFolderOptions,
): (event: TrainMediaEvent) => void {
  if (options.json) return () => {};
  const showProgress = createProgressView(terminal, { isTerminal: world.stderr.isTTY === true, clock: systemClock });
  let described: Extract<TrainMediaEvent, { kind: 'described' }> | null = null;
  let split: Extract<TrainMediaEvent, { kind: 'split' }> | null = null;
  return (event) => {
    if (event.kind === 'reading') {
      const { files, total } = event;
      const amount = `${files.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} files`;
      terminal.progress(progressBar('reads', files, total, amount));
      return;
    }
    if (event.kind === 'described') described = event;
    if (event.kind === 'split') split = event;
    if (event.kind === 'prepared' && described !== null && split !== null) {
      const { rows, findings } = split;
      terminal.print(
        mediaText(
          { name, summary: described.summary, rows, facts: event.facts, findings, others },
          options.verbose === true,
        ),
      );
    }
    showProgress(event);
  };
}
