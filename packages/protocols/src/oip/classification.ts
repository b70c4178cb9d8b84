// The classification extension: the top classes of each row as BYTES "score:index[:label]" instead of the scores.
// Source: Triton protocol extension "Classification" and triton-inference-server/server `classification.cc`.
import { AmaasError, type Tensor, type TensorOf } from '@amaas/core';
import { describeDatatype } from './datatypes.ts';

export interface ClassifyOptions {
  /** Class names by index; a class without one is written without. */
  readonly labels?: readonly string[];
  /** Whether the first dim counts rows; default: rank ≥ 2. */
  readonly batched?: boolean;
}

type Scores =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/** Up to this many classes an insertion into a short list beats sorting all indices. */
const MAX_INSERTION_CLASSES = 32;

const encoder = new TextEncoder();

/**
 * The `classes` greatest scores of each row, greatest first, ties by lower index, NaN last.
 *
 * Shape `[rows, k]`, or `[k]` where there is no batch dim; the other dims are taken as one; k = min(classes, row length).
 * Floats are written with six decimals (`0.900000:2:cat`), integers as they are.
 * @throws INVALID_ARGUMENT for BOOL, BYTES and 16-bit floats, as Triton does.
 */
export function classify(tensor: Tensor, classes: number, options: ClassifyOptions = {}): TensorOf<'string'> {
  const { shape } = tensor;
  const batched = shape.length > 0 && (options.batched ?? shape.length >= 2);
  const rows = batched ? (shape[0] ?? 1) : 1;
  let rowLength = 1;
  for (const dim of batched ? shape.slice(1) : shape) rowLength *= dim;
  const top = Math.min(classes, rowLength);
  const data: Uint8Array[] = [];
  for (let row = 0; row < rows; row++) {
    for (const element of classifyRow(tensor, row * rowLength, { rowLength, top, labels: options.labels })) {
      data.push(encoder.encode(element));
    }
  }
  return { dtype: 'string', shape: batched ? [rows, top] : [top], data };
}

interface RowOptions {
  readonly rowLength: number;
  readonly top: number;
  readonly labels: readonly string[] | undefined;
}

function classifyRow(tensor: Tensor, start: number, row: RowOptions): readonly string[] {
  switch (tensor.dtype) {
    case 'float32':
    case 'float64': {
      const scores = tensor.data.subarray(start, start + row.rowLength);
      return topIndices(scores, row.top).map((index) =>
        writeClass(formatFixed6(scores[index] ?? Number.NaN), index, row),
      );
    }
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32': {
      const scores = tensor.data.subarray(start, start + row.rowLength);
      return topIndices(scores, row.top).map((index) => writeClass(String(scores[index]), index, row));
    }
    case 'int64':
    case 'uint64': {
      const scores = tensor.data.subarray(start, start + row.rowLength);
      const indices = Array.from({ length: row.rowLength }, (_, index) => index);
      indices.sort((a, b) => {
        const [left, right] = [scores[a] ?? 0n, scores[b] ?? 0n];
        return left > right ? -1 : left < right ? 1 : a - b;
      });
      return indices.slice(0, row.top).map((index) => writeClass(String(scores[index]), index, row));
    }
    default:
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `class result not available for output due to unsupported type '${describeDatatype(tensor.dtype)}'`,
      );
  }
}

function writeClass(score: string, index: number, row: RowOptions): string {
  const label = row.labels?.[index];
  return label === undefined || label === '' ? `${score}:${index}` : `${score}:${index}:${label}`;
}

/** Indices of the `top` greatest scores, greatest first. */
function topIndices(scores: Scores, top: number): readonly number[] {
  if (top === 0) return [];
  if (top > MAX_INSERTION_CLASSES) {
    const all = Array.from({ length: scores.length }, (_, index) => index);
    all.sort((a, b) => (precedes(scores, a, b) ? -1 : 1));
    return all.slice(0, top);
  }
  const best: number[] = [];
  for (let index = 0; index < scores.length; index++) {
    const last = best[best.length - 1];
    if (best.length === top && last !== undefined && !precedes(scores, index, last)) continue;
    let at = best.length === top ? top - 1 : best.length;
    while (at > 0 && precedes(scores, index, best[at - 1] ?? 0)) {
      best[at] = best[at - 1] ?? 0;
      at--;
    }
    best[at] = index;
  }
  return best;
}

/** Whether the score at `a` comes before the score at `b`; a total order, so NaN cannot derail the sort. */
function precedes(scores: Scores, a: number, b: number): boolean {
  const left = scores[a] ?? Number.NaN;
  const right = scores[b] ?? Number.NaN;
  if (left > right) return true;
  if (left < right) return false;
  if (left === right) return a < b;
  const leftIsNaN = Number.isNaN(left);
  return leftIsNaN === Number.isNaN(right) ? a < b : !leftIsNaN;
}

/** Writes a double as C's `%f` does: six decimals, halves to even, no exponent. */
function formatFixed6(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.000000`; // toFixed would switch to an exponent
  // A binary fraction lies exactly between two six-decimal numbers only as an odd multiple of 2^-7. toFixed rounds those up.
  const parts128 = magnitude * 128;
  if (!Number.isInteger(parts128) || parts128 % 2 === 0) return sign + magnitude.toFixed(6);
  const twiceMillionths = BigInt(parts128) * 15625n;
  const below = twiceMillionths / 2n;
  const digits = String(below % 2n === 0n ? below : below + 1n).padStart(7, '0');
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
