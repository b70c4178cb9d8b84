// `train --task language-model`: text files to a language model in a folder, with its course and samples shown on the way.
import { rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { assertName, systemClock } from '@amaas/core';
import { type CommandContext, type SharedOptions, show } from '../command-context.ts';
import { pairs } from '../terminal.ts';
import { withCancelOnSignal } from './cancel-on-signal.ts';
import { assertThere, nameOfFile } from './data-file.ts';
import { replaceFiles } from './durable-file.ts';
import { explainTraining } from './explain.ts';
import { type LanguageFlags, readLanguageFlags } from './language-flags.ts';
import { type FoundText, languageFactsText, languageProgressText, measuredText, sampleText } from './language-text.ts';
import type { MediaFlags } from './media-flags.ts';
import type { LanguageEvent, LanguageTrainingResult } from './messages.ts';
import { runLanguageTraining } from './run-training.ts';
import type { TrainFlags } from './train-flags.ts';

export interface TrainLanguageOptions extends LanguageFlags, Omit<TrainFlags, 'task'>, MediaFlags, SharedOptions {
  readonly name?: string;
  readonly out?: string;
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
  await assertThere(path, data);
  const name = assertName('model', options.name ?? nameOfFile(path));
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
  const { facts, step, stoppedEarly, validation, samples } = result;
  const written = [...result.files].map(([file, { length }]) => ({ file, bytes: length }));
  show(context, options, { model: name, folder, step, stoppedEarly, facts, validation, samples, files: written }, () =>
    endText(result, relative(world.cwd, folder) || '.'),
  );
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

function endText({ validation, step, stoppedEarly, files }: LanguageTrainingResult, folder: string): string {
  const scores =
    validation === null
      ? []
      : [
          [
            'held out',
            `${(validation.bitsPerByte ?? Number.NaN).toFixed(3)} bits per byte, perplexity ${validation.perplexity.toFixed(2)} per token`,
          ] as const,
        ];
  const have = (names: readonly string[]): string => names.filter((name) => files.has(name)).join(', ');
  const gguf = files.has('model.gguf') ? [['llama.cpp', 'model.gguf'] as const] : [];
  return `\n${pairs([
    ...scores,
    ...(stoppedEarly ? [['stopped', `it got no better; the weights are those of step ${step}`] as const] : []),
    ['folder', folder],
    ...gguf,
    ['weights', have(['model.safetensors', 'config.json', 'tokenizer.json'])],
    ['ONNX', have(['step.onnx', 'prompt.onnx'])],
    ['course', have(['training.json', 'loss.svg'])],
  ])}`;
}
