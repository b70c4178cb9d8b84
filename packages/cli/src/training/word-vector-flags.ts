// The options of `train --task word-vectors`, and what they become. Options of other kinds of data are refused by name.
import { type Command, Option } from 'commander';
import { UsageError } from '../command-context.ts';
import { number, optional, wholeNumber } from './flag-values.ts';

const METHODS = ['skip-gram', 'cbow', 'glove', 'ppmi-svd'] as const;

/** How the vectors are found. */
export type WordVectorMethod = (typeof METHODS)[number];

/** As commander gives them. */
export interface WordVectorFlags {
  readonly seed?: string;
  readonly epochs?: string;
  readonly learningRate?: string;
  readonly method?: WordVectorMethod;
  readonly dimensions?: string;
  readonly window?: string;
  readonly minCount?: string;
  readonly subwords?: true;
}

/** What is asked for; the rest is the trainer's. */
export interface WordVectorSettings {
  readonly method: WordVectorMethod;
  readonly seed: number;
  readonly minCount: number;
  readonly dimensions?: number;
  readonly window?: number;
  readonly epochs?: number;
  readonly learningRate?: number;
  readonly subwords?: true;
}

/** What only word vectors have. */
export const WORD_VECTOR_FLAGS = [
  'method',
  'dimensions',
  'window',
  'minCount',
  'subwords',
] as const satisfies readonly (keyof WordVectorFlags)[];

/** What they share with other trainings, and what says where things go. */
const SHARED = ['task', 'seed', 'epochs', 'learningRate', 'name', 'out', 'deploy', 'verbose', 'url', 'apiKey', 'json'];

/** Adds what only word vectors have. */
export function addWordVectorOptions(command: Command): Command {
  return command
    .addOption(new Option('--method <name>', 'how word vectors are found (default: skip-gram)').choices(METHODS))
    .option('--dimensions <n>', 'numbers of a word vector (default: 100)')
    .option('--window <words>', 'that count as near, to each side (default: 5, for glove 10)')
    .option('--min-count <n>', 'rarer words get no vector (default: 5)')
    .option('--subwords', 'learn parts of words too (skip-gram and cbow)');
}

/** @throws UsageError for an option of word vectors where none are learned */
export function refuseWordVectorFlags(flags: WordVectorFlags): void {
  const given = WORD_VECTOR_FLAGS.find((flag) => flags[flag] !== undefined);
  if (given === undefined) return;
  throw new UsageError(`${spelled(given)} is for word vectors; say --task word-vectors to learn some`);
}

/** @throws UsageError for an option that cannot be, or is of other trainings */
export function readWordVectorFlags(flags: WordVectorFlags): WordVectorSettings {
  const known = new Set<string>([...WORD_VECTOR_FLAGS, ...SHARED]);
  const strange = Object.entries(flags).find(([name, value]) => value !== undefined && !known.has(name));
  if (strange !== undefined) throw new UsageError(`${spelled(strange[0])} is nothing word vectors are learned with`);
  const { method = 'skip-gram', subwords } = flags;
  const isCounted = method === 'ppmi-svd';
  if (subwords === true && (isCounted || method === 'glove')) {
    throw new UsageError(`--subwords is for --method skip-gram and cbow, not for ${method}`);
  }
  if (isCounted && (flags.epochs !== undefined || flags.learningRate !== undefined)) {
    throw new UsageError('--method ppmi-svd counts once: it has neither --epochs nor --learning-rate');
  }
  return {
    method,
    seed: wholeNumber('--seed', flags.seed, 0) ?? 0,
    minCount: wholeNumber('--min-count', flags.minCount, 1) ?? 5,
    ...optional('dimensions', wholeNumber('--dimensions', flags.dimensions, 1)),
    ...optional('window', wholeNumber('--window', flags.window, 1)),
    ...optional('epochs', wholeNumber('--epochs', flags.epochs, 1)),
    ...optional('learningRate', number('--learning-rate', flags.learningRate, { above: 0 })),
    ...optional('subwords', subwords),
  };
}

/** `minCount` as users write it: `--min-count`. */
function spelled(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
