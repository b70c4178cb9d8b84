// JSON values to one tensor: nested lists give the shape, every leaf must lie at the same depth, every list of a depth
// have the same length. Knows neither where in a request the values stood nor the shape the model wants.
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc.
import { AmaasError, type DType, elementCount, formatShape, type Tensor } from '@amaas/core';
import { isJsonArray, isJsonList, type JsonValue, PackedNumbers, packedNumberAt } from '../json/index.ts';
import { createSink, type ElementSink } from './element-sinks.ts';
import { quoteValue } from './quote-value.ts';

/** One object for all scalars, so that rows of them cost nothing here. */
const SCALAR: readonly number[] = [];

/**
 * The tensor one value describes.
 * @throws INPUT_MISMATCH, INVALID_SHAPE, UNSUPPORTED_TENSOR
 */
export function tensorFromValue(value: JsonValue, dtype: DType): Tensor {
  const shape = shapeOf(value);
  assertRectangular(value, shape, 0);
  const sink = createSink(dtype, elementCount(shape), firstLeaf(value));
  fill(value, sink, 0);
  return assembleTensor(dtype, shape, sink);
}

/**
 * The tensor of values of one shape stacked along a new first axis. `locate` makes the error for the value at an index.
 * @throws INPUT_MISMATCH, INVALID_SHAPE, UNSUPPORTED_TENSOR
 */
export function stackValues(
  values: readonly JsonValue[],
  dtype: DType,
  locate: (index: number, thrown: unknown) => unknown,
): Tensor {
  const first = values[0] ?? null;
  const rowShape = shapeOf(first);
  let index = 0;
  try {
    // All are looked at before room is made: a long first row must not promise what the others do not hold.
    for (; index < values.length; index++) {
      const value = values[index] ?? null;
      const shape = shapeOf(value);
      assertRectangular(value, shape, 0);
      assertSameShape(rowShape, shape);
    }
    index = 0;
    const shape = [values.length, ...rowShape];
    const sink = createSink(dtype, elementCount(shape), firstLeaf(first));
    let at = 0;
    for (; index < values.length; index++) at = fill(values[index] ?? null, sink, at);
    return assembleTensor(dtype, shape, sink);
  } catch (thrown) {
    throw locate(index, thrown);
  }
}

function assembleTensor(dtype: DType, shape: readonly number[], sink: ElementSink): Tensor {
  // The sink was made for this dtype, so its data is that dtype's array.
  return { dtype, shape, data: sink.data } as Tensor;
}

/** Lengths of the lists a value starts with. */
function shapeOf(value: JsonValue): readonly number[] {
  if (!isJsonList(value)) return SCALAR;
  const shape: number[] = [];
  let inner: JsonValue = value;
  while (isJsonArray(inner)) {
    shape.push(inner.length);
    inner = inner[0] ?? null;
  }
  return inner instanceof PackedNumbers ? [...shape, ...inner.shape] : shape;
}

function assertRectangular(value: JsonValue, shape: readonly number[], level: number): void {
  if (value instanceof PackedNumbers) {
    for (const [axis, dim] of value.shape.entries()) assertList(dim, shape, level + axis);
    assertLeaf(value, shape, level + value.shape.length);
  } else if (isJsonArray(value)) {
    assertList(value.length, shape, level);
    for (const item of value) assertRectangular(item, shape, level + 1);
  } else {
    assertLeaf(value, shape, level);
  }
}

function assertList(length: number, shape: readonly number[], level: number): void {
  const expected = shape[level];
  if (expected === undefined) {
    throw new AmaasError('INPUT_MISMATCH', `Encountered list at unexpected level: ${level} expected < ${shape.length}`);
  }
  if (length !== expected) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Encountered list at unexpected size: ${length} at level: ${level} expected size: ${expected}`,
    );
  }
}

function assertLeaf(value: JsonValue, shape: readonly number[], level: number): void {
  if (level === shape.length) return;
  throw new AmaasError(
    'INPUT_MISMATCH',
    `JSON Value: ${quoteValue(firstLeaf(value))} found at incorrect level: ${level + 1} in the JSON DOM. Expected at level: ${shape.length}`,
  );
}

function assertSameShape(expected: readonly number[], shape: readonly number[]): void {
  if (shape === expected) return;
  if (shape.length === expected.length && shape.every((dim, axis) => dim === expected[axis])) return;
  const expectedSize = elementCount(expected);
  const size = elementCount(shape);
  throw new AmaasError(
    'INPUT_MISMATCH',
    size === expectedSize
      ? `Expecting shape ${formatShape(expected)} but got: ${formatShape(shape)}`
      : `Expecting tensor size: ${expectedSize} but got: ${size}`,
  );
}

/** Sets the elements from `at` on; returns where they end. */
function fill(value: JsonValue, sink: ElementSink, at: number): number {
  if (value instanceof PackedNumbers) {
    sink.putPacked(value, at);
    return at + value.values.length;
  }
  if (!isJsonArray(value)) {
    sink.put(value, at);
    return at + 1;
  }
  let next = at;
  for (const item of value) next = fill(item, sink, next);
  return next;
}

/** The first value of a nest that is not a list; the list itself where there is none. */
export function firstLeaf(value: JsonValue): JsonValue {
  let leaf = value;
  while (isJsonArray(leaf) && leaf.length > 0) leaf = leaf[0] ?? null;
  return leaf instanceof PackedNumbers ? packedNumberAt(leaf, 0) : leaf;
}
