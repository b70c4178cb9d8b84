// Inputs made up from what a model declares, for measuring where no real ones were given.
import {
  AmaasError,
  createTensor,
  elementCount,
  formatSpec,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
  TYPED_ARRAYS,
} from '@amaas/core';
import { float16BitsFromNumber, bfloat16BitsFromNumber } from '@amaas/core';

/**
 * One tensor for every required input: the first dim, where unknown, is `rows`, other unknown dims 1. Numbers vary from
 * 0 to 1, integers and booleans alternate 0 and 1, strings are "a"; the same every time.
 * @throws UNSUPPORTED_TENSOR for dtypes nothing can be made up for
 */
export function makeUpInputs(specs: readonly TensorSpec[], rows: number): NamedTensors {
  const inputs = new Map<string, Tensor>();
  for (const spec of specs) if (!spec.optional) inputs.set(spec.name, makeUpTensor(spec, rows));
  return inputs;
}

function makeUpTensor(spec: TensorSpec, rows: number): Tensor {
  const shape = (spec.shape ?? [rows]).map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? rows : 1));
  const elements = elementCount(shape);
  if (spec.dtype === 'string') {
    return createTensor(
      'string',
      shape,
      Array.from({ length: elements }, () => Uint8Array.of(0x61)),
    );
  }
  const data = new TYPED_ARRAYS[spec.dtype](elements);
  for (let index = 0; index < data.length; index++) data[index] = makeUpElement(spec, index);
  // The array was made by the dtype's own constructor.
  return { dtype: spec.dtype, shape, data } as Tensor;
}

function makeUpElement(spec: TensorSpec, index: number): number | bigint {
  const fraction = ((index * 7919) % 1000) / 1000; // a prime step: neighbours differ, no randomness needed
  switch (spec.dtype) {
    case 'float32':
    case 'float64':
      return fraction;
    case 'float16':
      return float16BitsFromNumber(fraction);
    case 'bfloat16':
      return bfloat16BitsFromNumber(fraction);
    case 'int64':
    case 'uint64':
      return BigInt(index % 2);
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'bool':
      return index % 2;
    default:
      throw new AmaasError(
        'UNSUPPORTED_TENSOR',
        `input "${spec.name}" is ${formatSpec(spec)}: nothing can be made up for it; give --input`,
      );
  }
}
