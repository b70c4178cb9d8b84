// The options of `train` that say what to learn and how to read the file, and what they become.
import { COLUMN_KINDS, type ColumnKind, type TargetTask } from '@amaas/learn/data';
import type { TableSettings } from '@amaas/learn/pipelines';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-context.ts';
import { number, optional, wholeNumber } from './flag-values.ts';
import type { TableReading, TrainingConfiguration } from './messages.ts';

/** As commander gives them. */
export interface TrainFlags extends ReadingFlags {
  readonly target?: string;
  readonly task?: TargetTask;
  readonly exclude?: readonly string[];
  readonly test?: string;
  readonly validation?: string;
  readonly groupBy?: string;
  readonly timeBy?: string;
  readonly seed?: string;
  readonly epochs?: string;
  readonly hidden?: string;
  readonly learningRate?: string;
  readonly batchSize?: string;
  readonly dropout?: string;
  readonly weightDecay?: string;
  readonly maxRowsInMemory?: string;
  readonly allowLeakage?: true;
}

export interface ReadingFlags {
  readonly separator?: string;
  readonly quote?: 'double' | 'single' | 'none';
  readonly header?: 'yes' | 'no';
  readonly skipLines?: string;
  readonly decimal?: '.' | ',';
  readonly thousands?: '.' | ',' | ' ' | "'";
  readonly encoding?: 'utf-8' | 'utf-16' | 'latin-1';
  readonly ragged?: 'refuse' | 'drop' | 'pad' | 'join';
  readonly duplicateNames?: 'refuse' | 'rename';
  readonly timestampFormat?: string;
  readonly missing?: readonly string[];
  readonly as?: readonly string[];
}

/** Adds what decides the result of learning a table, apart from the data. */
export function addTrainOptions(command: Command): Command {
  return addTableOptions(command.requiredOption('--target <column>', 'the column to predict'));
}

/** The same without the target, for a command that also learns what has none. @param otherTasks - of that command */
export function addTableOptions(command: Command, otherTasks: readonly string[] = []): Command {
  command
    .addOption(
      new Option('--task <task>', 'what to predict (default: told from the target)').choices([
        'binary',
        'multiclass',
        'regression',
        ...otherTasks,
      ]),
    )
    .option('--exclude <columns...>', 'columns to leave out, also as a,b,c')
    .option('--test <share>', 'rows held out for the report: a share below 1 or a number (default: 0.2)')
    .option('--validation <share>', 'rows held out to choose and to stop by (default: 0.15)')
    .option('--group-by <column>', 'rows with the same value, such as a patient, stay in one part; no feature')
    .option('--time-by <column>', 'the newest rows by this column are held out')
    .option('--seed <n>', 'decides every draw; the same again gives the same model (default: 0)')
    .option('--epochs <n>', 'most passes over the rows; fewer when it stops getting better (default: by the rows)')
    .option('--hidden <widths>', 'units of the hidden layers, 64,32; none for a linear model (default: by the rows)')
    .option('--learning-rate <rate>', 'of the network (default: by the rows)')
    .option('--batch-size <rows>', 'rows per update (default: by the rows)')
    .option('--dropout <share>', 'of the hidden units (default: by the rows)')
    .option('--weight-decay <rate>', 'of the network (default: by the rows)')
    .option(
      '--max-rows-in-memory <rows>',
      'of larger tables; networks learn from the stream of all rows (default: 16.8 million cells)',
    )
    .option('--allow-leakage', 'train also where a column tells the target all by itself');
  return addReadingOptions(command);
}

/** Adds what says how the file is to be read; all of it is found out where left out. */
export function addReadingOptions(command: Command): Command {
  const choice = (flags: string, description: string, values: readonly string[]): Option =>
    new Option(flags, description).choices(values);
  return command
    .option('--separator <character>', 'between the cells of a CSV file, `\\t` for a tab (default: told from the file)')
    .addOption(choice('--quote <kind>', 'around cells (default: told from the file)', ['double', 'single', 'none']))
    .addOption(choice('--header <answer>', 'whether the first line names the columns', ['yes', 'no']))
    .option('--skip-lines <n>', 'lines before the header or the first row that are no part of the table')
    .addOption(choice('--decimal <sign>', 'of numbers (default: told from the file)', ['.', ',']))
    .addOption(choice('--thousands <sign>', 'between thousands (default: none)', ['.', ',', ' ', "'"]))
    .addOption(choice('--encoding <name>', 'default: utf-8', ['utf-8', 'utf-16', 'latin-1']))
    .addOption(choice('--ragged <policy>', 'lines with too few or many cells', ['refuse', 'drop', 'pad', 'join']))
    .addOption(choice('--duplicate-names <policy>', 'columns of one name', ['refuse', 'rename']))
    .option('--timestamp-format <format>', "how times are written, in strptime's language (default: ISO 8601)")
    .option('--missing <texts...>', 'texts that mean "no value", besides NA, null, NaN, ? and the like')
    .option('--as <column=kind...>', `what a column holds: ${COLUMN_KINDS.join(', ')}`);
}

/** @throws UsageError for an option that cannot be */
export function readTrainFlags(flags: TrainFlags): TrainingConfiguration {
  const { target = '', groupBy, timeBy } = flags;
  if (groupBy !== undefined && timeBy !== undefined) {
    throw new UsageError('give --group-by or --time-by, not both: rows are split one way');
  }
  const settings: TableSettings = {
    target,
    ...optional('task', flags.task),
    ...optional(
      'exclude',
      flags.exclude?.flatMap((text) => text.split(',').map((name) => name.trim())),
    ),
    ...optional('test', number('--test', flags.test, { above: 0 })),
    ...optional('validation', number('--validation', flags.validation, { above: 0 })),
    ...optional('groupBy', groupBy),
    ...optional('timeBy', timeBy),
    seed: wholeNumber('--seed', flags.seed, 0) ?? 0,
    ...optional('epochs', wholeNumber('--epochs', flags.epochs, 1)),
    ...optional('hidden', readHidden(flags.hidden)),
    ...optional('learningRate', number('--learning-rate', flags.learningRate, { above: 0 })),
    ...optional('batchSize', wholeNumber('--batch-size', flags.batchSize, 1)),
    ...optional('dropout', number('--dropout', flags.dropout, { least: 0, below: 1 })),
    ...optional('maxRowsInMemory', wholeNumber('--max-rows-in-memory', flags.maxRowsInMemory, 1)),
    ...optional('weightDecay', number('--weight-decay', flags.weightDecay, { least: 0 })),
    ...optional('allowLeakage', flags.allowLeakage),
  };
  return { settings, reading: readReadingFlags(flags) };
}

/** @throws UsageError */
export function readReadingFlags(flags: ReadingFlags): TableReading {
  const { separator } = flags;
  if (separator !== undefined && separator !== '\\t' && separator.length !== 1) {
    throw new UsageError(`--separator must be one character, got ${JSON.stringify(separator)}`);
  }
  const { quote, header } = flags;
  return {
    ...optional('separator', separator === '\\t' ? '\t' : separator),
    ...optional('quote', quote === undefined ? undefined : QUOTES[quote]),
    ...optional('header', header === undefined ? undefined : header === 'yes'),
    ...optional('skipLines', wholeNumber('--skip-lines', flags.skipLines, 0)),
    ...optional('decimal', flags.decimal),
    ...optional('thousands', flags.thousands),
    ...optional('encoding', flags.encoding),
    ...optional('ragged', flags.ragged),
    ...optional('duplicateNames', flags.duplicateNames),
    ...optional('timestampFormat', flags.timestampFormat),
    ...optional('missing', flags.missing),
    ...optional('kinds', flags.as?.map(readKind)),
  };
}

const QUOTES = { double: '"', single: "'", none: '' } as const;

function readKind(text: string): readonly [string, ColumnKind] {
  const equals = text.lastIndexOf('=');
  const kind = COLUMN_KINDS.find((known) => known === text.slice(equals + 1));
  if (equals < 1 || kind === undefined) {
    const what = `--as must be column=kind with one of ${COLUMN_KINDS.join(', ')}`;
    throw new UsageError(`${what}, such as zip=string; got ${JSON.stringify(text)}`);
  }
  return [text.slice(0, equals), kind];
}

function readHidden(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return [];
  return text.split(',').map((width) => wholeNumber('--hidden', width.trim(), 1) ?? 1);
}
