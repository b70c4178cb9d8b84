// The options of `train` that say how to learn a folder of pictures or recordings, and what they become. Options that only
// fit the other kind of data are refused by name: silently ignored they would seem to work.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { FolderKind, GivenPreparation } from '@amaas/engine-sharp';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-context.ts';
import { number, optional, wholeNumber } from './flag-values.ts';
import type { MediaSettings } from './messages.ts';
import type { TrainFlags } from './train-flags.ts';

/** As commander gives them. */
export interface MediaFlags
  extends Pick<
    TrainFlags,
    'test' | 'validation' | 'groupBy' | 'seed' | 'epochs' | 'learningRate' | 'batchSize' | 'weightDecay'
  > {
  readonly size?: string;
  readonly gray?: true;
  readonly fit?: 'stretch' | 'letterbox';
  readonly sampleRate?: string;
  readonly seconds?: string;
}

/** Options of a training that only tables have; each of {@link TrainFlags} is here or shared. */
export const TABLE_FLAGS = [
  'target',
  'task',
  'exclude',
  'timeBy',
  'hidden',
  'dropout',
  'maxRowsInMemory',
  'allowLeakage',
  'separator',
  'quote',
  'header',
  'skipLines',
  'decimal',
  'thousands',
  'encoding',
  'ragged',
  'duplicateNames',
  'timestampFormat',
  'missing',
  'as',
] as const satisfies readonly (keyof TrainFlags)[];

/** What only folders of one medium have. */
export const KIND_FLAGS: Readonly<Record<FolderKind, readonly (keyof MediaFlags)[]>> = {
  image: ['size', 'gray', 'fit'],
  audio: ['sampleRate', 'seconds'],
};

const WHAT: Readonly<Record<FolderKind, string>> = { image: 'pictures', audio: 'recordings' };

/** Sides below it leave a network nothing to halve; the other bound is of memory, of which a thousand pictures take 3 GB. */
const SIDES = { least: 8, most: 1024 } as const;
/** Rates that recordings have. */
const RATES_HZ = { least: 1000, most: 192_000 } as const;

/** Adds what only pictures or recordings have. */
export function addMediaOptions(command: Command): Command {
  return command
    .option('--size <width>x<height>', "pixels that pictures are brought to (default: the pictures' own, 64 at most)")
    .option('--gray', 'learn pictures without their colours (default: where none has any)')
    .addOption(
      new Option(
        '--fit <way>',
        'how pictures of other shapes are brought to the size (default: by the shapes)',
      ).choices(['stretch', 'letterbox']),
    )
    .option('--sample-rate <hz>', 'that recordings are brought to (default: their own, 16000 at most)')
    .option('--seconds <n>', 'of each recording that are learned from (default: the longest, 10 at most)');
}

/** @throws UsageError for an option of pictures or recordings */
export function refuseMediaFlags(flags: MediaFlags, table: string): void {
  for (const kind of ['image', 'audio'] as const) {
    const given = KIND_FLAGS[kind].find((flag) => flags[flag] !== undefined);
    if (given !== undefined)
      throw new UsageError(`${nameOf(given)} is for folders of ${WHAT[kind]}; ${table} is read as a table`);
  }
}

/** @throws UsageError for an option of tables */
export function refuseTableFlags(flags: TrainFlags, folder: string, what = ''): void {
  const given = TABLE_FLAGS.find((flag) => flags[flag] !== undefined);
  if (given === undefined) return;
  const why = given === 'target' ? ', whose classes are the names of its folders' : '';
  throw new UsageError(`${nameOf(given)} is for tables; ${folder} is a folder${what}${why}`);
}

/** @throws UsageError for an option of tables, or of the other medium */
export function refuseOtherFlags(flags: MediaFlags & TrainFlags, kind: FolderKind, folder: string): void {
  refuseTableFlags(flags, folder, ` of ${WHAT[kind]}`);
  const other = kind === 'image' ? 'audio' : 'image';
  const strange = KIND_FLAGS[other].find((flag) => flags[flag] !== undefined);
  if (strange === undefined) return;
  throw new UsageError(`${nameOf(strange)} is for ${WHAT[other]}; ${folder} is a folder of ${WHAT[kind]}`);
}

/** @param cwd - where a folder given as --test is looked for. @throws UsageError for an option that cannot be */
export async function readMediaFlags(flags: MediaFlags, kind: FolderKind, cwd: string): Promise<MediaSettings> {
  const { groupBy } = flags;
  const image: GivenPreparation = {
    ...readSize(flags.size),
    ...optional('fit', flags.fit),
    ...(flags.gray === true ? { channels: 'gray' } : {}),
  };
  return {
    kind,
    ...(await readTest(flags.test, cwd)),
    ...optional('validation', number('--validation', flags.validation, { above: 0 })),
    ...optional('groupBy', groupBy === undefined ? undefined : checkedPattern(groupBy)),
    seed: wholeNumber('--seed', flags.seed, 0) ?? 0,
    ...optional('epochs', wholeNumber('--epochs', flags.epochs, 1)),
    ...optional('learningRate', number('--learning-rate', flags.learningRate, { above: 0 })),
    ...optional('batchSize', wholeNumber('--batch-size', flags.batchSize, 1)),
    ...optional('weightDecay', number('--weight-decay', flags.weightDecay, { least: 0 })),
    ...(Object.keys(image).length === 0 ? {} : { image }),
    ...optional('sampleRateHz', readRate(flags.sampleRate)),
    ...optional('seconds', number('--seconds', flags.seconds, { above: 0 })),
  };
}

async function readTest(text: string | undefined, cwd: string): Promise<Pick<MediaSettings, 'test' | 'testFolder'>> {
  if (text === undefined) return {};
  if (text.trim() !== '' && Number.isFinite(Number(text)))
    return optional('test', number('--test', text, { above: 0 }));
  const found = text === '' ? null : await stat(resolve(cwd, text)).catch(() => null);
  if (found?.isDirectory()) return { testFolder: text };
  throw new UsageError(`--test must be a share, a number or a folder, got ${JSON.stringify(text)}`);
}

function readSize(text: string | undefined): GivenPreparation {
  if (text === undefined) return {};
  const [, width = '', height = width] = /^(\d{1,5})(?:[x×](\d{1,5}))?$/.exec(text) ?? [];
  const sides = [Number(width), Number(height)] as const;
  if (width === '' || sides.some((side) => side < SIDES.least || side > SIDES.most)) {
    throw new UsageError(
      `--size must be width x height in pixels, ${SIDES.least} to ${SIDES.most} each, such as 96x64; got ${JSON.stringify(text)}`,
    );
  }
  return { width: sides[0], height: sides[1] };
}

function readRate(text: string | undefined): number | undefined {
  const rate = wholeNumber('--sample-rate', text, RATES_HZ.least);
  if (rate === undefined || rate <= RATES_HZ.most) return rate;
  throw new UsageError(`--sample-rate must be at most ${RATES_HZ.most}, got ${rate}`);
}

function checkedPattern(text: string): string {
  try {
    new RegExp(text, 'u');
    return text;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : '';
    throw new UsageError(`--group-by of a folder must be a regular expression for the names of its files: ${why}`);
  }
}

/** `timeBy` as users write it: `--time-by`. */
function nameOf(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
