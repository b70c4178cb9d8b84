// Proves, by running the model, that texts may be filled up under their mask: what a text gives must not depend on how
// long its neighbours are. A declared mask is a claim; a model may not look at it, or not everywhere.
import { formatShape, type NamedTensors, numberFromFloat16Bits, type Tensor } from '@amaas/core';
import type { RequestPart, RunModel } from '../dataplane/index.ts';

/** Kernels for one length and for another add up in another order; the same bounds as for joined rows. */
const RELATIVE = 1e-4;
const ABSOLUTE_OF_LARGEST = 1e-5;

export interface PaddingCase {
  /** The same texts, those of one length together. */
  readonly apart: readonly RequestPart[];
  /** All in one, the shorter ones filled up. */
  readonly filled: NamedTensors;
}

/** Why texts may not be filled up; null when they may. */
export async function whyNotPadded(run: RunModel, { apart, filled }: PaddingCase): Promise<string | null> {
  if (apart.length < 2) return 'the tokenizer made no two lengths of made-up texts';
  try {
    const together = await run(filled);
    for (const { inputs, rows } of apart) {
      const alone = await run(inputs);
      for (const [name, tensor] of alone) {
        const other = together.get(name);
        const difference = other === undefined ? 'is missing' : findDifference(tensor, other, rows ?? []);
        if (difference !== null) return `output "${name}" ${difference}`;
      }
    }
    return null;
  } catch (thrown) {
    return `a run on made-up texts fails: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/** Compares rows with those they are in the filled-up run; along further axes as far as the shorter one goes. */
function findDifference(alone: Tensor, together: Tensor, rows: readonly number[]): string | null {
  const [count, ...dims] = alone.shape;
  const [, ...filled] = together.shape;
  const fits = dims.length === filled.length && dims.every((dim, axis) => dim <= (filled[axis] ?? 0));
  if (count !== rows.length || alone.dtype !== together.dtype || !fits) {
    return `has shape ${formatShape(alone.shape)} for texts of one length and ${formatShape(together.shape)} filled up`;
  }
  const [expected, actual] = [numbersOf(alone), numbersOf(together)];
  if (expected === null || actual === null) return null; // texts of the model's own; nothing to hold against each other
  const isInteger = !alone.dtype.startsWith('float');
  const largest = expected.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    1,
  );
  const perRow = dims.reduce((product, dim) => product * dim, 1);
  const perFilledRow = filled.reduce((product, dim) => product * dim, 1);
  for (const [place, row] of rows.entries()) {
    for (let at = 0; at < perRow; at++) {
      const value = expected[place * perRow + at] ?? Number.NaN;
      const got = actual[row * perFilledRow + placeIn(at, dims, filled)] ?? Number.NaN;
      if (Object.is(value, got) || value === got) continue;
      const allowed = isInteger ? 0 : ABSOLUTE_OF_LARGEST * largest + RELATIVE * Math.abs(value);
      if (!(Math.abs(value - got) <= allowed)) return `of a text is ${value} by itself and ${got} when it is filled up`;
    }
  }
  return null;
}

/** Where the element at a place of one shape is in a larger shape. */
function placeIn(at: number, dims: readonly number[], larger: readonly number[]): number {
  let place = 0;
  let stride = 1;
  let rest = at;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const dim = dims[axis] ?? 1;
    place += (rest % dim) * stride;
    rest = Math.floor(rest / dim);
    stride *= larger[axis] ?? 1;
  }
  return place;
}

function numbersOf(tensor: Tensor): Float64Array | null {
  if (tensor.dtype === 'string') return null;
  if (tensor.dtype === 'float16') return Float64Array.from(tensor.data, numberFromFloat16Bits);
  return Float64Array.from(tensor.data as ArrayLike<number | bigint>, Number); // every typed array is one or the other
}
