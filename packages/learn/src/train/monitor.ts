// What follows from the numbers of an epoch: whether it was the best so far, whether to stop, whether to lower the
// learning rate. Plain data in, plain data out, so that a checkpoint holds where it stands.
import { AmaasError } from '@amaas/core';
import type { EpochRecord } from './epoch-record.ts';
import type { Metric } from './metrics.ts';

export interface MonitorOptions {
  /** An epoch record's name; default `validation loss`, without validation rows `loss`. */
  readonly monitor?: string;
  /** Smaller improvements do not count; default 0. */
  readonly minDelta?: number;
}

export interface EarlyStopping extends MonitorOptions {
  /** Training stops after this many epochs in a row without improvement, as in Keras; at least 1. */
  readonly patience: number;
  /** Whether the weights of the best epoch come back; default true. */
  readonly restoreBest?: boolean;
}

export interface ReduceOnPlateau extends MonitorOptions {
  /** What the learning rate is multiplied by, between 0 and 1; default 0.1. */
  readonly factor?: number;
  /** The rate is lowered after this many epochs in a row without improvement; default 10, at least 1. */
  readonly patience?: number;
  /** Epochs after lowering that are not counted; default 0. */
  readonly cooldown?: number;
  /** The rate goes no lower; default 0. */
  readonly minRate?: number;
}

/** Where an early stopper stands. */
export interface StoppingState {
  readonly best: { readonly epoch: number; readonly score: number } | null;
  /** Epochs since. */
  readonly epochsWithoutImprovement: number;
}

/** Where a {@link ReduceOnPlateau} stands. */
export interface PlateauState {
  /** Product of all factors applied. */
  readonly factor: number;
  readonly bestScore: number | null;
  readonly badEpochs: number;
  readonly coolingEpochs: number;
}

export const STOPPING_START: StoppingState = { best: null, epochsWithoutImprovement: 0 };
export const PLATEAU_START: PlateauState = { factor: 1, bestScore: null, badEpochs: 0, coolingEpochs: 0 };

/** Reads a monitored value as a score: lower is better. */
export type Score = (record: EpochRecord) => number;

/** @throws INVALID_ARGUMENT when no epoch will have a value of the name */
export function scoreFor(
  what: string,
  { monitor, minDelta = 0 }: MonitorOptions,
  { metrics, validates }: { readonly metrics: readonly Metric[]; readonly validates: boolean },
): Score {
  const shown = ['loss', ...metrics.map(({ name }) => name)];
  const names = [...shown, ...(validates ? shown.map((name) => `validation ${name}`) : [])];
  const name = monitor ?? (validates ? 'validation loss' : 'loss');
  if (!names.includes(name)) {
    throw new AmaasError('INVALID_ARGUMENT', `${what}: there is no value named ${name}, only ${names.join(', ')}`);
  }
  if (!(minDelta >= 0))
    throw new AmaasError('INVALID_ARGUMENT', `${what}: minDelta must be at least 0, got ${minDelta}`);
  const metric = metrics.find((each) => name === each.name || name === `validation ${each.name}`);
  const sign = metric?.higherIsBetter === true ? -1 : 1;
  return ({ values }) => sign * (values[name] ?? Number.NaN);
}

/** The stopper after an epoch. A score that is not a number is never the best. */
export function judge(
  state: StoppingState,
  epoch: number,
  { score, minDelta = 0 }: { readonly score: number; readonly minDelta?: number | undefined },
): StoppingState {
  return improves(score, state.best?.score ?? null, minDelta)
    ? { best: { epoch, score }, epochsWithoutImprovement: 0 }
    : { ...state, epochsWithoutImprovement: state.epochsWithoutImprovement + 1 };
}

/** The rate's factor after an epoch. Counting and cooling down as in PyTorch's ReduceLROnPlateau with one more patience. */
export function reduceOnPlateau(
  state: PlateauState,
  score: number,
  { factor = 0.1, patience = 10, cooldown = 0, minDelta = 0 }: ReduceOnPlateau,
): PlateauState {
  const better = improves(score, state.bestScore, minDelta);
  const bestScore = better ? score : state.bestScore;
  if (state.coolingEpochs > 0) return { ...state, bestScore, badEpochs: 0, coolingEpochs: state.coolingEpochs - 1 };
  const badEpochs = better ? 0 : state.badEpochs + 1;
  return badEpochs >= patience
    ? { factor: state.factor * factor, bestScore, badEpochs: 0, coolingEpochs: cooldown }
    : { ...state, bestScore, badEpochs };
}

/** @throws INVALID_ARGUMENT for numbers out of range */
export function assertMonitors(
  stopping: EarlyStopping | undefined,
  { factor = 0.1, patience = 10, cooldown = 0, minRate = 0 }: ReduceOnPlateau = {},
): void {
  if (stopping !== undefined) assertWhole('earlyStopping: patience', stopping.patience, 1);
  assertWhole('reduceOnPlateau: patience', patience, 1);
  assertWhole('reduceOnPlateau: cooldown', cooldown, 0);
  if (!(factor > 0 && factor < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `reduceOnPlateau: factor must be between 0 and 1, got ${factor}`);
  }
  if (!(minRate >= 0 && Number.isFinite(minRate))) {
    throw new AmaasError('INVALID_ARGUMENT', `reduceOnPlateau: minRate must be at least 0, got ${minRate}`);
  }
}

/** @throws INVALID_ARGUMENT unless `value` is a whole number of at least `least` */
export function assertWhole(what: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new AmaasError('INVALID_ARGUMENT', `${what} must be a whole number of at least ${least}, got ${value}`);
}

function improves(score: number, best: number | null, minDelta: number): boolean {
  return !Number.isNaN(score) && (best === null || score < best - minDelta);
}
