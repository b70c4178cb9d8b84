// JSON as the inputs of a model: a request of the Open Inference Protocol, an object of nested arrays by input name, rows
// as objects of plain values by column, or a bare value for a model with one input. Read without loss: integers beyond
// 2^53 stay exact.
import { type InputValue, type NestedArray, type Scalar, tensorsFromValues } from '@amaas/client';
import { AmaasError, formatSpec, type NamedTensors, type TensorSpec } from '@amaas/core';
import { JsonNumber, type JsonValue, PackedNumbers, parseJson } from '@amaas/protocols/json';
import { decodeInferRequest } from '@amaas/protocols/oip';

/** As deep as a tensor may be nested, in an object. */
const MAX_DEPTH = 66;

/**
 * Makes inputs of a JSON text.
 * @param what names the source in messages: `--data`.
 * @throws MALFORMED_REQUEST for text that is not JSON; INPUT_MISMATCH, INVALID_SHAPE, INVALID_ARGUMENT for values that do not fit
 */
export function inputsFromJson(
  target: { readonly model: string; readonly specs: readonly TensorSpec[] },
  text: string,
  what: string,
): NamedTensors {
  const { model, specs } = target;
  const value = parse(text, what);
  if (value instanceof Map) {
    if (Array.isArray(value.get('inputs')) && !specs.some((spec) => spec.name === 'inputs')) {
      return decodeInferRequest(new TextEncoder().encode(text), null, model).inputs;
    }
    if (isRow(specs, value)) return inputsFromRows(target, [value], what);
    const values = [...value].map(([name, item]) => [name, inputValue(item, `${what}: "${name}"`)] as const);
    return tensorsFromValues(model, specs, Object.fromEntries(values));
  }
  const rows = Array.isArray(value) ? value : []; // numbers alone are packed, and no rows
  if (rows.length > 0 && rows.every((row: JsonValue) => row instanceof Map)) return inputsFromRows(target, rows, what);
  const [only, second] = specs.filter((spec) => !spec.optional);
  if (only === undefined || second !== undefined) {
    const names = specs.map((spec) => `"${spec.name}"`).join(', ');
    throw new AmaasError(
      'INPUT_MISMATCH',
      `${what}: model "${model}" has the inputs ${names}; give an object with them`,
    );
  }
  return tensorsFromValues(model, specs, Object.fromEntries([[only.name, inputValue(value, what)]]));
}

type JsonRow = ReadonlyMap<string, JsonValue>;

/** Whether an object is a row: a plain value for each column, where every input is a column. */
function isRow(specs: readonly TensorSpec[], value: JsonRow): boolean {
  const areColumns = specs.length > 0 && specs.every(isColumn);
  return areColumns && value.size > 0 && [...value.values()].every(isPlain);
}

function isPlain(value: JsonValue): boolean {
  return !(value instanceof Map || Array.isArray(value) || value instanceof PackedNumbers);
}

/** A value for each row: [N] or [N, 1]. */
function isColumn({ shape }: TensorSpec): boolean {
  return (
    shape !== null && typeof shape[0] !== 'number' && (shape.length === 1 || (shape.length === 2 && shape[1] === 1))
  );
}

/** Columns that the model does not take are left out, as those of files are; one that it takes must be named in every row. */
function inputsFromRows(
  { model, specs }: { readonly model: string; readonly specs: readonly TensorSpec[] },
  rows: readonly JsonRow[],
  what: string,
): NamedTensors {
  const other = specs.find((spec) => !isColumn(spec));
  if (other !== undefined) {
    const message = `${what}: rows are given, but input "${other.name}" of model "${model}" is ${formatSpec(other)}, no column`;
    throw new AmaasError('INPUT_MISMATCH', message);
  }
  const values = specs.flatMap((spec) => {
    if (spec.optional && !rows.some((row) => row.has(spec.name))) return [];
    const data = rows.map((row, index) => cellOf(row, spec, `${what}: row ${index + 1}`));
    return [[spec.name, { shape: spec.shape?.length === 1 ? [rows.length] : [rows.length, 1], data }] as const];
  });
  return tensorsFromValues(model, specs, Object.fromEntries(values));
}

function cellOf(row: JsonRow, { name, dtype }: TensorSpec, where: string): Scalar {
  const value = row.get(name);
  if (value === undefined) {
    const given = [...row.keys()].map((key) => `"${key}"`).join(', ');
    throw new AmaasError(
      'INPUT_MISMATCH',
      `${where} has no "${name}", only ${given}; give null where the value is not known`,
    );
  }
  if (!isPlain(value)) throw new AmaasError('INVALID_ARGUMENT', `${where}: "${name}" must be a plain value`);
  const cell = value instanceof JsonNumber ? (value.exact ?? value.value) : (value as string | boolean | null); // plain
  if (dtype === 'string' && cell !== null) return String(cell);
  return dtype === 'float64' && typeof cell === 'string' ? (timeOf(cell) ?? cell) : cell;
}

/** A date, or a date and time, as the trainer reads both: without a zone UTC. */
const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Milliseconds since 1970; undefined for text that is no time. */
function timeOf(text: string): number | undefined {
  const [, date, time = '00:00', zone = 'Z'] = TIME.exec(text.trim()) ?? [];
  const timeMs = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** One value for one input, as given after `--input name=`. @throws MALFORMED_REQUEST */
export function valueFromJson(text: string, what: string): InputValue {
  return inputValue(parse(text, what), what);
}

function parse(text: string, what: string): JsonValue {
  try {
    return parseJson(new TextEncoder().encode(text), { maxDepth: MAX_DEPTH, allowNonFinite: true });
  } catch (thrown) {
    throw new AmaasError('MALFORMED_REQUEST', `${what} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}

function inputValue(value: JsonValue, what: string): InputValue {
  if (value instanceof PackedNumbers) return { shape: value.shape, data: elementsOf(value) };
  return nested(value, what);
}

/** The numbers, big ones exact. */
function elementsOf({ values, exact }: PackedNumbers): Float64Array | readonly (number | bigint)[] {
  return exact === null ? values : Array.from(values, (element, index) => exact.get(index) ?? element);
}

function nested(value: JsonValue, what: string): NestedArray {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof JsonNumber) return value.exact ?? value.value;
  if (value instanceof PackedNumbers) return nestedNumbers(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => nested(item, what));
  throw new AmaasError('INVALID_ARGUMENT', `${what}: an object is no element of a tensor`);
}

/** Rows of numbers among others that do not fit them; the error about the shape is the tensor's to make. */
function nestedNumbers(packed: PackedNumbers): NestedArray {
  const elements = elementsOf(packed);
  let next = 0;
  const build = (axis: number): NestedArray => {
    const length = packed.shape[axis];
    if (length === undefined) return elements[next++] ?? 0; // there are as many elements as the shape says
    return Array.from({ length }, () => build(axis + 1));
  };
  return build(0);
}
