// `train --task language-model`: text files to a language model in a folder, with its course and samples shown on the way.
import { rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { assertName, systemClock } from '@amaas/core';
import type { AmaasClient } from '@amaas/client';
import { type CommandContext, type SharedOptions, show, UsageError } from '../command-context.ts';
import { pairs } from '../terminal.ts';
import { curlRequestLine, predictTextLine } from './call-text.ts';
import { withCancelOnSignal } from './cancel-on-signal.ts';
import { assertThere, nameOfFile } from './data-file.ts';
import { type Deployed, deployFiles, findServer } from './deploy-trained.ts';
import { replaceFiles } from './durable-file.ts';
import { commandName } from './end-text.ts';
import { explainTraining } from './explain.ts';
import { type LanguageFlags, readLanguageFlags } from './language-flags.ts';
import { type FoundText, languageFactsText, languageProgressText, measuredText, sampleText } from './language-text.ts';
import type { MediaFlags } from './media-flags.ts';
import type { LanguageEvent, LanguageSettings, LanguageTrainingResult } from './messages.ts';
import { runLanguageTraining } from './run-training.ts';
import type { TrainFlags } from './train-flags.ts';

export interface TrainLanguageOptions extends LanguageFlags, Omit<TrainFlags, 'task'>, MediaFlags, SharedOptions {
  readonly name?: string;
  readonly label?: readonly string[];
  readonly out?: string;
  readonly deploy: boolean;
  readonly resume?: true;
}

/** How often a line is written where none can be drawn. */
const LINE_EVERY_MS = 10_000;

/** @param data - the file or folder as the user names it */
export async function trainLanguage(
  context: CommandContext,
  data: string,
  options: TrainLanguageOptions,
): Promise<void> {
  const { world, terminal } = context;
  const path = resolve(world.cwd, data);
  const settings = await readLanguageFlags(options, world.cwd);
  const labels = (options.label ?? []).map((label) => assertName('label', label));
  if (!options.deploy && labels.length > 0) throw new UsageError('--label needs a deployment; leave out --no-deploy');
  await assertThere(path, data);
  const name = assertName('model', options.name ?? nameOfFile(path));
  const client = options.deploy ? await findServer(context, options, name) : null;
  const folder = resolve(world.cwd, options.out ?? join('trained', name));
  const checkpoints = join(folder, 'checkpoints');
  const task = { settings, name, path, given: data, checkpoints, isResumed: options.resume === true };
  const onEvent = options.json ? () => {} : createView(context, data);
  const result = await withCancelOnSignal(terminal, (signal) => runLanguageTraining(task, { signal, onEvent })).catch(
    (thrown: unknown) => {
      terminal.clearProgress();
      throw explainTraining(thrown);
    },
  );
  terminal.clearProgress();
  await replaceFiles(folder, result.files);
  await rm(checkpoints, { recursive: true, force: true });
  const deployed = client === null ? null : await deploy(context, client, { name, data, labels, settings, result });
  const { facts, step, stoppedEarly, validation, samples } = result;
  const written = [...result.files].map(([file, { length }]) => ({ file, bytes: length }));
  const place = { version: deployed?.version.version ?? null, run: deployed?.run ?? null, url: client?.url ?? null };
  const shown = { model: name, ...place, folder, step, stoppedEarly, facts, validation, samples, files: written };
  show(context, options, shown, () =>
    [
      pairs([...scoreLines(result), ...folderLines(result, relative(world.cwd, folder) || '.')]),
      ...askLines(context, { name, folder, url: place.url, deployed, prompt: samples[0]?.prompt ?? '' }),
    ].join('\n'),
  );
}

interface LanguageHandover {
  readonly name: string;
  readonly data: string;
  readonly labels: readonly string[];
  readonly settings: LanguageSettings;
  readonly result: LanguageTrainingResult;
}

async function deploy(
  context: CommandContext,
  client: AmaasClient,
  { name, data, labels, settings, result }: LanguageHandover,
): Promise<Deployed> {
  const { validation, facts, step, files } = result;
  const metrics = Object.entries(validation ?? {}).map(([metric, value]) => ({ name: metric, value }));
  const { seed, ...others } = settings;
  return deployFiles(context, client, {
    ...{ model: name, labels, seed, configuration: { ...others, facts, step, source: data } },
    result: {
      ...{ files, report: { metrics } },
      data: { name: data, digest: null, rows: { train: facts.documents, validation: 0, test: 0 } },
    },
  });
}

function createView({ world, terminal }: CommandContext, data: string): (event: LanguageEvent) => void {
  const isTerminal = world.stderr.isTTY === true;
  let found: FoundText = { files: 0, bytes: 0, others: [] };
  let tokensPerStep = 1;
  let shownMs = systemClock.nowMs();
  return (event) => {
    switch (event.kind) {
      case 'found':
        found = event;
        break;
      case 'described':
        ({ tokensPerStep } = event.facts);
        terminal.print(languageFactsText(data, found, event.facts));
        break;
      case 'progress':
        if (isTerminal) terminal.progress(languageProgressText(event, tokensPerStep, true));
        else if (systemClock.nowMs() - shownMs >= LINE_EVERY_MS) {
          shownMs = systemClock.nowMs();
          terminal.note(languageProgressText(event, tokensPerStep, false));
        }
        break;
      case 'measured':
        terminal.print(measuredText(event.point));
        break;
      case 'sampled':
        for (const sample of event.samples) terminal.print(sampleText(sample));
        break;
      default:
        event satisfies never;
    }
  };
}

type Line = readonly [label: string, value: string];

function scoreLines({ validation, stoppedEarly, step }: LanguageTrainingResult): readonly Line[] {
  const stopped: Line = ['stopped', `it got no better; the weights are those of step ${step}`];
  const scores: readonly Line[] =
    validation === null
      ? []
      : [
          [
            'held out',
            `${(validation.bitsPerByte ?? Number.NaN).toFixed(3)} bits per byte, perplexity ${validation.perplexity.toFixed(2)} per token`,
          ],
        ];
  return stoppedEarly ? [...scores, stopped] : scores;
}

function folderLines({ files }: LanguageTrainingResult, folder: string): readonly Line[] {
  const have = (...names: readonly string[]): string => names.filter((name) => files.has(name)).join(', ');
  return [
    ['folder', folder],
    ['serving', have('model.onnx', 'amaas.json', 'tokenizer.json')],
    ...(files.has('model.gguf') ? [['llama.cpp', 'model.gguf'] as const] : []),
    ['weights', have('model.safetensors', 'config.json')],
    ['with caches', have('step.onnx', 'prompt.onnx')],
    ['course', have('training.json', 'loss.svg')],
  ];
}

interface AskFacts {
  readonly name: string;
  readonly folder: string;
  readonly url: string | null;
  readonly deployed: Deployed | null;
  /** A text to go on with. */
  readonly prompt: string;
}

/** How to ask it where it is served, else how to serve it. */
function askLines(context: CommandContext, { name, folder, url, deployed, prompt }: AskFacts): readonly string[] {
  const command = commandName(context);
  const { cwd } = context.world;
  const near = relative(cwd, folder) || '.';
  if (url === null || deployed === null) {
    const how = `${command} deploy ${near} --name ${name}`;
    return ['', `It is not served yet. With a server running (${command} serve):`, `  ${how}`];
  }
  const model = deployed.reference;
  return [
    '',
    `Served as ${name}@${deployed.version.version} at ${url}. Ask it to go on with a text; it writes the likeliest one:`,
    `  ${predictTextLine({ command, model, text: prompt, output: 'tokens' })}`,
    `  ${curlRequestLine({ command, url, model, file: relative(cwd, join(folder, 'example.json')) })}`,
  ];
}
