// The `data` field of a tensor: JSON values, flat or nested, to a tensor. Exact or refused, nothing is clamped, wrapped or
// rounded away: int64 and uint64 keep every digit, an integer type takes integer tokens only (as Triton does: not `1.0`).
// Stricter than Triton in two places: it wraps integers that are out of range, and does not look at how `data` is nested.
// Null is a missing value where a datatype can hold one: NaN among floats, empty BYTES. Triton refuses it.
import type { Tensor } from '@amaas/core';
import { type JsonArray, JsonNumber, type JsonValue, PackedNumbers, packedNumberAt } from '../json/index.ts';
import { OIP_DATATYPES, type OipDType } from './datatypes.ts';
import { describePlace, type TensorPlace, tensorError } from './tensor-place.ts';

/** What a tensor's entry says about it; `elements` is the element count of `shape`. */
export interface DeclaredTensor {
  readonly dtype: OipDType;
  readonly shape: readonly number[];
  readonly elements: number;
}

type IntegerDType = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/**
 * The tensor that `data` holds.
 *
 * `data` is an array: flat in row-major order, or nested exactly as `shape` says; null is a missing value. Nothing is allocated before the number
 * of values has been compared with the declared shape.
 * @throws INVALID_SHAPE when the values do not fit the shape, INVALID_ARGUMENT for values of another type or out of range and
 *   for FP16 and BF16, which go in binary only.
 */
export function tensorFromJson(place: TensorPlace, declared: DeclaredTensor, data: JsonValue): Tensor {
  const { dtype, shape } = declared;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    throw tensorError(
      place,
      'INVALID_ARGUMENT',
      `receiving ${OIP_DATATYPES[dtype]} data via JSON is not supported. Please use the binary data format for ${place.direction} ${place.name}`,
    );
  }
  if (!(data instanceof PackedNumbers) && !Array.isArray(data)) {
    throw tensorError(
      place,
      'INVALID_ARGUMENT',
      `Unable to parse 'data': attempt to access JSON non-array as array (${describePlace(place)})`,
    );
  }
  if (dtype === 'string') return { dtype, shape, data: readStrings(place, declared, data) };
  if (dtype === 'bool') return { dtype, shape, data: readBooleans(place, declared, data) };
  const packed = packedNumbers(place, declared, data);
  switch (dtype) {
    case 'float64':
      return { dtype, shape, data: ownBuffer(packed.values) };
    case 'float32':
      return { dtype, shape, data: toFloat32(place, packed) };
    case 'int64':
      return { dtype, shape, data: toInt64(place, packed) };
    case 'uint64':
      return { dtype, shape, data: toUint64(place, packed) };
    case 'int8':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Int8Array(packed.values.length)) };
    case 'int16':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Int16Array(packed.values.length)) };
    case 'int32':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Int32Array(packed.values.length)) };
    case 'uint8':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Uint8Array(packed.values.length)) };
    case 'uint16':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Uint16Array(packed.values.length)) };
    case 'uint32':
      return { dtype, shape, data: fillIntegers(place, dtype, packed, new Uint32Array(packed.values.length)) };
    default:
      return dtype satisfies never;
  }
}

const NO_NUMBERS = new Float64Array(0);

function packedNumbers(place: TensorPlace, declared: DeclaredTensor, data: PackedNumbers | JsonArray): PackedNumbers {
  if (data instanceof PackedNumbers) {
    assertPackedFits(place, declared, data);
    return data;
  }
  // An array the parser could not pack is empty, ragged, or holds something that is no number.
  const stranger = firstNonNumber(data);
  if (stranger === null && (declared.dtype === 'float32' || declared.dtype === 'float64')) {
    return new PackedNumbers([declared.elements], readWithMissing(place, declared, data), false, null);
  }
  if (stranger !== undefined) throw wrongType(place, declared.dtype, stranger);
  if (declared.elements !== 0 || holdsNumbers(data)) throw shapeMismatch(place);
  return new PackedNumbers([0], NO_NUMBERS.slice(), true, null);
}

/** Numbers with nulls between them, which become NaN. */
function readWithMissing(place: TensorPlace, declared: DeclaredTensor, data: JsonArray): Float64Array<ArrayBuffer> {
  return Float64Array.from(readLeaves(place, declared, data), (leaf) => {
    if (leaf === null) return Number.NaN;
    if (!(leaf instanceof JsonNumber)) throw wrongType(place, declared.dtype, leaf);
    return leaf.value;
  });
}

function assertPackedFits(place: TensorPlace, declared: DeclaredTensor, packed: PackedNumbers): void {
  const { shape, elements } = declared;
  if (packed.values.length !== elements) throw shapeMismatch(place);
  if (packed.shape.length === 1) return;
  if (packed.shape.length !== shape.length || packed.shape.some((dim, axis) => dim !== shape[axis])) {
    throw shapeMismatch(place);
  }
}

function toFloat32(place: TensorPlace, packed: PackedNumbers): Float32Array {
  const data = new Float32Array(packed.values);
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    // Infinity − Infinity is NaN: one comparison finds what float32 could not hold.
    if (value - value !== 0 && Number.isFinite(packed.values[index])) throw outOfRange(place, 'float32', packed, index);
  }
  return data;
}

const INTEGER_BOUNDS: Readonly<Record<IntegerDType, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
};

function fillIntegers<A extends Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array>(
  place: TensorPlace,
  dtype: IntegerDType,
  packed: PackedNumbers,
  data: A,
): A {
  const { values } = packed;
  assertIntegers(place, dtype, packed);
  const [least, greatest] = INTEGER_BOUNDS[dtype];
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    if (!(value >= least && value <= greatest)) throw outOfRange(place, dtype, packed, index);
    data[index] = value;
  }
  return data;
}

const TWO_32 = 2 ** 32;

function toInt64(place: TensorPlace, packed: PackedNumbers): BigInt64Array {
  assertIntegers(place, 'int64', packed);
  const data = new BigInt64Array(packed.values.length);
  writeLowHigh(packed.values, new Int32Array(data.buffer));
  for (const [index, exact] of packed.exact ?? []) {
    if (BigInt.asIntN(64, exact) !== exact) throw outOfRange(place, 'int64', packed, index);
    data[index] = exact;
  }
  return data;
}

function toUint64(place: TensorPlace, packed: PackedNumbers): BigUint64Array {
  const { values } = packed;
  assertIntegers(place, 'uint64', packed);
  for (let index = 0; index < values.length; index++) {
    if ((values[index] ?? 0) < 0) throw outOfRange(place, 'uint64', packed, index);
  }
  const data = new BigUint64Array(values.length);
  writeLowHigh(values, new Int32Array(data.buffer));
  for (const [index, exact] of packed.exact ?? []) {
    if (BigInt.asUintN(64, exact) !== exact) throw outOfRange(place, 'uint64', packed, index);
    data[index] = exact;
  }
  return data;
}

/** Writes safe integers as 64-bit two's complement, a tenth of the cost of going through BigInt. */
function writeLowHigh(values: Float64Array, words: Int32Array): void {
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    const high = Math.floor(value / TWO_32);
    words[2 * index] = value - high * TWO_32;
    words[2 * index + 1] = high;
  }
}

function assertIntegers(place: TensorPlace, dtype: OipDType, packed: PackedNumbers): void {
  if (packed.areIntegers) return;
  const index = packed.values.findIndex((value) => !Number.isInteger(value));
  const sign = dtype.startsWith('u') ? 'unsigned' : 'signed';
  const found = index === -1 ? 'a number with a point or exponent' : `${packed.values[index]} at element ${index}`;
  throw tensorError(
    place,
    'INVALID_ARGUMENT',
    `Unable to parse 'data': attempt to access JSON non-${sign}-integer as ${sign}-integer ` +
      `(${describePlace(place)} is ${OIP_DATATYPES[dtype]}, got ${found})`,
  );
}

function readBooleans(place: TensorPlace, declared: DeclaredTensor, value: PackedNumbers | JsonArray): Uint8Array {
  if (value instanceof PackedNumbers) {
    assertPackedFits(place, declared, value);
    assertZerosAndOnes(place, value);
    return new Uint8Array(value.values);
  }
  const leaves = readLeaves(place, declared, value);
  const data = new Uint8Array(leaves.length);
  for (let index = 0; index < leaves.length; index++) {
    const leaf = leaves[index];
    const number = leaf instanceof JsonNumber && leaf.isInteger ? leaf.value : leaf;
    if (number === true || number === 1) data[index] = 1;
    else if (number !== false && number !== 0) throw wrongType(place, 'bool', leaf);
  }
  return data;
}

function assertZerosAndOnes(place: TensorPlace, packed: PackedNumbers): void {
  if (packed.areIntegers && packed.values.every((value) => value === 0 || value === 1)) return;
  throw wrongType(place, 'bool', packed);
}

function readStrings(
  place: TensorPlace,
  declared: DeclaredTensor,
  value: PackedNumbers | JsonArray,
): readonly Uint8Array[] {
  if (value instanceof PackedNumbers) throw wrongType(place, 'string', value);
  return readLeaves(place, declared, value).map((leaf) => {
    if (leaf === null) return NO_BYTES;
    if (typeof leaf !== 'string') throw wrongType(place, 'string', leaf);
    return encoder.encode(leaf);
  });
}

/** The values of a flat array, or of one nested as the shape says; the numbers of BOOL become booleans. */
function readLeaves(place: TensorPlace, declared: DeclaredTensor, array: JsonArray): readonly JsonValue[] {
  if (!array.some(isArray)) {
    if (array.length !== declared.elements) throw shapeMismatch(place);
    return array;
  }
  const { dtype, shape } = declared;
  const leaves: JsonValue[] = [];
  const walk = (value: JsonValue, axis: number): void => {
    if (axis === shape.length) {
      if (isArray(value)) throw shapeMismatch(place);
      leaves.push(value);
    } else if (value instanceof PackedNumbers) {
      if (dtype === 'string') throw wrongType(place, dtype, value);
      const below = shape.slice(axis);
      const elements = below.reduce((product, dim) => product * dim, 1);
      // Numbers side by side in one array are flat only at the top.
      if (value.shape.length !== below.length) throw shapeMismatch(place);
      assertPackedFits(place, { dtype, shape: below, elements }, value);
      if (dtype === 'bool') assertZerosAndOnes(place, value);
      for (let index = 0; index < value.values.length; index++) {
        leaves.push(dtype === 'bool' ? value.values[index] === 1 : packedNumberAt(value, index));
      }
    } else {
      if (!Array.isArray(value) || value.length !== shape[axis]) throw shapeMismatch(place);
      for (const child of value) walk(child, axis + 1);
    }
  };
  walk(array, 0);
  return leaves;
}

function isArray(value: JsonValue): value is PackedNumbers | JsonArray {
  return value instanceof PackedNumbers || Array.isArray(value);
}

function firstNonNumber(array: JsonArray): JsonValue | undefined {
  for (const value of array) {
    if (value instanceof PackedNumbers || value instanceof JsonNumber) continue;
    if (!Array.isArray(value)) return value;
    const below = firstNonNumber(value);
    if (below !== undefined) return below;
  }
  return undefined;
}

function holdsNumbers(array: JsonArray): boolean {
  return array.some((value) => !Array.isArray(value) || holdsNumbers(value));
}

/** The values in memory of their own, so that the tensor can be transferred without taking others along. */
function ownBuffer(values: Float64Array): Float64Array {
  return values.byteLength === values.buffer.byteLength ? values : values.slice();
}

function shapeMismatch(place: TensorPlace): Error {
  return tensorError(
    place,
    'INVALID_SHAPE',
    `Unable to parse 'data': Shape does not match true shape of 'data' field (${describePlace(place)})`,
  );
}

function outOfRange(place: TensorPlace, dtype: OipDType, packed: PackedNumbers, index: number): Error {
  const value = packed.exact?.get(index) ?? packed.values[index];
  return tensorError(
    place,
    'INVALID_ARGUMENT',
    `Unable to parse 'data': ${value} at element ${index} of ${describePlace(place)} is out of range for ${OIP_DATATYPES[dtype]}`,
  );
}

function wrongType(place: TensorPlace, dtype: OipDType, found: JsonValue | undefined): Error {
  const wanted =
    dtype === 'bool' ? ['boolean', 'boolean'] : dtype === 'string' ? ['string', 'string'] : ['number', 'double'];
  return tensorError(
    place,
    'INVALID_ARGUMENT',
    `Unable to parse 'data': attempt to access JSON non-${wanted[0]} as ${wanted[1]} ` +
      `(${describePlace(place)} is ${OIP_DATATYPES[dtype]}, got ${describeValue(found)})`,
  );
}

function describeValue(value: JsonValue | undefined): string {
  if (value instanceof JsonNumber) return String(value.exact ?? value.value);
  if (value instanceof PackedNumbers) return 'numbers';
  if (value === null) return 'null: a missing value, which only FP32, FP64 and BYTES can hold';
  if (value instanceof Map) return 'an object';
  return Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 60);
}
