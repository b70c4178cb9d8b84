// Constants by value.
import { AmaasError, createTensor, type DType } from '@amaas/core';
import { countElements, type Shape, staticShape } from '../shape.ts';
import { constant, type Value } from '../value.ts';

/**
 * A constant tensor of numbers.
 * @param numbers - row by row; booleans as 0 and 1
 * @throws INVALID_GRAPH for a dtype that is not numeric here; INVALID_SHAPE when the count does not fit.
 */
export function constantOf(dtype: DType, shape: readonly number[], numbers: Iterable<number>): Value {
  switch (dtype) {
    case 'float32':
      return constant(createTensor(dtype, shape, Float32Array.from(numbers)));
    case 'float64':
      return constant(createTensor(dtype, shape, Float64Array.from(numbers)));
    case 'int32':
      return constant(createTensor(dtype, shape, Int32Array.from(numbers)));
    case 'int64':
      return constant(createTensor(dtype, shape, BigInt64Array.from(Array.from(numbers, BigInt))));
    case 'uint8':
    case 'bool':
      return constant(createTensor(dtype, shape, Uint8Array.from(numbers)));
    default:
      throw new AmaasError('INVALID_GRAPH', `constantOf: ${dtype} constants are made with constant()`);
  }
}

/** A scalar constant. */
export function scalar(dtype: DType, value: number): Value {
  return constantOf(dtype, [], [value]);
}

/** A constant that is `value` everywhere. @throws INVALID_GRAPH when the shape has symbols. */
export function filled(dtype: DType, shape: Shape, value: number): Value {
  const sizes = staticShape(shape, 'filled');
  return constantOf(dtype, sizes, new Float64Array(countElements(sizes, 'filled')).fill(value));
}

/** A constant of text, UTF-8. */
export function constantStrings(shape: readonly number[], texts: readonly string[]): Value {
  const encoder = new TextEncoder();
  return constant(
    createTensor(
      'string',
      shape,
      texts.map((text) => encoder.encode(text)),
    ),
  );
}

/** What the arithmetic takes: a value, or a number that becomes a scalar of the other operand's dtype. */
export type Operand = Value | number;

export function asValue(operand: Operand, dtype: DType): Value {
  return typeof operand === 'number' ? scalar(dtype, operand) : operand;
}
