// The arithmetic of sliding windows that convolutions, pools and patches share: strides, dilations, padding, and how many
// windows fit. Knows no operation.
import { AmaasError, formatShape } from '@amaas/core';
import type { Shape, Size } from '../shape.ts';

/**
 * Zeros (or, for maxima, nothing) around the image. `valid`: none. `same`: as many as give ceil(size / stride) windows,
 * an odd one at the end, as Keras and (for stride 1) PyTorch do. A number: on every side. A list: per axis for both
 * sides, or first before every axis and then after every axis, as ONNX's `pads`.
 */
export type Padding = 'valid' | 'same' | number | readonly number[];

export interface WindowOptions {
  /** Per axis, or one for all; default 1 (pools: the kernel). */
  readonly strides?: number | readonly number[];
  /** Distance of neighbouring places in a window, per axis or one for all; default 1. */
  readonly dilations?: number | readonly number[];
  /** Default `valid`. */
  readonly padding?: Padding;
}

/** Windows over an image, one number per axis; `pads` before every axis, then after every axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/**
 * Options as numbers per axis.
 * @param sizes - the image's axes (without batch and channels)
 * @throws INVALID_GRAPH when counts or ranges are wrong, or `same` with a stride meets a size that is a symbol.
 */
export function resolveWindows(
  sizes: Shape,
  kernel: readonly number[],
  { strides = 1, dilations = 1, padding = 'valid', operation }: WindowOptions & { readonly operation: string },
): Windows {
  const perAxis = (value: number | readonly number[], what: string): readonly number[] => {
    const list = typeof value === 'number' ? kernel.map(() => value) : value;
    if (list.length !== kernel.length || list.some((each) => !Number.isInteger(each) || each < 1)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `${operation}: ${what} must be ${kernel.length} whole numbers of 1 or more, got ${formatShape(list)}`,
      );
    }
    return list;
  };
  if (kernel.length !== sizes.length) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: a kernel ${formatShape(kernel)} does not slide over ${formatShape(sizes)}`,
    );
  }
  const known = {
    kernel: perAxis(kernel, 'the kernel'),
    strides: perAxis(strides, 'strides'),
    dilations: perAxis(dilations, 'dilations'),
  };
  return { ...known, pads: resolvePads(sizes, known, { padding, operation }) };
}

function resolvePads(
  sizes: Shape,
  windows: Omit<Windows, 'pads'>,
  { padding, operation }: { readonly padding: Padding; readonly operation: string },
): readonly number[] {
  const rank = sizes.length;
  if (padding === 'valid') return new Array<number>(2 * rank).fill(0);
  if (padding === 'same') {
    const totals = sizes.map((size, axis) => sameTotal(size, windows, { axis, operation }));
    return [...totals.map((total) => Math.floor(total / 2)), ...totals.map((total) => Math.ceil(total / 2))];
  }
  const list = typeof padding === 'number' ? new Array<number>(rank).fill(padding) : padding;
  const pads = list.length === rank ? [...list, ...list] : list;
  if (pads.length !== 2 * rank || pads.some((amount) => !Number.isInteger(amount) || amount < 0)) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: padding must be ${rank} or ${2 * rank} whole numbers of 0 or more, got ${formatShape(list)}`,
    );
  }
  return pads;
}

function sameTotal(
  size: Size,
  { kernel, strides, dilations }: Omit<Windows, 'pads'>,
  { axis, operation }: { readonly axis: number; readonly operation: string },
): number {
  const extent = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
  const stride = strides[axis] ?? 1;
  if (stride === 1) return extent - 1;
  if (typeof size === 'number') return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  throw new AmaasError('INVALID_GRAPH', `${operation}: same padding with stride ${stride} needs to know size ${size}`);
}

/** Places between the first and the last of a window along an axis, both included. */
export function windowExtent({ kernel, dilations }: Windows, axis: number): number {
  return ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
}

/** Zeros before and after an axis. */
export function padsOf({ pads }: Windows, axis: number): readonly [before: number, after: number] {
  return [pads[axis] ?? 0, pads[axis + pads.length / 2] ?? 0];
}

/**
 * How many windows fit along each axis; what is left over at the end is not looked at.
 * @throws INVALID_GRAPH when not one fits.
 */
export function countWindows(sizes: Shape, windows: Windows, operation: string): Shape {
  return sizes.map((size, axis) => {
    const [before, after] = padsOf(windows, axis);
    const extent = windowExtent(windows, axis);
    const stride = windows.strides[axis] ?? 1;
    const extra = before + after - extent;
    if (typeof size === 'string') {
      if (stride > 1) return `(${size}${signed(extra)})/${stride}+1`;
      return extra === -1 ? size : `${size}${signed(extra + 1)}`;
    }
    if (size + extra < 0) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `${operation}: a window of ${extent} does not fit into ${size} with ${before} and ${after} added`,
      );
    }
    return Math.floor((size + extra) / stride) + 1;
  });
}

function signed(amount: number): string {
  return amount < 0 ? `${amount}` : `+${amount}`;
}

/** Amounts before every axis and after every axis of a whole tensor, whose first two axes have none. */
export function tensorPads({ pads }: Windows): {
  readonly before: readonly number[];
  readonly after: readonly number[];
} {
  const rank = pads.length / 2;
  return { before: [0, 0, ...pads.slice(0, rank)], after: [0, 0, ...pads.slice(rank)] };
}
