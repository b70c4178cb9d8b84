// The options of `tune` that say how to search, and what they become.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { AmaasError } from '@amaas/core';
import { checkTableSpace, tableOptions, type TableScheduler } from '@amaas/learn/pipelines';
import { parseSearchSpace, type SamplerSettings, type SearchSpace } from '@amaas/learn/tune';
import { type Command, Option } from 'commander';
import { type CommandContext, UsageError } from '../command-context.ts';
import type { TrainingConfiguration } from '../training/messages.ts';
import type { TuningTask } from './messages.ts';

/** As commander gives them. */
export interface TuneFlags {
  readonly space?: string;
  readonly sampler: string;
  readonly scheduler: string;
  readonly trials?: string;
  readonly time?: string;
  readonly parallel?: string;
}

/** Enough for the default space to be searched rather than tried. */
const DEFAULT_TRIALS = 30;

const SAMPLERS: Readonly<Record<string, SamplerSettings['kind']>> = {
  tpe: 'tpe',
  random: 'random',
  'quasi-random': 'quasiRandom',
  grid: 'grid',
};

const SCHEDULERS: Readonly<Record<string, TableScheduler>> = {
  asha: 'asha',
  halving: 'successiveHalving',
  median: 'median',
  none: 'none',
};

export function addTuneOptions(command: Command): Command {
  return command
    .option('--space <file>', 'a JSON file that says what to vary (default: widths, rates, dropout, batch size)')
    .addOption(new Option('--sampler <kind>', 'what chooses settings').choices(Object.keys(SAMPLERS)).default('tpe'))
    .addOption(
      new Option('--scheduler <kind>', 'what ends bad trials early').choices(Object.keys(SCHEDULERS)).default('asha'),
    )
    .option('--trials <n>', `trials in all (default: ${DEFAULT_TRIALS}, with --time as many as fit)`)
    .option('--time <duration>', 'time for the trials in all: 90s, 10m, 2h')
    .option(
      '--parallel <n>',
      'trials at once, which share the cores (default: 1; only so do equal seeds give equal trials)',
    );
}

export type SearchFlags = Pick<
  TuningTask,
  'space' | 'sampler' | 'scheduler' | 'maxTrials' | 'maxElapsedMs' | 'parallel' | 'threads'
>;

/** @throws UsageError for an option that cannot be; INVALID_CONFIG for a space that cannot */
export async function readTuneFlags(
  { world }: CommandContext,
  flags: TuneFlags,
  { settings }: TrainingConfiguration,
): Promise<SearchFlags> {
  const maxElapsedMs = flags.time === undefined ? null : readDuration(flags.time);
  const trials = readCount('--trials', flags.trials);
  const parallel = readCount('--parallel', flags.parallel) ?? 1;
  const space = flags.space === undefined ? null : await readSpace(resolve(world.cwd, flags.space));
  if (space !== null) checkTableSpace(space, tableOptions(settings).model);
  return {
    space,
    sampler: { kind: SAMPLERS[flags.sampler] ?? 'tpe' }, // commander has checked both
    scheduler: SCHEDULERS[flags.scheduler] ?? 'asha',
    maxTrials: trials ?? (maxElapsedMs === null ? DEFAULT_TRIALS : null),
    maxElapsedMs,
    parallel,
    threads: Math.max(1, Math.floor(availableParallelism() / parallel)),
  };
}

async function readSpace(path: string): Promise<SearchSpace> {
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : '';
    throw new AmaasError('INVALID_CONFIG', `tune: ${path} is not JSON: ${why}`);
  }
  return parseSearchSpace(json);
}

function readCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1) return value;
  throw new UsageError(`${option} must be a whole number ≥ 1, got ${JSON.stringify(text)}`);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function readDuration(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const durationMs = Number(amount) * (UNIT_MS[unit] ?? 0);
  if (durationMs > 0) return durationMs;
  throw new UsageError(`--time must be a duration such as 90s, 10m or 2h, got ${JSON.stringify(text)}`);
}
