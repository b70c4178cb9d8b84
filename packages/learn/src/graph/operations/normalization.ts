// Normalisation over the batch, over the last axis, and by the root mean square. Gradients in closed form: with
// x̂ = (x − mean) · inv, dx = inv · (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)).
import { AmaasError, formatShape } from '@amaas/core';
import { normalizeAxis, type Shape } from '../shape.ts';
import { applyOne, applyOperation, defineOperation, type Value } from '../value.ts';
import { add, mul, neg, reciprocal, sqrt, square, sub } from './arithmetic.ts';
import { filled } from './constants.ts';
import { reduceMean } from './reduction.ts';
import { reshape } from './shaping.ts';
import { reduceSum, sumToShape } from './summation.ts';
import { withGradient } from './with-gradient.ts';

interface LayerNormAttributes {
  readonly [name: string]: number;
  readonly axis: number;
  readonly epsilon: number;
}

const LAYER_NORMALIZATION = defineOperation<LayerNormAttributes>({
  name: 'LayerNormalization',
  attributes: { axis: { kind: 'int' }, epsilon: { kind: 'float' } },
  infer([x, scale, bias], { axis }) {
    if (!x || !scale) throw new AmaasError('INVALID_GRAPH', 'LayerNormalization: an input is missing');
    for (const each of bias ? [scale, bias] : [scale]) {
      if (each.dtype !== x.dtype || each.shape.length !== x.shape.length - axis) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `LayerNormalization: scale and bias must be ${x.dtype} ${formatShape(x.shape.slice(axis))}, got ${each.dtype} ${formatShape(each.shape)}`,
        );
      }
    }
    const statistics = { dtype: x.dtype, shape: x.shape.map((size, at) => (at < axis ? size : 1)) };
    return [{ dtype: x.dtype, shape: x.shape }, statistics, statistics];
  },
  gradient({ inputs: [x, scale, bias], outputs: [y, mean, inverse], attributes: { axis } }, [dy, dMean, dInverse]) {
    if (dMean || dInverse) {
      throw new AmaasError('INVALID_GRAPH', 'LayerNormalization: only its first output can be differentiated');
    }
    if (!x || !scale || !mean || !inverse || !dy) return [null, null, null];
    const axes = [...x.shape.keys()].slice(axis);
    if (y && !bias && isOnes(scale)) return [mul(centred(dy, y, axes), inverse), null];
    const normal = mul(sub(x, mean), inverse);
    const dx = mul(centred(mul(dy, scale), normal, axes), inverse);
    const dScale = sumToShape(mul(dy, normal), scale.shape);
    return bias ? [dx, dScale, sumToShape(dy, bias.shape)] : [dx, dScale];
  },
});

/** A scale that was left out: the result is the normalised input itself, which the gradient then need not work out again. */
function isOnes({ origin }: Value): boolean {
  return (
    origin.kind === 'constant' && origin.tensor.dtype === 'float32' && origin.tensor.data.every((each) => each === 1)
  );
}

export interface LayerNormalizationOptions {
  /** Of the normalised axes' shape; default ones. */
  readonly scale?: Value;
  /** Default none. */
  readonly bias?: Value;
  /** The first of the normalised axes; default the last alone. */
  readonly axis?: number;
  /** Added to the variance; default 1e-5, as in ONNX and PyTorch (Keras has 1e-3). */
  readonly epsilon?: number;
}

/** Mean 0 and variance 1 over the axes from `axis` on, then scale and bias. */
export function layerNormalization(x: Value, options: LayerNormalizationOptions = {}): Value {
  return layerNormalizationStatistics(x, options).y;
}

export interface LayerStatistics {
  readonly y: Value;
  /** The normalised axes have size 1 in both. Neither can be differentiated. */
  readonly mean: Value;
  readonly inverseDeviation: Value;
}

/** {@link layerNormalization} with what it found. */
export function layerNormalizationStatistics(x: Value, options: LayerNormalizationOptions = {}): LayerStatistics {
  const { epsilon = 1e-5, bias } = options;
  const axis = normalizeAxis(options.axis ?? -1, x.shape.length, 'LayerNormalization');
  const scale = options.scale ?? filled(x.dtype, x.shape.slice(axis), 1);
  const inputs = bias === undefined ? [x, scale] : [x, scale, bias];
  const [y, mean, inverseDeviation] = applyOperation(LAYER_NORMALIZATION, inputs, { axis, epsilon });
  if (!y || !mean || !inverseDeviation) throw new AmaasError('INTERNAL', 'LayerNormalization: an output is missing');
  return { y, mean, inverseDeviation };
}

export interface RmsNormalizationOptions extends Omit<LayerNormalizationOptions, 'bias'> {
  /** Added to the mean square; default 1e-5, as in ONNX. */
  readonly epsilon?: number;
}

/** Divided by the root of the mean square over the axes from `axis` on (default: the last), then scaled. */
export function rmsNormalization(x: Value, options: RmsNormalizationOptions = {}): Value {
  const axis = normalizeAxis(options.axis ?? -1, x.shape.length, 'rmsNormalization');
  const axes = [...x.shape.keys()].slice(axis);
  const meanSquare = reduceMean(square(x), { axes, keepAxes: true });
  const inverse = reciprocal(sqrt(add(meanSquare, options.epsilon ?? 1e-5)));
  const normal = withGradient(mul(x, inverse), [x, inverse], (dy, y, _, inv) => [
    mul(inv, sub(dy, mul(y, reduceMean(mul(dy, y), { axes, keepAxes: true })))),
    null,
  ]);
  return options.scale === undefined ? normal : mul(normal, options.scale);
}

const RMS_NORMALIZATION = defineOperation<LayerNormAttributes>({
  name: 'RMSNormalization',
  attributes: { axis: { kind: 'int' }, epsilon: { kind: 'float' } },
  infer([x, scale], { axis }) {
    if (scale?.dtype !== x?.dtype || x === undefined || scale?.shape.length !== x.shape.length - axis) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `RMSNormalization: scale must be ${x?.dtype} ${formatShape(x?.shape.slice(axis) ?? [])}, got ${scale?.dtype} ${formatShape(scale?.shape ?? [])}`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
});

/**
 * {@link rmsNormalization} as ONNX's own operator, one node instead of seven, which models need operator set 23 for. Has no
 * gradient: for graphs that only compute.
 */
export function rmsNormalizationOperator(
  x: Value,
  { scale, axis = -1, epsilon = 1e-5 }: RmsNormalizationOptions & { readonly scale: Value },
): Value {
  return applyOne(RMS_NORMALIZATION, [x, scale], {
    axis: normalizeAxis(axis, x.shape.length, 'RMSNormalization'),
    epsilon,
  });
}

interface BatchNormAttributes {
  readonly [name: string]: number;
  readonly epsilon: number;
}

const BATCH_NORMALIZATION = defineOperation<BatchNormAttributes>({
  name: 'BatchNormalization',
  attributes: { epsilon: { kind: 'float' } },
  infer([x, ...perChannel]) {
    if (!x || perChannel.length !== 4 || x.shape.length < 2) {
      throw new AmaasError('INVALID_GRAPH', 'BatchNormalization: expected x [N, C, ...], scale, bias, mean, variance');
    }
    for (const each of perChannel) expectPerChannel(x, each);
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  gradient({ inputs: [x, scale, bias, mean, variance], attributes: { epsilon } }, [dy]) {
    if (!x || !scale || !bias || !mean || !variance || !dy) return [null, null, null, null, null];
    const inverse = inverseDeviation(variance, epsilon);
    const axes = allButChannels(x.shape);
    const factor = mul(scale, inverse);
    const dBias = reduceSum(dy, { axes });
    const normal = mul(sub(x, alongChannels(mean, x.shape)), alongChannels(inverse, x.shape));
    const dScale = reduceSum(mul(dy, normal), { axes });
    const dVariance = mul(mul(dScale, scale), mul(square(inverse), -0.5));
    return [mul(dy, alongChannels(factor, x.shape)), dScale, dBias, neg(mul(dBias, factor)), dVariance];
  },
});

export interface BatchNormalizationParameters {
  /** Each [C]. */
  readonly scale: Value;
  readonly bias: Value;
  readonly mean: Value;
  readonly variance: Value;
  /** Added to the variance; default 1e-5, as in ONNX and PyTorch (Keras has 1e-3). */
  readonly epsilon?: number;
}

/** (x − mean) / √(variance + epsilon) · scale + bias with statistics that are known: inference. @param x - [N, C, ...] */
export function batchNormalization(x: Value, parameters: BatchNormalizationParameters): Value {
  const { scale, bias, mean, variance, epsilon = 1e-5 } = parameters;
  return applyOne(BATCH_NORMALIZATION, [x, scale, bias, mean, variance], { epsilon });
}

export interface BatchStatistics {
  readonly y: Value;
  /** [C]: of this batch. */
  readonly mean: Value;
  /** [C]: of this batch, divided by the count (not the count less one). */
  readonly variance: Value;
}

/**
 * Batch normalisation in training: with the statistics of this batch, which come back so that running ones can follow.
 * @param x - [N, C, ...], its sizes known
 */
export function batchNormalizationTraining(
  x: Value,
  { scale, bias, epsilon = 1e-5 }: Omit<BatchNormalizationParameters, 'mean' | 'variance'>,
): BatchStatistics {
  expectPerChannel(x, scale);
  expectPerChannel(x, bias);
  const axes = allButChannels(x.shape);
  const mean = reduceMean(x, { axes, keepAxes: true });
  const deviation = sub(x, mean);
  const variance = reduceMean(square(deviation), { axes, keepAxes: true });
  const inverse = inverseDeviation(variance, epsilon);
  const scaling = alongChannels(scale, x.shape);
  const shift = alongChannels(bias, x.shape);
  const y = withGradient(
    add(mul(deviation, mul(inverse, scaling)), shift),
    [x, scaling, shift, deviation, inverse],
    (dy, _, __, gain, ___, distance, inv) => batchNormalizationGradients({ dy, gain, distance, inverse: inv }),
    { isPermutable: true },
  );
  return { y, mean: reshape(mean, scale.shape), variance: reshape(variance, scale.shape) };
}

interface BatchNormalizationContext {
  readonly dy: Value;
  /** The scale, like the rest without its axes told: whatever is 1 of `inverse` is reduced. */
  readonly gain: Value;
  /** x − mean */
  readonly distance: Value;
  /** 1 / the standard deviation, reduced axes kept. */
  readonly inverse: Value;
}

/** Of x, scale and bias; in few passes over what is as large as x. */
function batchNormalizationGradients({
  dy,
  gain,
  distance,
  inverse,
}: BatchNormalizationContext): readonly (Value | null)[] {
  const axes = [...inverse.shape.keys()].filter((axis) => inverse.shape[axis] === 1);
  const count = axes.reduce((product, axis) => product * Number(dy.shape[axis]), 1);
  const shift = reduceSum(dy, { axes, keepAxes: true });
  const tilt = mul(reduceSum(mul(dy, distance), { axes, keepAxes: true }), inverse);
  const factor = mul(gain, inverse);
  const perDistance = mul(mul(factor, mul(tilt, inverse)), 1 / count);
  const dx = sub(sub(mul(dy, factor), mul(distance, perDistance)), mul(mul(factor, shift), 1 / count));
  return [dx, tilt, shift, null, null];
}

/** d − mean(d) − normal · mean(d · normal): what normalising does to gradients, short of the factor. */
function centred(d: Value, normal: Value, axes: readonly number[]): Value {
  const shift = reduceMean(d, { axes, keepAxes: true });
  const tilt = reduceMean(mul(d, normal), { axes, keepAxes: true });
  return sub(sub(d, shift), mul(normal, tilt));
}

function inverseDeviation(variance: Value, epsilon: number): Value {
  return reciprocal(sqrt(add(variance, epsilon)));
}

function allButChannels(shape: Shape): readonly number[] {
  return [...shape.keys()].filter((axis) => axis !== 1);
}

/** [C] as [1, C, 1, ...]. */
function alongChannels(value: Value, shape: Shape): Value {
  return reshape(
    value,
    shape.map((_, axis) => (axis === 1 ? (value.shape[0] ?? 1) : 1)),
  );
}

function expectPerChannel(x: Value, value: Value): void {
  const channels = x.shape[1];
  const fits = typeof channels !== 'number' || channels === value.shape[0];
  if (value.dtype !== x.dtype || value.shape.length !== 1 || !fits) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `BatchNormalization: expected ${x.dtype} [${channels}], got ${value.dtype} ${formatShape(value.shape)}`,
    );
  }
}
