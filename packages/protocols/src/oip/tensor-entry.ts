// One entry of `inputs` or `outputs`: name, datatype, shape and where the elements are. Requests and replies share it.
import { type Dim, formatShape, MAX_RANK, type Tensor } from '@amaas/core';
import { AmaasError } from '@amaas/core';
import { type JsonObject, type JsonValue, PackedNumbers } from '../json/index.ts';
import { type BinaryPart, tensorFromBinary } from './binary.ts';
import { dtypeFromOip, type OipDType } from './datatypes.ts';
import { tensorFromJson } from './json-data.ts';
import { countParameter, parametersOf } from './parameters.ts';
import { describePlace, type TensorPlace, tensorError } from './tensor-place.ts';

const SHARED_MEMORY_PARAMETERS = ['shared_memory_region', 'shared_memory_offset', 'shared_memory_byte_size'] as const;

/** Reads the array at `key` of a request or reply. @throws MALFORMED_REQUEST when something else is there. */
export function entriesAt(root: JsonObject, key: 'inputs' | 'outputs'): readonly JsonObject[] {
  const value = root.get(key);
  if (!Array.isArray(value)) {
    const found =
      value === undefined
        ? `attempt to access non-existing object member '${key}'`
        : 'attempt to access JSON non-array as array';
    throw new AmaasError('MALFORMED_REQUEST', `Unable to parse '${key}': ${found}`);
  }
  return value.map((entry) => {
    if (entry instanceof Map) return entry;
    throw new AmaasError('MALFORMED_REQUEST', `Unable to parse '${key}': every entry must be an object`);
  });
}

/** The string at `key`. @throws MALFORMED_REQUEST when there is none. */
export function stringAt(object: JsonObject, key: string): string {
  const value = object.get(key);
  if (typeof value === 'string') return value;
  const found =
    value === undefined
      ? `attempt to access non-existing object member '${key}'`
      : 'attempt to access JSON non-string as string';
  throw new AmaasError('MALFORMED_REQUEST', `Unable to parse '${key}': ${found}`);
}

/** The string at `key`, null where there is none or a null. @throws MALFORMED_REQUEST when something else is there. */
export function optionalStringAt(object: JsonObject, key: string): string | null {
  return (object.get(key) ?? null) === null ? null : stringAt(object, key);
}

/** Refuses what would need shared memory. @throws UNSUPPORTED_FEATURE naming the parameter. */
export function refuseSharedMemory(place: TensorPlace, parameters: JsonObject): void {
  for (const name of SHARED_MEMORY_PARAMETERS) {
    if (parameters.has(name)) {
      throw tensorError(
        place,
        'UNSUPPORTED_FEATURE',
        `parameter '${name}' of ${describePlace(place)}: shared memory is not supported by this server`,
      );
    }
  }
}

/**
 * The tensor an entry describes, its elements taken from `data` or from `binary`.
 * @throws MALFORMED_REQUEST, INVALID_ARGUMENT, INVALID_SHAPE or UNSUPPORTED_FEATURE naming the tensor.
 */
export function decodeTensorEntry(place: TensorPlace, entry: JsonObject, binary: BinaryPart): Tensor {
  const parameters = parametersOf(entry, describePlace(place));
  if (parameters !== null) refuseSharedMemory(place, parameters);
  // KServe's clients write null for fields they leave out.
  const data = entry.get('data') ?? undefined;
  const binarySize = parameters?.get('binary_data_size') ?? undefined;
  if ((data === undefined) === (binarySize === undefined)) throw ambiguousContent(place, data !== undefined);
  const dtype = readDatatype(place, entry);
  const shape = readShape(place, entry.get('shape'));
  const declared = { dtype, shape, elements: countElements(place, shape) };
  if (binarySize === undefined) return tensorFromJson(place, declared, data ?? null); // never null: one of the two is there
  return tensorFromBinary(place, declared, binary.take(countParameter('binary_data_size', binarySize), place));
}

function readDatatype(place: TensorPlace, entry: JsonObject): OipDType {
  const name = stringAt(entry, 'datatype');
  const dtype = dtypeFromOip(name);
  if (dtype === undefined) {
    throw tensorError(
      place,
      'INVALID_ARGUMENT',
      `invalid datatype for ${describePlace(place)}: ${JSON.stringify(name.slice(0, 40))}`,
    );
  }
  return dtype;
}

function readShape(place: TensorPlace, value: JsonValue | undefined): readonly number[] {
  if (Array.isArray(value) && value.length === 0) return [];
  if (!(value instanceof PackedNumbers)) {
    const found =
      value === undefined
        ? "attempt to access non-existing object member 'shape'"
        : Array.isArray(value)
          ? 'attempt to access JSON non-unsigned-integer as unsigned-integer'
          : 'attempt to access JSON non-array as array';
    throw tensorError(place, 'INVALID_SHAPE', `Unable to parse 'shape': ${found} (${describePlace(place)})`);
  }
  const dims: number[] = [];
  let negative = false;
  for (let axis = 0; axis < value.values.length && axis <= MAX_RANK; axis++) {
    const dim = value.values[axis] ?? 0;
    negative ||= dim < 0;
    dims.push(dim);
  }
  if (value.shape.length !== 1 || !value.areIntegers || negative) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer (${describePlace(place)}, got ${formatShape(dims satisfies readonly Dim[])})`,
    );
  }
  if (dims.length > MAX_RANK) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `${describePlace(place)}: rank must be at most ${MAX_RANK}, got ${value.values.length}`,
    );
  }
  return dims;
}

/** Elements of a shape that came from outside; nothing is allocated by it. */
function countElements(place: TensorPlace, shape: readonly number[]): number {
  let elements = 1;
  let safe = true;
  for (const dim of shape) {
    safe &&= Number.isSafeInteger(dim);
    elements *= dim;
  }
  if (!safe || !Number.isSafeInteger(elements)) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `${describePlace(place)}: shape ${formatShape(shape)} describes more elements than can be counted`,
    );
  }
  return elements;
}

function ambiguousContent(place: TensorPlace, both: boolean): AmaasError {
  const direction = place.direction === 'input' ? 'Input' : 'Output';
  return tensorError(
    place,
    'MALFORMED_REQUEST',
    `${direction} must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', ` +
      `'shared_memory_region' in 'parameters'. But ${both ? "set 'data' 'binary_data_size'" : 'no field is set'} (${describePlace(place)})`,
  );
}
