// The elements of a tensor as JSON, flat or nested after its shape. Knows no protocol: which names and brackets go around
// it, and which tensors may be JSON at all, is the codec's business.
import { AmaasError, elementCount, numberFromBfloat16Bits, numberFromFloat16Bits, type Tensor } from '@amaas/core';
import { CLOSE_BRACKET, COMMA, MINUS, OPEN_BRACKET } from './characters.ts';
import { JsonWriter, quoteJson } from './json-writer.ts';
import { type Decimal, findShortestBfloat16, findShortestFloat16, findShortestFloat32 } from './shortest-decimal.ts';

export interface TensorStyle {
  /** Nested lists after the shape (a scalar is a bare value), or one flat list whatever the shape. */
  readonly layout: 'nested' | 'flat';
  /** Whether whole floating-point numbers print as `3.0`; default false, `3`. */
  readonly wholeNumbersKeepPoint?: boolean;
  /** What NaN and the infinities become: bare words, which JSON.parse refuses, or an error (default). */
  readonly nonFinite?: 'bare' | 'error';
  /** What string elements become: JSON strings (default; they must be UTF-8) or `{"b64":"…"}`. */
  readonly strings?: 'text' | 'b64';
}

/**
 * A tensor's elements as JSON, in pieces that belong to the caller.
 * @throws UNSUPPORTED_TENSOR for dtypes without a JSON form, for NaN and infinities unless `bare`, and for string elements
 *   that are not UTF-8 unless `b64`.
 */
export function printTensorData(tensor: Tensor, style: TensorStyle): Uint8Array<ArrayBuffer>[] {
  const writer = new JsonWriter();
  tensorPartWriter(writer, tensor, style)(0, tensor.shape);
  return writer.takePieces();
}

/**
 * What adds parts of a tensor to `writer`: as many elements as `shape` says, from element `first` on.
 * @throws UNSUPPORTED_TENSOR, here and when called; see {@link printTensorData}.
 */
export function tensorPartWriter(
  writer: JsonWriter,
  tensor: Tensor,
  style: TensorStyle,
): (first: number, shape: readonly number[]) => void {
  const writeElement = elementWriter(writer, tensor, style);
  function writeAxis(axis: number, first: number, shape: readonly number[]): number {
    const dim = shape[axis];
    if (dim === undefined) {
      writeElement(first);
      return first + 1;
    }
    const isInnermost = axis === shape.length - 1;
    let next = first;
    writer.byte(OPEN_BRACKET);
    for (let index = 0; index < dim; index++) {
      if (index > 0) writer.byte(COMMA);
      if (isInnermost) writeElement(next++);
      else next = writeAxis(axis + 1, next, shape);
    }
    writer.byte(CLOSE_BRACKET);
    return next;
  }
  return (first, shape) => {
    if (style.layout === 'nested') writeAxis(0, first, shape);
    else writeAxis(0, first, [elementCount(shape)]);
  };
}

/** What writes the element at an index of `tensor`. */
function elementWriter(writer: JsonWriter, tensor: Tensor, style: TensorStyle): (index: number) => void {
  switch (tensor.dtype) {
    case 'float32':
      return floatWriter(writer, style, {
        read: (index) => tensor.data[index] ?? 0,
        findShortest: findShortestFloat32,
      });
    case 'float16':
      return floatWriter(writer, style, {
        read: (index) => numberFromFloat16Bits(tensor.data[index] ?? 0),
        findShortest: findShortestFloat16,
      });
    case 'bfloat16':
      return floatWriter(writer, style, {
        read: (index) => numberFromBfloat16Bits(tensor.data[index] ?? 0),
        findShortest: findShortestBfloat16,
      });
    case 'float64':
      return floatWriter(writer, style, { read: (index) => tensor.data[index] ?? 0, findShortest: null });
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
      return integerWriter(writer, tensor.data);
    case 'int64':
    case 'uint64':
      return (index) => writer.raw(String(tensor.data[index] ?? 0n));
    case 'bool':
      return (index) => writer.raw(tensor.data[index] ? 'true' : 'false');
    case 'string':
      return stringWriter(writer, tensor.data, style);
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'float8e8m0':
    case 'float4e2m1':
    case 'int4':
    case 'uint4':
    case 'int2':
    case 'uint2':
    case 'complex64':
    case 'complex128':
      throw new AmaasError('UNSUPPORTED_TENSOR', `json: expected a dtype with a JSON form, got ${tensor.dtype}`);
    default:
      return tensor satisfies never;
  }
}

interface FloatFormat {
  readonly read: (index: number) => number;
  /** null: every digit of the double counts. */
  readonly findShortest: ((value: number, found: Decimal) => void) | null;
}

/** Beyond this doubles are written with an exponent, which tells them from whole numbers without a point. */
const LEAST_SCIENTIFIC = 1e21;

function floatWriter(writer: JsonWriter, style: TensorStyle, format: FloatFormat): (index: number) => void {
  const { read, findShortest } = format;
  const keepPoint = style.wholeNumbersKeepPoint ?? false;
  const found: Decimal = { digits: 0, exponent: 0 };
  return (index) => {
    const value = read(index);
    const magnitude = Math.abs(value);
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      writer.raw(nonFiniteText(value, index, style));
      return;
    }
    if (value < 0 || (value === 0 && Object.is(value, -0))) writer.byte(MINUS);
    if (magnitude < 2 ** 24 && Number.isInteger(magnitude)) writer.uint32(magnitude);
    else if (findShortest === null) writer.raw(String(magnitude));
    else {
      findShortest(magnitude, found);
      writer.decimal(found);
    }
    if (keepPoint && magnitude < LEAST_SCIENTIFIC && Number.isInteger(magnitude)) writer.raw('.0');
  };
}

function nonFiniteText(value: number, index: number, style: TensorStyle): string {
  if (style.nonFinite === 'bare') return String(value);
  throw new AmaasError('UNSUPPORTED_TENSOR', `json: expected finite numbers, got ${value} at element ${index}`);
}

type SmallIntegers = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

function integerWriter(writer: JsonWriter, data: SmallIntegers): (index: number) => void {
  return (index) => {
    const value = data[index] ?? 0;
    if (value < 0) writer.byte(MINUS).uint32(-value);
    else writer.uint32(value);
  };
}

function stringWriter(writer: JsonWriter, data: readonly Uint8Array[], style: TensorStyle): (index: number) => void {
  const empty = new Uint8Array(0);
  if (style.strings === 'b64')
    return (index) =>
      writer
        .raw('{"b64":')
        .base64(data[index] ?? empty)
        .raw('}');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (index) => {
    let text: string;
    try {
      text = decoder.decode(data[index]);
    } catch (thrown) {
      throw new AmaasError(
        'UNSUPPORTED_TENSOR',
        `json: expected string elements in UTF-8, got other bytes at element ${index}`,
        {
          cause: thrown,
        },
      );
    }
    writer.raw(quoteJson(text));
  };
}
