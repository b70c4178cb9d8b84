// Inputs for a model nobody has given an example for: shapes guessed from the declared dims, values that most models take.
// Knows nothing of sessions; the caller tries one shaping after the other until a run succeeds.
import {
  arrayLength,
  type Dim,
  elementCount,
  float16BitsFromNumber,
  type NamedTensors,
  type Tensor,
  TYPED_ARRAYS,
  type TensorSpec,
} from '@amaas/core';

/** A uniform number in [0, 1). */
export type Random = () => number;

/** One way of giving sizes to dims that have none. */
export interface Shaping {
  /** Size of free dims beyond axis 0, which is always the number of rows. */
  readonly size: number;
  /**
   * `all`: every free dim has that size; `last`: only those that end a shape, the others have 1; `nchw` and `nhwc`: as
   * `all`, but in tensors of rank 4 the axis where pictures keep their channels has 3.
   */
  readonly spread: 'all' | 'last' | 'nchw' | 'nhwc';
  /** Rank given to tensors that declare none. */
  readonly rankOfUnknown: number;
}

/** Tried in this order: 1 fits most, the rest are the usual lengths of windows, sequences and pictures. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 224, 256];
const PICTURE_CHANNELS = 3;
const UNKNOWN_RANKS = [1, 2, 3, 4];

/** The shapings worth trying for these inputs, simplest first; just one where every dim is given. */
export function listShapings(specs: readonly TensorSpec[]): readonly Shaping[] {
  const freeAxes = specs
    .flatMap((spec) => (spec.shape ?? [null, null]).slice(1))
    .filter((dim) => typeof dim !== 'number');
  const ranks = specs.some((spec) => spec.shape === null) ? UNKNOWN_RANKS : [1];
  const sizes = freeAxes.length === 0 ? [1] : SIZES;
  const mayBePicture = freeAxes.length > 0 && specs.some((spec) => spec.shape?.length === 4);
  const spreads: readonly Shaping['spread'][] = mayBePicture ? ['all', 'nchw', 'nhwc', 'last'] : ['all', 'last'];
  return ranks.flatMap((rankOfUnknown) =>
    sizes.flatMap((size) => spreads.map((spread): Shaping => ({ size, spread, rankOfUnknown }))),
  );
}

/** Inputs of `rows` rows: floats in [0, 1), integers 0 or 1, strings of one letter. Optional inputs are left out. */
export function makeUpInputs(
  specs: readonly TensorSpec[],
  shaping: Shaping,
  rows: number,
  random: Random,
): NamedTensors {
  const required = specs.filter((spec) => !spec.optional);
  const sizes = symbolSizes(required, shaping, rows);
  return new Map(
    required.map((spec) => [spec.name, makeUpTensor(spec, concreteShape(spec, shaping, rows, sizes), random)]),
  );
}

/** A symbol has one size wherever it stands; one that leads some shape counts rows everywhere. */
function symbolSizes(specs: readonly TensorSpec[], shaping: Shaping, rows: number): ReadonlyMap<string, number> {
  const shapes = specs.flatMap(({ shape }) => (shape === null ? [] : [shape]));
  const last = new Set(shapes.map((shape) => shape.at(-1)));
  const sizes = new Map<string, number>();
  for (const dim of shapes.flat()) {
    if (typeof dim === 'string') sizes.set(dim, shaping.spread !== 'last' || last.has(dim) ? shaping.size : 1);
  }
  for (const shape of shapes) {
    const channels = shape.length === 4 ? shape[channelAxis(shaping)] : null;
    if (typeof channels === 'string') sizes.set(channels, PICTURE_CHANNELS);
  }
  for (const [lead] of shapes) if (typeof lead === 'string') sizes.set(lead, rows);
  return sizes;
}

function concreteShape(
  spec: TensorSpec,
  shaping: Shaping,
  rows: number,
  sizes: ReadonlyMap<string, number>,
): readonly number[] {
  const dims: readonly Dim[] = spec.shape ?? Array.from({ length: shaping.rankOfUnknown }, () => null);
  return dims.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (axis === 0) return rows;
    if (typeof dim === 'string') return sizes.get(dim) ?? 1;
    if (dims.length === 4 && axis === channelAxis(shaping)) return PICTURE_CHANNELS;
    return shaping.spread !== 'last' || axis === dims.length - 1 ? shaping.size : 1;
  });
}

function channelAxis({ spread }: Shaping): number {
  return spread === 'nchw' ? 1 : spread === 'nhwc' ? 3 : -1;
}

function makeUpTensor({ dtype }: TensorSpec, shape: readonly number[], random: Random): Tensor {
  const elements = elementCount(shape);
  if (dtype === 'string') {
    const data = Array.from({ length: elements }, () => Uint8Array.of(97 + Math.floor(random() * 3)));
    return { dtype, shape, data };
  }
  const data = new TYPED_ARRAYS[dtype](arrayLength(dtype, elements));
  for (let index = 0; index < data.length; index++) {
    const value = random();
    if (dtype === 'float32' || dtype === 'float64') data[index] = value;
    else if (dtype === 'float16') data[index] = float16BitsFromNumber(value);
    else if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = value < 0.5 ? 0n : 1n;
    else data[index] = value < 0.5 ? 0 : 1;
  }
  return { dtype, shape, data } as Tensor; // the array was looked up by the same dtype
}
