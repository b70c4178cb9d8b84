// Dropout. The masks come from numbers fed for every step, so that a resumed training draws what an uninterrupted one
// would have drawn, on every runtime.
import { AmaasError } from '@amaas/core';
import { cast, greaterOrEqual, mul } from '../graph/index.ts';
import { type Layer, layer } from './layer.ts';

/**
 * Sets a share of the elements to zero in training and scales the rest up; does nothing otherwise.
 * @param rate - share dropped, 0 ≤ rate < 1
 * Source: Srivastava et al. 2014.
 */
export function dropout(rate: number): Layer {
  if (!(rate >= 0 && rate < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `dropout: rate must be in [0, 1), got ${rate}`);
  }
  return layer('dropout', (x, scope) => {
    if (!scope.training || rate === 0) return x;
    const kept = cast(greaterOrEqual(scope.uniform(x.shape), rate), x.dtype);
    return mul(x, mul(kept, 1 / (1 - rate)));
  });
}
