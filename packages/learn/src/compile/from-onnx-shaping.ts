// ONNX's operators that rearrange, and those that compute shapes: what is known when the model is read becomes
// attributes of the graph's operations.
import { AmaasError } from '@amaas/core';
import {
  add,
  broadcastShapes,
  concat,
  constant,
  constantOf,
  countElements,
  expand,
  gather,
  isStatic,
  lowerTriangle,
  normalizeAxes,
  normalizeAxis,
  pad,
  reshape,
  type Shape,
  type Size,
  slice,
  split,
  staticShape,
  sub,
  tile,
  transpose,
  upperTriangle,
  type Value,
} from '../graph/index.ts';
import type { Bound, Converters, NodeContext, Sizes } from './from-onnx-node.ts';
import { isSizes } from './from-onnx-node.ts';

export const SHAPING: Converters = {
  Identity: pass,
  /** In inference nothing is dropped. */
  Dropout(context) {
    if (context.numbers(2)?.[0] === 1) throw context.unsupported('drops values: it is in training mode');
    if (context.hasOutput(1)) throw context.unsupported('gives its mask');
    return context.value(0);
  },
  Constant: constantOfNode,
  ConstantOfShape(context) {
    const shape = context.numbers(0) ?? [];
    const fill = context.tensor('value') ?? { dtype: 'float32', shape: [1], data: Float32Array.of(0) };
    return expand(reshape(constant(fill), []), shape);
  },
  Shape(context) {
    const { shape } = context.value(0);
    const start = context.int('start', 0);
    const end = context.attribute('end') === undefined ? shape.length : context.int('end', shape.length);
    return sizesOf(shape.slice(start, end));
  },
  Size: (context) => sizesOf([countElements(context.value(0).shape, 'Size')], true),
  Reshape(context) {
    const x = context.value(0);
    const wanted = context.sizes(1) ?? context.ints('shape') ?? [];
    const keepsZero = context.int('allowzero', 0) === 1;
    return reshapeTo(
      x,
      wanted.map((size, axis) => (size === 0 && !keepsZero ? (x.shape[axis] ?? 0) : size)),
      context,
    );
  },
  Flatten(context) {
    const x = context.value(0);
    const axis = context.int('axis', 1);
    const at = axis < 0 ? axis + x.shape.length : axis;
    const [before, after] = [x.shape.slice(0, at), x.shape.slice(at)];
    if (before.length === 1) return reshapeTo(x, [...before, -1], context);
    if (isStatic(before)) return reshapeTo(x, [countElements(before, 'Flatten'), -1], context);
    return reshapeTo(x, [-1, countElements(after, 'Flatten')], context);
  },
  Squeeze(context) {
    const list = sizesOperand(context);
    if (list !== null) return { ...list, isScalar: true };
    const x = context.value(0);
    const axes = context.numbers(1) ?? context.ints('axes');
    const gone =
      axes === undefined
        ? [...x.shape.keys()].filter((axis) => x.shape[axis] === 1)
        : normalizeAxes(axes, x.shape.length, 'Squeeze');
    if (gone.some((axis) => typeof x.shape[axis] === 'number' && x.shape[axis] !== 1)) {
      throw context.invalid(`takes away an axis of [${x.shape}] that is not of size 1`);
    }
    return reshape(
      x,
      x.shape.filter((_, axis) => !gone.includes(axis)),
    );
  },
  Unsqueeze(context) {
    const list = sizesOperand(context);
    if (list?.isScalar === true) return { ...list, isScalar: false };
    const x = context.value(0);
    const axes = context.numbers(1) ?? context.ints('axes') ?? [];
    const rank = x.shape.length + axes.length;
    const added = normalizeAxes(axes, rank, 'Unsqueeze');
    let next = 0;
    return reshape(
      x,
      Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (x.shape[next++] ?? 1))),
    );
  },
  Transpose: (context) => transpose(context.value(0), context.ints('perm')),
  Concat(context) {
    if (context.operands.some((each) => each !== undefined && isSizes(each))) {
      return sizesOf(context.operands.flatMap((_, index) => [...(context.sizes(index) ?? [])]));
    }
    const values = context.values().filter(({ shape }, _, all) => all.length === 1 || !shape.includes(0));
    return concat(values.length === 0 ? context.values() : values, context.int('axis', 1));
  },
  Split(context) {
    const x = context.value(0);
    const axis = normalizeAxis(context.int('axis', 0), x.shape.length, 'Split');
    const given = context.numbers(1) ?? context.ints('split');
    if (given !== undefined) return split(x, axis, given);
    const parts = context.int('num_outputs', context.node.outputs.length);
    const size = Number(staticShape(x.shape.slice(axis, axis + 1), 'Split')[0]);
    const part = Math.ceil(size / parts);
    return split(
      x,
      axis,
      Array.from({ length: parts }, (_, index) => Math.min(part, size - index * part)),
    );
  },
  Slice: sliceNode,
  Expand(context) {
    const x = context.value(0);
    return expand(x, broadcastShapes(x.shape, context.sizes(1) ?? [], 'Expand'));
  },
  Tile: (context) => tile(context.value(0), context.numbers(1) ?? []),
  Pad: padNode,
  DepthToSpace(context) {
    const x = context.value(0);
    const block = context.int('blocksize', 1);
    const [batch = 1, channels, height, width] = x.shape;
    const [c = 1, h = 1, w = 1] = staticShape([channels ?? 1, height ?? 1, width ?? 1], 'DepthToSpace');
    const depth = c / block ** 2;
    const crd = context.text('mode', 'DCR') === 'CRD';
    const apart = reshape(x, crd ? [batch, depth, block, block, h, w] : [batch, block, block, depth, h, w]);
    const moved = transpose(apart, crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
    return reshape(moved, [batch, depth, h * block, w * block]);
  },
  SpaceToDepth(context) {
    const x = context.value(0);
    const block = context.int('blocksize', 1);
    const [batch = 1, ...rest] = x.shape;
    const [c = 1, h = 1, w = 1] = staticShape(rest, 'SpaceToDepth');
    const apart = reshape(x, [batch, c, h / block, block, w / block, block]);
    return reshape(transpose(apart, [0, 3, 5, 1, 2, 4]), [batch, c * block ** 2, h / block, w / block]);
  },
  Range(context) {
    const [start = 0, limit = 0, delta = 1] = [0, 1, 2].map((index) => context.number(index) ?? 0);
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    if (!(count <= MAX_LISTED)) throw context.invalid(`lists ${count} numbers`);
    return constantOf(
      context.value(0).dtype,
      [count],
      Array.from({ length: count }, (_, index) => start + index * delta),
    );
  },
  Trilu(context) {
    const cut = context.int('upper', 1) === 1 ? upperTriangle : lowerTriangle;
    return cut(context.value(0), context.number(1) ?? 0);
  },
};

function sizesOf(sizes: Shape, isScalar = false): Sizes {
  return { kind: 'sizes', sizes, isScalar };
}

function pass(context: NodeContext): Bound {
  return context.operands[0] ?? context.value(0);
}

/** The first operand, if it is sizes of which some are symbols. */
export function sizesOperand({ operands: [first] }: NodeContext): Sizes | null {
  return first !== undefined && isSizes(first) && !isStatic(first.sizes) ? first : null;
}

/** A reshape whose missing size may be a new symbol. */
function reshapeTo(x: Value, shape: Shape, context: NodeContext): Value {
  if (isStatic(x.shape)) return reshape(x, shape);
  const hole = shape.indexOf(-1);
  try {
    return reshape(x, shape);
  } catch (error) {
    if (!(error instanceof AmaasError) || hole === -1) throw error;
    const known = shape.every((size) => typeof size === 'number' || x.shape.includes(size));
    if (!known) throw error;
    return reshape(x, shape.with(hole, `${context.node.outputs[0]}:${hole}`));
  }
}

function constantOfNode(context: NodeContext): Value {
  const tensor = context.tensor('value');
  if (tensor !== undefined) return constant(tensor);
  const single =
    context.attribute('value_float') ?? context.attribute('value_int') ?? context.attribute('value_string');
  if (single?.f !== undefined) return constantOf('float32', [], [single.f]);
  if (single?.i !== undefined) return constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(single.i) });
  if (single?.s !== undefined) return constant({ dtype: 'string', shape: [], data: [single.s] });
  const list =
    context.attribute('value_floats') ?? context.attribute('value_ints') ?? context.attribute('value_strings');
  if (list?.floats !== undefined) return constantOf('float32', [list.floats.length], list.floats);
  if (list?.ints !== undefined) return constant({ dtype: 'int64', shape: [list.ints.length], data: list.ints });
  if (list?.strings !== undefined) {
    return constant({ dtype: 'string', shape: [list.strings.length], data: list.strings });
  }
  throw context.unsupported('holds no dense tensor');
}

/** Bounds were attributes until opset 9; whatever reaches over an end stops there. */
function sliceNode(context: NodeContext): Bound {
  const starts = context.ints('starts') ?? context.numbers(1) ?? [];
  const ends = context.ints('ends') ?? context.numbers(2) ?? [];
  const axes = context.ints('axes') ?? context.numbers(3);
  const steps = context.numbers(4);
  const list = sizesOperand(context);
  if (list !== null) return sizesOf(list.sizes.slice(starts[0], ends[0]));
  let x = context.value(0);
  for (const [index, start] of starts.entries()) {
    const axis = normalizeAxis(axes?.[index] ?? index, x.shape.length, 'Slice');
    x = sliceAxis(x, axis, { start, end: ends[index] ?? 0, step: steps?.[index] ?? 1, context });
  }
  return x;
}

/** Longer lists than any model writes into its file are a mistake in it. */
export const MAX_LISTED = 2 ** 24;

/** Beyond any tensor: what exporters write for "to the end". */
const FAR = 2 ** 31 - 1;

function sliceAxis(
  x: Value,
  axis: number,
  {
    start,
    end,
    step,
    context,
  }: { readonly start: number; readonly end: number; readonly step: number; readonly context: NodeContext },
): Value {
  const size: Size = x.shape[axis] ?? 1;
  if (typeof size === 'string') {
    if (start === 0 && end >= FAR && step === 1) return x;
    throw context.unsupported(`cuts an axis whose size ${size} is not known: give it`);
  }
  const within = (bound: number, low: number, high: number): number =>
    Math.min(Math.max(bound < 0 ? bound + size : bound, low), high);
  if (step > 0) {
    const from = within(start, 0, size);
    return slice(x, axis, from, Math.max(from, within(end, 0, size)), step);
  }
  const from = within(start, 0, size - 1);
  const to = within(end, -1, size - 1);
  const count = Math.max(0, Math.ceil((to - from) / step));
  const positions = Array.from({ length: count }, (_, index) => from + index * step);
  return gather(x, constantOf('int64', [count], positions), axis);
}

function padNode(context: NodeContext): Value {
  let x = context.value(0);
  const rank = x.shape.length;
  const amounts = context.ints('pads') ?? context.numbers(1) ?? [];
  const axes = normalizeEach(context.numbers(3) ?? [...x.shape.keys()], rank);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [index, axis] of axes.entries()) {
    before[axis] = amounts[index] ?? 0;
    after[axis] = amounts[index + axes.length] ?? 0;
  }
  // Negative amounts cut.
  for (const axis of axes) {
    const [front, back] = [Math.min(0, before[axis] ?? 0), Math.min(0, after[axis] ?? 0)];
    if (front < 0 || back < 0) x = slice(x, axis, -front, staticSize(x, axis) + back);
    before[axis] = Math.max(0, before[axis] ?? 0);
    after[axis] = Math.max(0, after[axis] ?? 0);
  }
  const mode = context.text('mode', 'constant');
  if (mode === 'constant') {
    const fill = context.opset < 11 ? context.float('value', 0) : (context.numbers(2)?.[0] ?? 0);
    if (fill === 0) return pad(x, before, after);
    if (Number.isFinite(fill)) return add(pad(sub(x, fill), before, after), fill);
    throw context.unsupported(`pads with ${fill}`);
  }
  for (const axis of axes) {
    const size = staticSize(x, axis);
    if (!((before[axis] ?? 0) + size + (after[axis] ?? 0) <= MAX_LISTED)) throw context.invalid(`pads by ${amounts}`);
    const positions = Array.from({ length: (before[axis] ?? 0) + size + (after[axis] ?? 0) }, (_, index) =>
      mirrored(index - (before[axis] ?? 0), size, mode),
    );
    if (positions.includes(-1)) throw context.unsupported(`pads in mode ${mode} with ${before} and ${after}`);
    if (positions.length > size) x = gather(x, constantOf('int64', [positions.length], positions), axis);
  }
  return x;
}

/** Which element stands for a position outside; −1 for modes that are not known. */
function mirrored(position: number, size: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(position, 0), size - 1);
  if (mode === 'wrap') return ((position % size) + size) % size;
  if (mode !== 'reflect' || (size === 1 && position !== 0)) return -1;
  const period = Math.max(1, 2 * (size - 1));
  const at = ((position % period) + period) % period;
  return at < size ? at : period - at;
}

function staticSize(x: Value, axis: number): number {
  return staticShape(x.shape.slice(axis, axis + 1), 'Pad')[0] ?? 1;
}

function normalizeEach(axes: readonly number[], rank: number): readonly number[] {
  return axes.map((axis) => normalizeAxis(axis, rank, 'Pad'));
}
