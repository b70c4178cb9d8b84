// Pixels of 0–255 brought to mean 0 and deviation 1 per channel: fitted on the training part, done inside the graph.
import { AmaasError, formatShape, type Tensor } from '@amaas/core';
import { cast, constantOf, mul, sub, type Value } from '../graph/index.ts';

/** (pixel − mean) / stdDev, a number per channel, in units of 0–255. */
export interface ImageScaling {
  readonly mean: readonly number[];
  readonly stdDev: readonly number[];
}

/** @param pixels - uint8 [N, channels, height, width] of the training part alone */
export function fitImageScaling(pixels: Tensor): ImageScaling {
  const [count = 0, channels = 0, height = 0, width = 0] = pixels.shape;
  if (pixels.dtype !== 'uint8' || pixels.shape.length !== 4) {
    throw new AmaasError(
      'INVALID_DATA',
      `images: expected pixels uint8 [N,C,H,W], got ${pixels.dtype} ${formatShape(pixels.shape)}`,
    );
  }
  const area = height * width;
  const scales = Array.from({ length: channels }, (_, channel) => {
    // Whole numbers below 2^53: exact in any order.
    let sum = 0;
    let squares = 0;
    for (let image = 0; image < count; image++) {
      const start = (image * channels + channel) * area;
      for (let at = start; at < start + area; at++) {
        const value = pixels.data[at] ?? 0;
        sum += value;
        squares += value * value;
      }
    }
    const mean = sum / (count * area);
    // Pictures of one grey everywhere have no deviation; 1 leaves them at 0.
    return { mean, stdDev: Math.sqrt(Math.max(0, squares / (count * area) - mean * mean)) || 1 };
  });
  return { mean: scales.map(({ mean }) => mean), stdDev: scales.map(({ stdDev }) => stdDev) };
}

/**
 * @param pixels - uint8 or float32 [N, channels, height, width]
 * @returns float32 of the same shape
 */
export function scaleImages(pixels: Value, { mean, stdDev }: ImageScaling): Value {
  const perChannel = (values: readonly number[]): Value => constantOf('float32', [1, values.length, 1, 1], values);
  return mul(sub(cast(pixels, 'float32'), perChannel(mean)), perChannel(stdDev.map((value) => 1 / value)));
}
