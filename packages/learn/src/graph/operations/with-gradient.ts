// A gradient by hand for what is written in several operations: where the closed form needs fewer of them than
// differentiating each step.
import { AmaasError } from '@amaas/core';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';

/**
 * `y`, differentiated by `gradient` instead of through the operations it was made with.
 *
 * In ONNX an Identity, which runtimes take out. Other values on the way to `y` keep their own gradients.
 * @param sources - all that `y` depends on and is differentiated for, and whatever else the gradient is computed from
 * @param gradient - the sources' gradients from y's, in their order; null for none. It uses the values it is given, not
 *   those around it: passes may have replaced them.
 * @param options - `isPermutable`: the gradient, too, does not know one axis from another; see {@link Operation}
 */
export function withGradient<const S extends readonly Value[]>(
  y: Value,
  sources: S,
  gradient: (dy: Value, y: Value, ...sources: S) => readonly (Value | null)[],
  options: Pick<Operation, 'isPermutable'> = {},
): Value {
  const operation = defineOperation({
    name: 'Identity',
    attributes: {},
    ...options,
    // ONNX's Identity takes `y` alone.
    countCaptures: () => sources.length,
    infer([value]) {
      if (value === undefined) throw new AmaasError('INVALID_GRAPH', 'Identity: an input is missing');
      return [{ dtype: value.dtype, shape: value.shape }];
    },
    gradient({ inputs: [, ...rest], outputs: [result] }, [dy]) {
      // A node keeps the number of its inputs, so that the rest are as many as the sources.
      const given = rest as readonly Value[] as S;
      return [null, ...(dy && result ? gradient(dy, result, ...given) : [])];
    },
  });
  return applyOne(operation, [y, ...sources], {});
}
