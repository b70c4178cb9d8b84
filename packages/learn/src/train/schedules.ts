// Learning rates by step. Computed outside the graph and fed with each step, so that any function will do.
import { AmaasError } from '@amaas/core';

/** The rate at a step. @param step - 0 at the first update */
export type Schedule = (step: number) => number;

/** A number as a schedule; schedules pass through. @throws INVALID_ARGUMENT for a rate that is negative or not finite */
export function constantRate(rate: number | Schedule): Schedule {
  if (typeof rate === 'function') return rate;
  if (!(Number.isFinite(rate) && rate >= 0)) {
    throw new AmaasError('INVALID_ARGUMENT', `learningRate must be a finite number of at least 0, got ${rate}`);
  }
  return () => rate;
}

/** rate · decay^(step / decaySteps) */
export function exponentialDecay(rate: number, decaySteps: number, decay: number): Schedule {
  return (step) => rate * decay ** (step / decaySteps);
}

/** `rate` times `factor` for every boundary reached. @param boundaries - steps, ascending */
export function stepDecay(rate: number, boundaries: readonly number[], factor = 0.1): Schedule {
  return (step) => rate * factor ** boundaries.filter((boundary) => step >= boundary).length;
}

export interface CosineOptions {
  /** Steps of linear growth from 0; default 0. */
  readonly warmupSteps?: number;
  /** Rate at the end and after it; default 0. */
  readonly minRate?: number;
}

/** Half a cosine from `rate` to `minRate` over `totalSteps`. Source: Loshchilov & Hutter 2017. */
export function cosineDecay(
  rate: number,
  totalSteps: number,
  { warmupSteps = 0, minRate = 0 }: CosineOptions = {},
): Schedule {
  return (step) => {
    if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return minRate + ((rate - minRate) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

export interface WarmupStableDecayOptions {
  /** Steps of linear growth from 0; default 0. */
  readonly warmupSteps?: number;
  /** Steps of the straight way down at the end; default a fifth of all, where longer ones were found to gain little. */
  readonly decaySteps?: number;
  /** Rate at the end and after it; default 0. */
  readonly minRate?: number;
}

/**
 * Up to `rate`, on it, and down to `minRate` over the last steps: what stands before the way down can be trained further
 * without knowing beforehand for how long. Source: Hu et al. 2024 (MiniCPM); Hägele et al. 2024 for the way down.
 * @throws INVALID_ARGUMENT when warm-up and way down are longer than the training
 */
export function warmupStableDecay(
  rate: number,
  totalSteps: number,
  { warmupSteps = 0, decaySteps = Math.ceil(totalSteps / 5), minRate = 0 }: WarmupStableDecayOptions = {},
): Schedule {
  if (!(warmupSteps >= 0 && decaySteps >= 0 && warmupSteps + decaySteps <= totalSteps)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `warmupStableDecay: ${warmupSteps} warmupSteps and ${decaySteps} decaySteps must fit into ${totalSteps} steps`,
    );
  }
  const decayFrom = totalSteps - decaySteps;
  return (step) => {
    if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
    if (step < decayFrom) return rate;
    return rate + (minRate - rate) * Math.min(1, (step - decayFrom) / Math.max(1, decaySteps));
  };
}

/** A straight line from `rate` to `endRate` over `totalSteps`. */
export function linearDecay(rate: number, totalSteps: number, endRate = 0): Schedule {
  return (step) => rate + (endRate - rate) * Math.min(1, step / Math.max(1, totalSteps));
}

/**
 * Up to `peakRate` over the first `risingShare` of the steps and down again, both as cosines: from peakRate / 25, to a
 * ten-thousandth of that. Source: Smith & Topin 2018, phases and defaults as in PyTorch's OneCycleLR.
 */
export function oneCycle(peakRate: number, totalSteps: number, risingShare = 0.3): Schedule {
  const start = peakRate / 25;
  const peakStep = risingShare * totalSteps - 1;
  const lastStep = totalSteps - 1;
  const between = (from: number, to: number, share: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(1, share)))) / 2;
  return (step) =>
    step <= peakStep
      ? between(start, peakRate, step / peakStep)
      : between(peakRate, start / 1e4, (step - peakStep) / (lastStep - peakStep));
}
