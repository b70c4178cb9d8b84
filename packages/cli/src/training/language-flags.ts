// The options of `train --task language-model`, and what they become. Options of other kinds of data are refused by name.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ScheduleName } from '@amaas/learn/language';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-context.ts';
import { number, optional, wholeNumber } from './flag-values.ts';
import type { MediaFlags } from './media-flags.ts';
import type { LanguageSettings } from './messages.ts';
import type { TrainFlags } from './train-flags.ts';

/** As commander gives them. */
export interface LanguageFlags
  extends Pick<
    TrainFlags,
    'validation' | 'seed' | 'epochs' | 'learningRate' | 'batchSize' | 'weightDecay' | 'dropout'
  > {
  readonly architecture?: 'gpt' | 'llama';
  readonly layers?: string;
  readonly heads?: string;
  readonly keyValueHeads?: string;
  readonly width?: string;
  readonly blockSize?: string;
  readonly tokenizer?: string;
  readonly vocabulary?: string;
  readonly steps?: string;
  readonly accumulate?: string;
  readonly schedule?: ScheduleName;
  readonly sampleEvery?: string;
  readonly prompt?: string;
  readonly temperature?: string;
  readonly patience?: string;
  readonly quantization?: LanguageSettings['quantization'];
}

/** What only language models have. */
export const LANGUAGE_FLAGS = [
  'architecture',
  'layers',
  'heads',
  'keyValueHeads',
  'width',
  'blockSize',
  'tokenizer',
  'vocabulary',
  'steps',
  'accumulate',
  'schedule',
  'sampleEvery',
  'prompt',
  'temperature',
  'patience',
  'quantization',
] as const satisfies readonly (keyof LanguageFlags)[];

/** What a language model shares with other trainings. */
const SHARED: ReadonlySet<string> = new Set<keyof (LanguageFlags & TrainFlags)>([
  'task',
  'validation',
  'seed',
  'epochs',
  'learningRate',
  'batchSize',
  'weightDecay',
  'dropout',
]);

/** What commander gives of options that say where things go, which every training has. */
const PLACES: ReadonlySet<string> = new Set([
  'name',
  'label',
  'out',
  'deploy',
  'resume',
  'verbose',
  'url',
  'apiKey',
  'json',
]);

/** Adds what only language models have. */
export function addLanguageOptions(command: Command): Command {
  const choice = (flags: string, description: string, values: readonly string[]): Option =>
    new Option(flags, description).choices(values);
  return command
    .addOption(choice('--architecture <name>', 'shape of the network (default: llama)', ['gpt', 'llama']))
    .option('--layers <n>', 'blocks of the network (default: 4)')
    .option('--heads <n>', 'heads of attention, which divide the width (default: 4)')
    .option('--key-value-heads <n>', 'heads of keys and values, of a llama (default: as --heads)')
    .option('--width <n>', 'numbers per token (default: 128)')
    .option('--block-size <tokens>', 'that the network sees at once (default: 128)')
    .option('--tokenizer <kind>', 'to learn: bpe, unigram or characters; or a tokenizer.json (default: bpe)')
    .option('--vocabulary <n>', 'tokens of a tokenizer that is learned (default: 1024)')
    .option('--steps <n>', 'updates of the network (default: 1000, or give --epochs)')
    .option('--accumulate <batches>', 'of one update (default: 1)')
    .addOption(
      choice('--schedule <name>', 'of the learning rate after its warm-up (default: cosine)', [
        'cosine',
        'warmup-stable-decay',
        'constant',
      ]),
    )
    .option('--sample-every <steps>', 'between measurements, each with a sample (default: a tenth of all)')
    .option('--prompt <text>', 'what samples go on from (default: the beginning of a text)')
    .option('--temperature <t>', 'of samples: 0 for the likeliest text (default: 0.8)')
    .option('--patience <n>', 'measurements without a better one that end the training (default: never)')
    .addOption(
      choice('--quantization <type>', 'of the weights in model.gguf (default: F16)', ['F32', 'F16', 'Q8_0', 'Q4_0']),
    );
}

/** @throws UsageError for an option of language models where none is learned */
export function refuseLanguageFlags(flags: LanguageFlags): void {
  const given = LANGUAGE_FLAGS.find((flag) => flags[flag] !== undefined);
  if (given === undefined) return;
  throw new UsageError(`${spelled(given)} is for language models; say --task language-model to learn one`);
}

/**
 * What the options say.
 * @param cwd - where a tokenizer.json is looked for
 * @throws UsageError for an option that cannot be, or is of other trainings
 */
export async function readLanguageFlags(
  flags: LanguageFlags & TrainFlags & MediaFlags,
  cwd: string,
): Promise<LanguageSettings> {
  const known = new Set<string>([...LANGUAGE_FLAGS, ...SHARED, ...PLACES]);
  const strange = Object.entries(flags).find(([name, value]) => value !== undefined && !known.has(name));
  if (strange !== undefined) throw new UsageError(`${spelled(strange[0])} is nothing a language model is learned with`);
  if (flags.steps !== undefined && flags.epochs !== undefined) {
    throw new UsageError('give --steps or --epochs, not both');
  }
  const { architecture = 'llama', keyValueHeads } = flags;
  if (architecture === 'gpt' && keyValueHeads !== undefined) {
    throw new UsageError('--key-value-heads is for --architecture llama');
  }
  return {
    architecture: {
      name: architecture,
      ...optional('layers', wholeNumber('--layers', flags.layers, 1)),
      ...optional('heads', wholeNumber('--heads', flags.heads, 1)),
      ...optional('keyValueHeads', wholeNumber('--key-value-heads', keyValueHeads, 1)),
      ...optional('width', wholeNumber('--width', flags.width, 1)),
      ...optional('blockSize', wholeNumber('--block-size', flags.blockSize, 1)),
      ...optional('dropout', number('--dropout', flags.dropout, { least: 0, below: 1 })),
    },
    tokenizer: await readTokenizerFlag(flags, cwd),
    ...optional('steps', wholeNumber('--steps', flags.steps, 1)),
    ...optional('epochs', number('--epochs', flags.epochs, { above: 0 })),
    ...optional('batchSize', wholeNumber('--batch-size', flags.batchSize, 1)),
    ...optional('accumulate', wholeNumber('--accumulate', flags.accumulate, 1)),
    ...optional('learningRate', number('--learning-rate', flags.learningRate, { above: 0 })),
    ...optional('weightDecay', number('--weight-decay', flags.weightDecay, { least: 0 })),
    ...optional('schedule', flags.schedule),
    ...optional('validation', number('--validation', flags.validation, { least: 0, below: 1 })),
    ...optional('evaluateEvery', wholeNumber('--sample-every', flags.sampleEvery, 1)),
    ...optional('patience', wholeNumber('--patience', flags.patience, 1)),
    prompt: flags.prompt ?? '',
    temperature: number('--temperature', flags.temperature, { least: 0 }) ?? 0.8,
    quantization: flags.quantization ?? 'F16',
    seed: wholeNumber('--seed', flags.seed, 0) ?? 0,
  };
}

async function readTokenizerFlag(
  { tokenizer = 'bpe', vocabulary }: LanguageFlags,
  cwd: string,
): Promise<LanguageSettings['tokenizer']> {
  const vocabularySize = wholeNumber('--vocabulary', vocabulary, 1);
  if (tokenizer === 'bpe' || tokenizer === 'unigram') {
    return { kind: tokenizer, vocabularySize: vocabularySize ?? 1024 };
  }
  if (vocabularySize !== undefined) {
    throw new UsageError(`--vocabulary is for --tokenizer bpe and unigram, not for ${tokenizer}`);
  }
  if (tokenizer === 'characters') return { kind: 'characters' };
  const json = await readFile(resolve(cwd, tokenizer), 'utf8').catch(() => {
    throw new UsageError(`--tokenizer must be bpe, unigram, characters or a tokenizer.json, got ${tokenizer}`);
  });
  return { kind: 'given', json };
}

/** `blockSize` as users write it: `--block-size`. */
function spelled(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
