// Where the leaves of JSON values become elements of a tensor: one sink per dtype, strict as TensorFlow Serving is and
// stricter where it would wrap numbers around silently; null is a missing value where a dtype can hold one, which
// TensorFlow Serving refuses. Knows nothing of shapes.
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc.
import { AmaasError, type DType, type Tensor } from '@amaas/core';
import { isJsonObject, JsonNumber, type JsonValue, type PackedNumbers, packedNumberAt } from '../json/index.ts';
import { decodeBase64Object } from './base64-object.ts';
import { describeDataType } from './data-types.ts';
import { describeJsonType, quoteValue } from './quote-value.ts';

/** Takes a tensor's elements, in any order. */
export interface ElementSink {
  readonly data: Tensor['data'];
  /** Sets the element at `at` to a value that is not an array. @throws INPUT_MISMATCH */
  put(value: JsonValue, at: number): void;
  /** Sets the elements from `at` on to packed numbers. @throws INPUT_MISMATCH with the element's index among them in its details */
  putPacked(numbers: PackedNumbers, at: number): void;
}

/**
 * A sink for `count` elements.
 * @throws UNSUPPORTED_TENSOR for dtypes that JSON cannot carry; `example` is a value meant for one.
 */
export function createSink(dtype: DType, count: number, example: JsonValue): ElementSink {
  switch (dtype) {
    case 'float32':
      return floatSink(new Float32Array(count), dtype);
    case 'float64':
      return floatSink(new Float64Array(count), dtype);
    case 'int8':
      return integerSink(new Int8Array(count), dtype);
    case 'int16':
      return integerSink(new Int16Array(count), dtype);
    case 'int32':
      return integerSink(new Int32Array(count), dtype);
    case 'uint8':
      return integerSink(new Uint8Array(count), dtype);
    case 'uint32':
      return integerSink(new Uint32Array(count), dtype);
    case 'int64':
      return bigIntegerSink(new BigInt64Array(count), dtype);
    case 'uint64':
      return bigIntegerSink(new BigUint64Array(count), dtype);
    case 'bool':
      return boolSink(new Uint8Array(count));
    case 'string':
      return stringSink(new Array<Uint8Array>(count));
    default:
      throw new AmaasError(
        'UNSUPPORTED_TENSOR',
        `Conversion of JSON Value: ${quoteValue(example)} to type: ${describeDataType(dtype)}`,
      );
  }
}

/** The error for a value that is not of a tensor's type. */
export function typeError(value: JsonValue, dtype: DType): AmaasError {
  return new AmaasError(
    'INPUT_MISMATCH',
    `JSON Value: ${quoteValue(value)} Type: ${describeJsonType(value)} is not of expected type: ${describeDataType(dtype)}` +
      (value === null ? '; null means a missing value, which only float, double and string inputs can hold' : ''),
  );
}

function floatSink(data: Float32Array | Float64Array, dtype: DType): ElementSink {
  return {
    data,
    put(value, at) {
      if (value === null) {
        data[at] = Number.NaN;
        return;
      }
      if (!(value instanceof JsonNumber)) throw typeError(value, dtype);
      data[at] = value.value;
      if (!Number.isFinite(data[at]) && Number.isFinite(value.value)) throw outOfRange(value, dtype);
    },
    putPacked(numbers, at) {
      const { values } = numbers;
      data.set(values, at);
      for (let index = 0; index < values.length; index++) {
        const stored = data[at + index] ?? 0;
        // Only NaN and the infinities give anything but zero here.
        if (stored - stored !== 0 && Number.isFinite(values[index])) {
          throw atElement(index, outOfRange(packedNumberAt(numbers, index), dtype));
        }
      }
    },
  };
}

/** The error for a double that would become an infinity. */
function outOfRange(value: JsonNumber, dtype: DType): AmaasError {
  return new AmaasError(
    'INPUT_MISMATCH',
    `Cannot convert JSON value: ${quoteValue(value)} to ${describeDataType(dtype)} without loss of precision.`,
  );
}

type SmallIntegers = Int8Array | Int16Array | Int32Array | Uint8Array | Uint32Array;

function integerSink(data: SmallIntegers, dtype: DType): ElementSink {
  return {
    data,
    put(value, at) {
      if (!(value instanceof JsonNumber) || !value.isInteger) throw typeError(value, dtype);
      data[at] = value.value;
      if (data[at] !== value.value) throw typeError(value, dtype);
    },
    putPacked(numbers, at) {
      const { values } = numbers;
      assertIntegers(numbers, dtype);
      data.set(values, at);
      for (let index = 0; index < values.length; index++) {
        // Storing wraps around what does not fit.
        if (data[at + index] !== values[index]) throw packedTypeError(numbers, index, dtype);
      }
    },
  };
}

function bigIntegerSink(data: BigInt64Array | BigUint64Array, dtype: 'int64' | 'uint64'): ElementSink {
  // The two halves of every element: writing them needs no bigint.
  const low = new Uint32Array(data.buffer);
  const high = new Int32Array(data.buffer);
  const leastHigh = dtype === 'int64' ? -(2 ** 21) : 0;
  function store(value: number, at: number): boolean {
    const highHalf = Math.floor(value / 2 ** 32);
    low[2 * at] = value; // modulo 2^32, also for negative numbers
    high[2 * at + 1] = highHalf;
    return highHalf >= leastHigh;
  }
  function storeExact(value: bigint, at: number): boolean {
    data[at] = value;
    return data[at] === value;
  }
  return {
    data,
    put(value, at) {
      if (!(value instanceof JsonNumber) || !value.isInteger) throw typeError(value, dtype);
      const fits = value.exact === null ? store(value.value, at) : storeExact(value.exact, at);
      if (!fits) throw typeError(value, dtype);
    },
    putPacked(numbers, at) {
      const { values, exact } = numbers;
      assertIntegers(numbers, dtype);
      for (let index = 0; index < values.length; index++) {
        const big = exact?.get(index);
        const fits = big === undefined ? store(values[index] ?? 0, at + index) : storeExact(big, at + index);
        if (!fits) throw packedTypeError(numbers, index, dtype);
      }
    },
  };
}

function boolSink(data: Uint8Array): ElementSink {
  return {
    data,
    put(value, at) {
      if (typeof value !== 'boolean') throw typeError(value, 'bool');
      data[at] = value ? 1 : 0;
    },
    putPacked(numbers) {
      throw packedTypeError(numbers, 0, 'bool');
    },
  };
}

const NO_BYTES = new Uint8Array(0);

function stringSink(data: Uint8Array[]): ElementSink {
  const encoder = new TextEncoder();
  return {
    data,
    put(value, at) {
      if (typeof value === 'string') data[at] = encoder.encode(value);
      else if (value === null) data[at] = NO_BYTES;
      else if (isJsonObject(value)) data[at] = decodeBase64Object(value);
      else throw typeError(value, 'string');
    },
    putPacked(numbers) {
      throw packedTypeError(numbers, 0, 'string');
    },
  };
}

/** Which token had a point is not recorded; the first number that is not whole is the likeliest. */
function assertIntegers(numbers: PackedNumbers, dtype: DType): void {
  if (numbers.areIntegers) return;
  const fractional = numbers.values.findIndex((value) => !Number.isInteger(value));
  throw packedTypeError(numbers, Math.max(fractional, 0), dtype);
}

function packedTypeError(numbers: PackedNumbers, index: number, dtype: DType): AmaasError {
  return atElement(index, typeError(packedNumberAt(numbers, index), dtype));
}

function atElement(index: number, error: AmaasError): AmaasError {
  return new AmaasError(error.reason, error.message, { details: { element: index } });
}
