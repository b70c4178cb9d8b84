// A recogniser of speech: convolutions over a picture of bands by frames, recurrent layers in both directions, and a score
// per symbol at every step, to be trained with CTC. What lies behind a recording's own frames changes nothing.
// Source: Amodei et al. 2016, "Deep Speech 2", made small.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  cast,
  cumSum,
  equal,
  floor,
  less,
  lessOrEqual,
  mul,
  not,
  or,
  rangeOf,
  reshape,
  slice,
  transpose,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import { bidirectional, stacked } from './bidirectional.ts';
import { conv2d } from './convolution.ts';
import { assertCount, dense } from './dense.ts';
import { dropout } from './dropout.ts';
import type { Network } from './layer.ts';
import { layerNorm } from './normalization.ts';
import { lstm } from './recurrent.ts';
import { functional } from './sequential.ts';

export interface SpeechRecogniserOptions {
  /** Symbols told apart, the blank among them. */
  readonly symbols: number;
  /** Frames per step of the result, a power of two up to 8; default 4: of 10 ms each, letters may follow each other every 40 ms. */
  readonly timeStride?: number;
  /** Filters of the convolutions, of which each halves the bands; at least log2(timeStride) of them. Default [16, 24, 32]. */
  readonly channels?: readonly number[];
  /** Units of every LSTM in each direction; default 64. */
  readonly units?: number;
  /** LSTMs one after the other; default 1. */
  readonly layers?: number;
  /** Before, between and behind the LSTMs; default 0.2. */
  readonly dropout?: number;
}

export const DEFAULT_TIME_STRIDE = 4;

/** Inputs of a {@link speechRecogniser}. */
export const SPEECH_FEATURES_INPUT = 'features';
export const SPEECH_FRAMES_INPUT = 'frames';

/** Frames and bands seen at once, by the first convolution and by the others. */
const [FIRST_KERNEL, KERNEL] = [5, 3];

/**
 * Logits [batch, steps, symbols] with steps = ⌈time / timeStride⌉, of which {@link speechSteps} count.
 * Inputs: `features` float32 [batch, bands, time], mean 0 and variance 1; `frames` int64 [batch], 0 … time.
 * @throws INVALID_ARGUMENT for options out of range
 */
export function speechRecogniser(options: SpeechRecogniserOptions): Network {
  const {
    symbols,
    timeStride = DEFAULT_TIME_STRIDE,
    channels = [16, 24, 32],
    units = 64,
    layers = 1,
    dropout: rate = 0.2,
  } = options;
  assertCount('speechRecogniser: symbols', symbols);
  assertCount('speechRecogniser: layers', layers);
  const halvings = Math.log2(timeStride);
  if (![0, 1, 2, 3].includes(halvings) || halvings > channels.length) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `speechRecogniser: timeStride must be 1, 2, 4 or 8 with a convolution for each halving, got ${timeStride} for ${channels.length}`,
    );
  }
  const recurrent = stacked(
    Array.from({ length: layers }, () => bidirectional(lstm(units, { returnSequences: true }))),
    { dropout: rate },
  );
  return functional([SPEECH_FEATURES_INPUT, SPEECH_FRAMES_INPUT], (inputs, scope) => {
    const features = inputs.get(SPEECH_FEATURES_INPUT);
    let lengths = inputs.get(SPEECH_FRAMES_INPUT);
    let picture = maskFrames(unsqueeze(features, 1), lengths);
    for (const [index, filters] of channels.entries()) {
      const stride = index < halvings ? 2 : 1;
      const kernel = index === 0 ? FIRST_KERNEL : KERNEL;
      const options = { strides: [2, stride], padding: (kernel - 1) / 2, activation: 'relu' } as const;
      const seen = conv2d(filters, kernel, { ...options, kernelInitializer: 'heNormal' });
      lengths = halved(lengths, stride);
      picture = maskFrames(seen.apply(picture, scope.inside(`convolution.${index}`)), lengths);
    }
    const steps = layerNorm().apply(stepsFirst(picture), scope.inside('norm'));
    const heard = recurrent.run(dropout(rate).apply(steps, scope), scope.inside('recurrent'), { lengths }).y;
    return dense(symbols).apply(dropout(rate).apply(heard, scope), scope.inside('symbols'));
  });
}

/** Steps that count, by the frames that do; of numbers or of values. */
export function speechSteps(frames: number, timeStride: number): number {
  let steps = frames;
  for (let stride = 1; stride < timeStride; stride *= 2) steps = Math.ceil(steps / 2);
  return steps;
}

/** The same in a graph. @param frames - int64 [batch] */
export function speechStepValues(frames: Value, timeStride: number): Value {
  let steps = frames;
  for (let stride = 1; stride < timeStride; stride *= 2) steps = halved(steps, 2);
  return steps;
}

/** ⌈lengths / 2⌉: windows with padding on both sides stand on every second frame, the first among them. */
function halved(lengths: Value, stride: number): Value {
  return stride === 1 ? lengths : cast(floor(mul(add(cast(lengths, 'float32'), 1), 0.5)), 'int64');
}

/** Zero where a row has ended. @param picture - [batch, channels, bands, time], the time of any size */
function maskFrames(picture: Value, lengths: Value): Value {
  const [batch = 1, , , time = 1] = picture.shape;
  const counts = reshape(lengths, [batch, 1]);
  const isInside = typeof time === 'number' ? less(rangeOf(time), counts) : lessOrEqual(placesOf(picture), counts);
  return mul(picture, reshape(cast(isInside, picture.dtype), [batch, 1, 1, time]));
}

/** 1, 2, … along a time that is not known: int64 [batch, time]. */
function placesOf(picture: Value): Value {
  const [batch = 1, , , time = 1] = picture.shape;
  const any = reshape(slice(slice(picture, 1, 0, 1), 2, 0, 1), [batch, time]);
  const same = equal(any, any); // not so for NaN
  return cast(cumSum(cast(or(same, not(same)), 'float32'), 1), 'int64');
}

/** [batch, channels, bands, time] → [batch, time, channels · bands] */
function stepsFirst(picture: Value): Value {
  const [batch = 1, channels, bands, time = 1] = picture.shape;
  if (typeof channels !== 'number' || typeof bands !== 'number') {
    throw new AmaasError(
      'INVALID_GRAPH',
      `speechRecogniser: the bands must be known, got ${formatShape(picture.shape)}`,
    );
  }
  return reshape(transpose(picture, [0, 3, 1, 2]), [batch, time, channels * bands]);
}
