// `amaas eval`: how good a table model is on another file, by the report that its training ended with.
import { resolve } from 'node:path';
import { formatReport, renderReportPage } from '@amaas/learn/evaluate';
import { evaluateTableModel, tableModelKinds } from '@amaas/learn/pipelines';
import type { Command } from 'commander';
import { type CommandContext, optionsOf, type SharedOptions } from '../command-context.ts';
import { withSpinner } from '../terminal.ts';
import { withCancelOnSignal } from '../training/cancel-on-signal.ts';
import { replaceFile } from '../training/durable-file.ts';
import { findModel } from '../training/find-model.ts';
import { openSource } from '../training/open-source.ts';
import { addReadingOptions, type ReadingFlags, readReadingFlags } from '../training/train-flags.ts';

interface EvalOptions extends ReadingFlags {
  readonly target?: string;
  readonly report?: string;
}

export function registerEval(program: Command, context: CommandContext): void {
  const command = program
    .command('eval <model> <data>')
    .description('report how good a table model is on another file: a folder or .onnx of `train`, or a served name')
    .option('--target <column>', 'the column with the answers (default: the one the model was trained to predict)');
  addReadingOptions(command)
    .option('--report <file>', 'where to write the report as a page')
    .addHelpText(
      'after',
      `
Example:
  $ amaas eval trained/heart heart-2026.csv
  $ amaas eval heart:production heart-2026.csv --target target --report heart-2026.html`,
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
  const { world, terminal } = context;
  const reading = readReadingFlags(options);
  const found = await findModel(context, model, options);
  const { description, name } = found;
  const target = options.target ?? description.target.column;
  const work = withCancelOnSignal(terminal, async (signal) => {
    // Cells mean what they meant in training; a user who says otherwise is heard.
    const kinds = [...tableModelKinds({ ...description, target: { ...description.target, column: target } })];
    const source = await openSource(
      resolve(world.cwd, data),
      { ...reading, kinds: [...kinds, ...(reading.kinds ?? [])] },
      signal,
    );
    try {
      return await found.use((run) => evaluateTableModel({ run, description, source, name, target, signal }));
    } finally {
      await source.close();
    }
  });
  const { report } = await withSpinner(terminal, 'evaluates', work);
  if (options.report !== undefined) {
    await replaceFile(resolve(world.cwd, options.report), renderReportPage(report));
  }
  terminal.print(options.json ? JSON.stringify(report, null, 2) : formatReport(report).trimEnd());
}
