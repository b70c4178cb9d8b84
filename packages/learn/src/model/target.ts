// Targets as a loss takes them: numbers, or class numbers.
import { AmaasError, createTensor, formatShape, type Tensor } from '@amaas/core';
import type { Shape } from '../graph/index.ts';
import type { Loss } from '../train/index.ts';
import { type ArrayLikeTensor, flatNumbers, isTensor, toTensor } from './arrays.ts';

export interface TargetUse {
  readonly loss: Loss;
  /** Shape of what the network gives for a batch; null: not known. */
  readonly prediction: Shape | null;
}

/**
 * @param what - begins every message
 * @throws INVALID_DATA naming the first row that is no number, or no class number where the loss takes these
 */
export function toTarget(what: string, y: ArrayLikeTensor, { loss, prediction }: TargetUse): Tensor {
  const name = `${what}: the target`;
  if (typeof y !== 'object' || y === null) {
    throw new AmaasError('INVALID_DATA', `${name}: expected an array of numbers or a tensor, got ${String(y)}`);
  }
  if (loss.targetDType !== 'int64') return toTensor(y, 'float32', name);
  if (isTensor(y) && y.dtype === 'int64') return y;
  const { shape, numbers } = isTensor(y) ? numbersOf(name, y) : flatNumbers(y, name);
  const given = createTensor('float64', shape, Float64Array.from(numbers));
  // The loss knows best what its class numbers are. It sees them before they are made whole.
  if (prediction !== null) loss.assertTargets?.(given, prediction);
  const at = given.data.findIndex((value) => !Number.isSafeInteger(value));
  if (at !== -1) {
    const row = Math.floor(at / (numbers.length / (shape[0] ?? 1)));
    throw new AmaasError(
      'INVALID_DATA',
      `${name}: ${loss.name} takes whole class numbers 0 … C−1, C the classes of the network; row ${row} has ${given.data[at]}`,
    );
  }
  return createTensor('int64', shape, BigInt64Array.from(Array.from(numbers, BigInt)));
}

function numbersOf(what: string, { dtype, shape, data }: Tensor): { shape: readonly number[]; numbers: Float64Array } {
  switch (dtype) {
    case 'float32':
    case 'float64':
    case 'int32':
    case 'uint8':
    case 'bool':
      return { shape, numbers: Float64Array.from(data, Number) };
    default:
      throw new AmaasError('INVALID_DATA', `${what}: expected whole class numbers, got ${dtype} ${formatShape(shape)}`);
  }
}
