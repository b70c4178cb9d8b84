// Encoded rows as the tensors a model takes. Rows that may not be filled up fall apart into parts of one length each.
import { AmaasError, elementCount, formatShape, type NamedTensors, type Tensor, TYPED_ARRAYS } from '@amaas/core';
import type { RequestPart } from '../dataplane/index.ts';
import type { IdDType, MaskDType, TokenPlan } from './text-plan.ts';
import { type EncodedRows, rowName } from './tokenizer-shelf.ts';

/** What is known of one text input of a request. */
export interface EncodedInput {
  readonly plan: TokenPlan;
  readonly encoded: EncodedRows;
  readonly padding: number;
  /** Whether rows may be filled up to the longest. */
  readonly mayPad: boolean;
}

/** Ids of one tensor at most: 16 MiB of int64. */
export const MAX_IDS = 2 ** 21;

/**
 * The parts that a request falls into, texts replaced by ids; other inputs go with their rows.
 * @throws INVALID_ARGUMENT for a text without a token, INPUT_MISMATCH when other inputs have other rows, REQUEST_TOO_LARGE.
 */
export function layOutTokens(
  model: string,
  texts: readonly EncodedInput[],
  others: NamedTensors,
): readonly RequestPart[] {
  const rows = texts[0]?.encoded.lengths.length ?? 0;
  const widths = texts.map((input) => rowWidths(model, input));
  const groups = new Map<string, number[]>();
  for (let row = 0; row < rows; row++) {
    const key = widths.map((width) => width[row]).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].map((group): RequestPart => {
    const inputs = new Map<string, Tensor>();
    for (const [name, tensor] of others)
      inputs.set(name, groups.size === 1 ? tensor : pickRows(model, name, { tensor, group, rows }));
    for (const [index, input] of texts.entries()) {
      addTensors(inputs, input, { group, width: widths[index]?.[group[0] ?? 0] ?? 0 });
    }
    return { inputs, rows: groups.size === 1 ? null : group };
  });
}

/** The T of every row. */
function rowWidths(model: string, { plan, encoded: { lengths }, mayPad }: EncodedInput): readonly number[] {
  const { rowTokens, ids } = plan;
  const { length: rows } = lengths;
  if (rowTokens === null) {
    const empty = lengths.indexOf(0);
    if (empty >= 0) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `text: ${rowName(empty, rows)} for input "${ids.name}" of model "${model}" has no token; rows of it are not filled up, so each needs one`,
      );
    }
  }
  const widest = rowTokens ?? lengths.reduce((most, length) => Math.max(most, length), 0);
  const isOneWidth = rowTokens !== null || mayPad;
  const total = isOneWidth ? rows * widest : lengths.reduce((sum, length) => sum + length, 0);
  if (total > MAX_IDS) {
    throw new AmaasError(
      'REQUEST_TOO_LARGE',
      `text: the texts for input "${ids.name}" of model "${model}" become ${total} ids; at most ${MAX_IDS} are taken in one request`,
    );
  }
  return isOneWidth ? new Array<number>(rows).fill(widest) : Array.from(lengths);
}

/** Adds the ids of a group of rows, and the mask and type ids where they are declared. */
function addTensors(
  into: Map<string, Tensor>,
  { plan, encoded, padding }: EncodedInput,
  { group, width }: { readonly group: readonly number[]; readonly width: number },
): void {
  const starts = startsOf(encoded.lengths);
  const shape = [group.length, width];
  const ids = new Int32Array(group.length * width).fill(padding);
  const mask = new Int32Array(ids.length);
  const typeIds = new Int32Array(ids.length);
  for (const [place, row] of group.entries()) {
    const from = starts[row] ?? 0;
    const to = from + (encoded.lengths[row] ?? 0);
    const at = place * width;
    ids.set(encoded.ids.subarray(from, to), at);
    typeIds.set(encoded.typeIds.subarray(from, to), at);
    mask.fill(1, at, at + to - from);
  }
  into.set(plan.ids.name, tensorOf(plan.ids.dtype, shape, ids));
  if (plan.mask !== null) into.set(plan.mask.name, tensorOf(plan.mask.dtype, shape, mask));
  if (plan.typeIds !== null) into.set(plan.typeIds.name, tensorOf(plan.typeIds.dtype, shape, typeIds));
}

function startsOf(lengths: Int32Array): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let row = 1; row < lengths.length; row++) starts[row] = (starts[row - 1] ?? 0) + (lengths[row - 1] ?? 0);
  return starts;
}

function tensorOf(dtype: IdDType | MaskDType, shape: readonly number[], values: Int32Array): Tensor {
  switch (dtype) {
    case 'int32':
      return { dtype, shape, data: values };
    case 'int64':
      return { dtype, shape, data: widened(values) };
    case 'float32':
      return { dtype, shape, data: Float32Array.from(values) };
    case 'bool':
      return { dtype, shape, data: Uint8Array.from(values) };
    default:
      return dtype satisfies never;
  }
}

/** As int64; by halves, since two million bigints would hold up the event loop for a tenth of a second. */
function widened(values: Int32Array): BigInt64Array {
  const wide = new BigInt64Array(values.length);
  const halves = new Int32Array(wide.buffer);
  for (let index = 0; index < values.length; index++) halves[2 * index] = values[index] ?? 0; // none is below 0
  return wide;
}

interface Picked {
  readonly tensor: Tensor;
  readonly group: readonly number[];
  /** Rows of the whole request. */
  readonly rows: number;
}

/** Some rows of another input of the request. */
function pickRows(model: string, name: string, { tensor, group, rows }: Picked): Tensor {
  const { dtype, shape } = tensor;
  if (shape[0] !== rows) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `text: input "${name}" of model "${model}" has shape ${formatShape(shape)} beside ${rows} texts of different lengths; it must have a row for each`,
      { details: { model, input: name } },
    );
  }
  const picked = [group.length, ...shape.slice(1)];
  const perRow = elementCount(shape.slice(1));
  if (dtype === 'string') {
    return { dtype, shape: picked, data: group.flatMap((row) => tensor.data.slice(row * perRow, (row + 1) * perRow)) };
  }
  const stored = tensor.data.length / rows;
  const data = new TYPED_ARRAYS[dtype](group.length * stored);
  for (const [place, row] of group.entries()) {
    // One dtype, so one kind of array: bigints go where bigints are.
    (data as Float64Array).set(
      (tensor.data as Float64Array).subarray(row * stored, (row + 1) * stored),
      place * stored,
    );
  }
  return { dtype, shape: picked, data } as Tensor; // the array is what tensors of this dtype are stored in
}
