// `amaas eval`: how good a model is on other data than it was trained on, by the report that its training ended with.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type EvaluationReport, formatReport, renderReportPage } from '@amaas/learn/evaluate';
import { evaluateTableModel, tableModelKinds } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions, show, UsageError } from '../command-context.ts';
import { isLanguageModelFile, judgeLanguageModel, judgementText, readJudgingData } from '../judging/index.ts';
import { withSpinner } from '../terminal.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { replaceFile } from '../training/durable-file.ts';
import { evaluateFolder, type FolderEvaluation } from '../training/eval-folder.ts';
import { findModel } from '../training/find-model.ts';
import { refuseTableFlags } from '../training/media-flags.ts';
import { skippedText } from '../training/media-text.ts';
import { openSource } from '../training/open-source.ts';
import { addReadingOptions, type ReadingFlags, readReadingFlags } from '../training/train-flags.ts';

interface EvalOptions extends ReadingFlags {
  readonly target?: string;
  readonly report?: string;
  readonly samples: string;
  readonly prompt: string;
}

export function registerEval(program: Command, context: CommandContext): void {
  const command = program
    .command('eval <model> <data>')
    .description(
      'report how good a model is on another table, or folder of pictures or recordings; the model is a folder or .onnx of `train`, or a served name. A language model (.gguf) is held against a text, or questions with choices',
    )
    .option(
      '--target <column>',
      'the column of a table with the answers (default: the one the model was trained to predict)',
    );
  addReadingOptions(command)
    .option('--report <file>', 'where to write the report as a page')
    .option('--samples <count>', 'texts that a language model writes besides', '0')
    .option('--prompt <text>', 'what those texts begin with', '')
    .addHelpText(
      'after',
      `
Example:
  $ amaas eval trained/heart heart-2026.csv
  $ amaas eval heart:production heart-2026.csv --target target --report heart-2026.html
  $ amaas eval digits:production scans/                     a folder per class, called as the classes are
  $ amaas eval stories.gguf held-out.txt --samples 2        perplexity and bits per byte
  $ amaas eval stories.gguf questions.jsonl                 lines of {"prompt": …, "choices": […], "answer": 0}`,
    )
    .action(async (model: string, data: string, _options: unknown, self: Command) => {
      await evaluate(context, { model, data }, optionsOf<EvalOptions>(self));
    });
}

async function evaluate(
  context: CommandContext,
  { model, data }: { readonly model: string; readonly data: string },
  options: EvalOptions & SharedOptions,
): Promise<void> {
  const { world } = context;
  const path = resolve(world.cwd, data);
  if (isLanguageModelFile(model)) return evaluateLanguageModel(context, { model, path }, options);
  if ((await stat(path).catch(() => null))?.isDirectory())
    return evaluateOnFolder(context, { model, data, path }, options);
  const reading = readReadingFlags(options);
  const found = await findModel(context, model, options);
  const { description, name } = found;
  const target = options.target ?? description.target.column;
  const work = withCancelOnSignal(context.terminal, async (signal) => {
    // Cells mean what they meant in training; a user who says otherwise is heard.
    const kinds = [...tableModelKinds({ ...description, target: { ...description.target, column: target } })];
    const source = await openSource(path, { ...reading, kinds: [...kinds, ...(reading.kinds ?? [])] }, signal);
    try {
      return await found.use((run) => evaluateTableModel({ run, description, source, name, target, signal }));
    } finally {
      await source.close();
    }
  });
  const { report } = await withSpinner(context.terminal, 'evaluates', work);
  await showReport(context, report, options);
}

async function evaluateLanguageModel(
  context: CommandContext,
  { model, path }: { readonly model: string; readonly path: string },
  options: EvalOptions & SharedOptions,
): Promise<void> {
  const { world, terminal } = context;
  if (options.report !== undefined) throw new UsageError('--report is for tables and folders, not for language models');
  const samples = readCount('--samples', options.samples);
  const data = await readJudgingData(path);
  const { prompt } = options;
  const judgement = await withCancelOnSignal(terminal, (signal) =>
    judgeLanguageModel({ name: model, path: resolve(world.cwd, model) }, data, {
      ...{ signal, samples, prompt },
      onProgress: (text) => terminal.progress(text),
    }),
  );
  terminal.clearProgress();
  show(context, options, { data: data.name, ...judgement }, () => judgementText(judgement, data.name));
}

function readCount(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && text.trim() !== '') return count;
  throw new UsageError(`${option} must be a whole number ≥ 0, got ${JSON.stringify(text)}`);
}

async function evaluateOnFolder(
  context: CommandContext,
  evaluation: FolderEvaluation,
  options: EvalOptions & SharedOptions,
): Promise<void> {
  refuseTableFlags(options, evaluation.data);
  const work = withCancelOnSignal(context.terminal, (signal) =>
    evaluateFolder(context, evaluation, { ...options, signal }),
  );
  const { report, summary } = await withSpinner(context.terminal, 'evaluates', work);
  for (const line of skippedText(summary, false)) context.terminal.note(line);
  await showReport(context, report, options);
}

async function showReport(
  { world, terminal }: CommandContext,
  report: EvaluationReport,
  options: EvalOptions & SharedOptions,
): Promise<void> {
  if (options.report !== undefined) {
    await replaceFile(resolve(world.cwd, options.report), renderReportPage(report));
  }
  terminal.print(options.json ? JSON.stringify(report, null, 2) : formatReport(report).trimEnd());
}
