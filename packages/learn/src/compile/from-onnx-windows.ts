// ONNX's convolutions, pools, normalisations and enlargements as graph operations.
import {
  add,
  averagePool,
  batchNormalization,
  constantOf,
  conv,
  convTranspose,
  div,
  gather,
  globalAveragePool,
  globalMaxPool,
  layerNormalizationStatistics,
  maxPool,
  maxPoolWithIndices,
  mul,
  normalizeAxis,
  type Padding,
  reduceMean,
  reduceSum,
  reshape,
  rmsNormalization,
  sizeAt,
  sqrt,
  square,
  staticShape,
  sub,
  upsampleNearest,
  type Value,
  col2Im,
} from '../graph/index.ts';
import type { Bound, Converters, NodeContext } from './from-onnx-node.ts';
import { MAX_LISTED } from './from-onnx-shaping.ts';

export const WINDOWS: Converters = {
  Conv(context) {
    const [x, weight, bias] = [context.value(0), context.value(1), context.optional(2)];
    const kernel = staticShape(weight.shape.slice(2), 'Conv');
    return conv(x, weight, {
      ...windowAttributes(context, x, kernel),
      groups: context.int('group', 1),
      ...(bias === undefined ? {} : { bias }),
    });
  },
  ConvTranspose: transposedConvolution,
  Col2Im(context) {
    const [image, kernel] = [context.numbers(1) ?? [], context.numbers(2) ?? []];
    const strides = context.ints('strides') ?? 1;
    return col2Im(context.value(0), image, kernel, {
      strides,
      dilations: context.ints('dilations') ?? 1,
      padding: context.ints('pads') ?? 'valid',
    });
  },
  MaxPool(context) {
    const x = context.value(0);
    const kernel = context.ints('kernel_shape') ?? [];
    const options = { ...windowAttributes(context, x, kernel), ceil: context.int('ceil_mode', 0) === 1 };
    if (!context.hasOutput(1)) return maxPool(x, kernel, options);
    if (context.int('storage_order', 0) === 1) throw context.unsupported('counts positions column by column');
    const { y, indices } = maxPoolWithIndices(x, kernel, options);
    return [y, indices];
  },
  AveragePool(context) {
    const x = context.value(0);
    const kernel = context.ints('kernel_shape') ?? [];
    if (context.ints('dilations')?.some((dilation) => dilation > 1) === true) throw context.unsupported('is dilated');
    return averagePool(x, kernel, {
      ...windowAttributes(context, x, kernel),
      ceil: context.int('ceil_mode', 0) === 1,
      countPadding: context.int('count_include_pad', 0) === 1,
    });
  },
  GlobalAveragePool: (context) => globalAveragePool(context.value(0)),
  GlobalMaxPool: (context) => globalMaxPool(context.value(0)),
  BatchNormalization(context) {
    if (context.int('training_mode', 0) === 1) throw context.unsupported('is in training mode');
    const [scale, bias, mean, variance] = [context.value(1), context.value(2), context.value(3), context.value(4)];
    return batchNormalization(context.value(0), {
      scale,
      bias,
      mean,
      variance,
      epsilon: context.float('epsilon', 1e-5),
    });
  },
  InstanceNormalization(context) {
    const x = context.value(0);
    const axes = [...x.shape.keys()].slice(2);
    const deviation = sub(x, reduceMean(x, { axes, keepAxes: true }));
    const variance = reduceMean(square(deviation), { axes, keepAxes: true });
    const normal = div(deviation, sqrt(add(variance, context.float('epsilon', 1e-5))));
    const perChannel = (value: Value): Value => reshape(value, [...value.shape, ...axes.map(() => 1)]);
    return add(mul(normal, perChannel(context.value(1))), perChannel(context.value(2)));
  },
  LayerNormalization(context) {
    const [x, scale, bias] = [context.value(0), context.value(1), context.optional(2)];
    const { y, mean, inverseDeviation } = layerNormalizationStatistics(x, {
      scale,
      axis: context.int('axis', -1),
      epsilon: context.float('epsilon', 1e-5),
      ...(bias === undefined ? {} : { bias }),
    });
    return [y, mean, inverseDeviation];
  },
  RMSNormalization: (context) =>
    rmsNormalization(context.value(0), {
      scale: context.value(1),
      axis: context.int('axis', -1),
      epsilon: context.float('epsilon', 1e-5),
    }),
  LpNormalization(context) {
    const x = context.value(0);
    if (context.int('p', 2) !== 2) throw context.unsupported('normalises by another norm than the second');
    const axis = normalizeAxis(context.int('axis', -1), x.shape.length, 'LpNormalization');
    return div(x, sqrt(reduceSum(square(x), { axes: [axis], keepAxes: true })));
  },
  Resize: (context) => resize(context, context.opset < 11 ? 1 : 2),
  Upsample: (context) => resize(context, 1),
};

interface WindowAttributes {
  readonly strides: number | readonly number[];
  readonly dilations: number | readonly number[];
  readonly padding: Padding;
}

function windowAttributes(context: NodeContext, x: Value, kernel: readonly number[]): WindowAttributes {
  const strides = context.ints('strides') ?? 1;
  const dilations = context.ints('dilations') ?? 1;
  const automatic = context.text('auto_pad', 'NOTSET');
  if (automatic === 'NOTSET') return { strides, dilations, padding: context.ints('pads') ?? 'valid' };
  if (automatic === 'VALID') return { strides, dilations, padding: 'valid' };
  if (automatic === 'SAME_UPPER') return { strides, dilations, padding: 'same' };
  if (automatic !== 'SAME_LOWER') throw context.invalid(`pads by ${automatic}`);
  // The odd zero goes before, not after.
  const totals = staticShape(x.shape.slice(2), context.node.opType).map((size, axis) => {
    const stride = typeof strides === 'number' ? strides : (strides[axis] ?? 1);
    const dilation = typeof dilations === 'number' ? dilations : (dilations[axis] ?? 1);
    const extent = ((kernel[axis] ?? 1) - 1) * dilation + 1;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  });
  return {
    strides,
    dilations,
    padding: [...totals.map((total) => Math.ceil(total / 2)), ...totals.map((total) => Math.floor(total / 2))],
  };
}

/** `output_shape` and the automatic paddings say how much of the whole result is cut away. */
function transposedConvolution(context: NodeContext): Value {
  const [x, weight, bias] = [context.value(0), context.value(1), context.optional(2)];
  const kernel = staticShape(weight.shape.slice(2), 'ConvTranspose');
  const sizes = staticShape(x.shape.slice(2), 'ConvTranspose');
  const strides = context.ints('strides') ?? kernel.map(() => 1);
  const dilations = context.ints('dilations') ?? kernel.map(() => 1);
  const outputPadding = context.ints('output_padding') ?? kernel.map(() => 0);
  const automatic = context.text('auto_pad', 'NOTSET');
  const same = automatic.startsWith('SAME') ? sizes.map((size, axis) => size * (strides[axis] ?? 1)) : undefined;
  const target = context.ints('output_shape') ?? same;
  let padding: Padding = automatic === 'NOTSET' ? (context.ints('pads') ?? 'valid') : 'valid';
  if (target !== undefined) {
    const totals = sizes.map((size, axis) => {
      const extent = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
      return (strides[axis] ?? 1) * (size - 1) + (outputPadding[axis] ?? 0) + extent - (target[axis] ?? 0);
    });
    if (totals.some((total) => total < 0)) throw context.unsupported('asks for more than the windows reach');
    const [small, large] = [totals.map((total) => Math.floor(total / 2)), totals.map((total) => Math.ceil(total / 2))];
    padding = automatic === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
  }
  return convTranspose(x, weight, {
    strides,
    dilations,
    outputPadding,
    padding,
    groups: context.int('group', 1),
    ...(bias === undefined ? {} : { bias }),
  });
}

/** Nearest neighbours only: every element of the result names the element of the image it is. */
function resize(context: NodeContext, scalesInput: number): Bound {
  let x = context.value(0);
  const mode = context.text('mode', 'nearest');
  if (mode !== 'nearest') throw context.unsupported(`interpolates (${mode})`);
  const rank = x.shape.length;
  const axes = context.ints('axes') ?? [...Array(rank).keys()];
  const listed = context.numbers(scalesInput);
  const scales = context.ints('scales') === undefined && listed?.length ? listed : scalesOf(context);
  const sizes = scales === undefined ? context.numbers(3) : undefined;
  const factors = new Array<number>(rank).fill(1);
  for (const [index, axis] of axes.entries()) {
    const size = sizes === undefined && scales?.[index] === 1 ? null : sizeAt(x.shape, axis, 'Resize');
    if (size === null) continue;
    const [known = 1] = staticShape([size], 'Resize');
    const target = sizes?.[index] ?? Math.floor(known * (scales?.[index] ?? 1));
    if (target === known) continue;
    if (!(target > 0 && target <= MAX_LISTED)) throw context.invalid(`resizes ${known} to ${target}`);
    const scale = scales?.[index] ?? target / known;
    const positions = Array.from({ length: target }, (_, at) => nearest(at, { known, target, scale, context }));
    const factor = target / known;
    if (Number.isInteger(factor) && positions.every((position, at) => position === Math.floor(at / factor))) {
      factors[axis] = factor;
    } else {
      x = gather(x, constantOf('int64', [target], positions), axis);
    }
  }
  if (factors.every((factor) => factor === 1)) return x;
  if (rank < 3 || factors[0] !== 1 || factors[1] !== 1) {
    throw context.unsupported('enlarges the batch or the channels');
  }
  return upsampleNearest(x, factors.slice(2));
}

function scalesOf(context: NodeContext): readonly number[] | undefined {
  const floats = context.attribute('scales')?.floats;
  return floats === undefined ? undefined : Array.from(floats);
}

function nearest(
  at: number,
  {
    known,
    target,
    scale,
    context,
  }: { readonly known: number; readonly target: number; readonly scale: number; readonly context: NodeContext },
): number {
  const older = context.opset < 11;
  const transformation = older ? 'asymmetric' : context.text('coordinate_transformation_mode', 'half_pixel');
  const rounding = older ? 'floor' : context.text('nearest_mode', 'round_prefer_floor');
  const original = coordinate(at, { known, target, scale, transformation, context });
  const chosen =
    rounding === 'floor'
      ? Math.floor(original)
      : rounding === 'ceil'
        ? Math.ceil(original)
        : rounding === 'round_prefer_ceil'
          ? Math.floor(original + 0.5)
          : Math.ceil(original - 0.5);
  return Math.min(Math.max(chosen, 0), known - 1);
}

function coordinate(
  at: number,
  {
    known,
    target,
    scale,
    transformation,
    context,
  }: {
    readonly known: number;
    readonly target: number;
    readonly scale: number;
    readonly transformation: string;
    readonly context: NodeContext;
  },
): number {
  switch (transformation) {
    case 'asymmetric':
      return at / scale;
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return target > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return target > 1 ? (at * (known - 1)) / (target - 1) : 0;
    default:
      throw context.unsupported(`places pixels by ${transformation}`);
  }
}
