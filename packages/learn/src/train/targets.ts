// Checks of targets against what a loss can mean by them, before anything is computed: an index that is no class would
// otherwise crash the runtime, or count from the end and train the wrong class.
import { AmaasError, type Tensor } from '@amaas/core';
import type { Shape } from '../graph/index.ts';

/** Every target must be a finite number. */
export function assertFiniteTargets(loss: string, target: Tensor): void {
  assertEach(loss, target, { expected: 'finite numbers', fits: Number.isFinite });
}

/** Every target must be a whole number that names one of the prediction's last axis. */
export function assertClassIndices(loss: string, target: Tensor, prediction: Shape): void {
  const classes = Number(prediction.at(-1));
  assertEach(loss, target, {
    expected: `whole numbers of 0 … ${classes - 1}, as the network gives ${classes} classes`,
    fits: (value) => Number.isInteger(value) && value >= 0 && value < classes,
  });
}

/** Every target must be a share: 0, 1 or between. */
export function assertShares(loss: string, target: Tensor): void {
  assertEach(loss, target, { expected: 'numbers of 0 … 1', fits: (value) => value >= 0 && value <= 1 });
}

/** Every target must be 1 or its opposite, written −1 or 0. */
export function assertSigns(loss: string, target: Tensor): void {
  assertEach(loss, target, {
    expected: '1 and −1 (or 0)',
    fits: (value) => value === 1 || value === 0 || value === -1,
  });
}

interface Expectation {
  readonly expected: string;
  readonly fits: (value: number) => boolean;
}

function assertEach(loss: string, { data, shape }: Tensor, { expected, fits }: Expectation): void {
  for (let at = 0; at < data.length; at++) {
    if (fits(Number(data[at]))) continue;
    const row = Math.floor(at / (data.length / (shape[0] ?? 1)));
    throw new AmaasError('INVALID_DATA', `${loss}: targets must be ${expected}; row ${row} has ${String(data[at])}`);
  }
}
