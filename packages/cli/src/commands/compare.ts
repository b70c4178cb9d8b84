// `amaas compare`: models side by side on the same rows: how good, how quick, how large, how dear.
import { resolve } from 'node:path';
import { AmaasError } from '@amaas/core';
import { compareTables } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions, show, UsageError } from '../command-context.ts';
import { type MeasuredCandidate, measureCandidate, measureLinear } from '../comparing/candidates.ts';
import { type Comparison, comparisonJson, comparisonText } from '../comparing/comparison.ts';
import {
  isLanguageModelFile,
  type Judgement,
  judgeLanguageModel,
  judgementsText,
  readJudgingData,
} from '../judging/index.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { assertThere } from '../training/data-file.ts';
import { findModel } from '../training/find-model.ts';
import { addReadingOptions, type ReadingFlags, readReadingFlags } from '../training/train-flags.ts';

interface CompareOptions extends ReadingFlags {
  readonly data: string;
  readonly target?: string;
  readonly train?: string;
  readonly pricePerCpuHour: string;
}

/** What an hour of one virtual CPU costs on large clouds, about, in dollars. */
const PRICE_PER_CPU_HOUR = '0.04';

export function registerCompare(program: Command, context: CommandContext): void {
  const command = program
    .command('compare <candidate...>')
    .description(
      'models side by side on one file: folders or .onnx files of `train` or `tune`, or served names; or language models (.gguf) on a text or on questions',
    )
    .requiredOption('--data <file>', 'rows with answers that no candidate has learned from')
    .option(
      '--target <column>',
      'the column with the answers (default: the one the first candidate was trained to predict)',
    )
    .option('--train <file>', 'rows to train a linear model on, which stands beside the candidates')
    .option('--price-per-cpu-hour <price>', 'for the cost of a million predictions', PRICE_PER_CPU_HOUR);
  addReadingOptions(command)
    .addHelpText(
      'after',
      `
Always beside them: what answers without a model, the most frequent class or the mean.

Example:
  $ amaas compare trained/heart trained/heart-tuned --data heart_test.csv --train heart_train.csv
  $ amaas compare heart:production trained/heart/model.onnx --data heart_test.csv --target target --json
  $ amaas compare chat-f16.gguf chat-q8_0.gguf chat-q4_0.gguf --data held-out.txt`,
    )
    .action(async (candidates: readonly string[], _options: unknown, self: Command) => {
      const options = optionsOf<CompareOptions>(self);
      if (candidates.every(isLanguageModelFile)) return compareLanguageModels(context, candidates, options);
      const comparison = await compare(context, candidates, options);
      show(context, options, comparisonJson(comparison), () => comparisonText(comparison));
    });
}

async function compareLanguageModels(
  context: CommandContext,
  candidates: readonly string[],
  options: CompareOptions & SharedOptions,
): Promise<void> {
  const { world, terminal } = context;
  assertNoneTwice(candidates);
  await assertThere(resolve(world.cwd, options.data), options.data);
  const data = await readJudgingData(resolve(world.cwd, options.data));
  const judgements: Judgement[] = [];
  await withCancelOnSignal(terminal, async (signal) => {
    for (const name of candidates) {
      const onProgress = (text: string): void => terminal.progress(`${name}: ${text}`);
      const model = { name, path: resolve(world.cwd, name) };
      const judging = judgeLanguageModel(model, data, { signal, onProgress, samples: 0, prompt: '' });
      judgements.push(await judging.catch((thrown: unknown) => naming(name, thrown)));
    }
  });
  terminal.clearProgress();
  show(context, options, { data: data.name, candidates: judgements }, () => judgementsText(judgements, data.name));
}

function assertNoneTwice(candidates: readonly string[]): void {
  const twice = candidates.find((given, index) => candidates.indexOf(given) !== index);
  if (twice !== undefined) throw new UsageError(`the candidate ${twice} is given twice`);
}

async function compare(
  context: CommandContext,
  candidates: readonly string[],
  options: CompareOptions & SharedOptions,
): Promise<Comparison> {
  const { world, terminal } = context;
  const pricePerCpuHour = readPrice(options.pricePerCpuHour);
  assertNoneTwice(candidates);
  const reading = readReadingFlags(options);
  const path = resolve(world.cwd, options.data);
  await assertThere(path, options.data);
  if (options.train !== undefined) await assertThere(resolve(world.cwd, options.train), options.train);
  const measured: MeasuredCandidate[] = [];
  const train = options.train === undefined ? null : resolve(world.cwd, options.train);
  const known = await withCancelOnSignal(terminal, async (signal) => {
    const target = options.target ?? (await targetOf(context, candidates, options));
    const data = { path, reading, target, signal };
    for (const given of candidates) {
      terminal.progress(`evaluates and measures ${given}`);
      const work = measureCandidate(context, { given, data }, options);
      measured.push(await work.catch((thrown: unknown) => naming(given, thrown)));
    }
    if (train === null) return undefined;
    terminal.progress('trains and measures the linear model');
    const models = measured.map(({ description }) => description);
    const linear = await measureLinear({ path: train, reading }, { data, models });
    measured.push(linear.candidate);
    return linear.known;
  });
  terminal.clearProgress();
  return {
    name: options.data,
    quality: compareTables({ candidates: measured, ...(known === undefined ? {} : { known }) }),
    costs: new Map(measured.map(({ name, costs }) => [name, costs])),
    pricePerCpuHour,
  };
}

/** What the first candidate was trained to predict. */
async function targetOf(
  context: CommandContext,
  [first = '']: readonly string[],
  options: SharedOptions,
): Promise<string> {
  const { description } = await findModel(context, first, options).catch((thrown: unknown) => naming(first, thrown));
  return description.target.column;
}

/** Says which candidate could not be measured. */
function naming(given: string, thrown: unknown): never {
  if (!(thrown instanceof AmaasError) || thrown.reason === 'CANCELLED') throw thrown;
  const { reason, message, details } = thrown;
  throw new AmaasError(reason, `candidate ${given}: ${message}`, { details, cause: thrown });
}

function readPrice(text: string): number {
  const price = text.trim() === '' ? Number.NaN : Number(text);
  if (price >= 0 && Number.isFinite(price)) return price;
  throw new UsageError(`--price-per-cpu-hour must be a number ≥ 0, got ${JSON.stringify(text)}`);
}
