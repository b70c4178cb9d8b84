// Pictures changed a little, so that a model meets more of them than there are: shifted, turned, mirrored, cut out. Works on
// batches of pixels anywhere; what is drawn comes from the caller's generator, so a seed gives the same pictures again.
import { AmaasError, createTensor, formatShape, type TensorOf } from '@amaas/core';
import type { Random } from '../../statistics/index.ts';

/** How much pictures may change; what is left out does not change. */
export interface Augmentation {
  readonly layout: 'nchw' | 'nhwc';
  /** Greatest shift to each side, as a share of width and height; drawn evenly, in whole pixels. */
  readonly maxShift?: number;
  /** Greatest turn to each side, in degrees, about the middle; drawn evenly. */
  readonly maxTurnDegrees?: number;
  /** Share of pictures that are mirrored left to right. */
  readonly mirrorShare?: number;
  /** What lies outside of a picture, in the batch's own units; default 0. */
  readonly fill?: number;
}

/** One picture's change: mirrored, then turned about its middle, then shifted. */
export interface Warp {
  readonly mirror: boolean;
  /** Counter-clockwise. */
  readonly turnDegrees: number;
  /** To the right and down, in pixels. */
  readonly shiftX: number;
  readonly shiftY: number;
}

interface Grid {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Distance in the data from one value to the next along each axis. */
  readonly channelStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/**
 * A batch of the same shape whose pictures are changed each in its own way.
 * @throws INVALID_SHAPE when the batch has not four axes, INVALID_CONFIG for amounts out of range.
 */
export function augmentImages(
  batch: TensorOf<'float32'>,
  augmentation: Augmentation,
  random: Random,
): TensorOf<'float32'> {
  const { layout, maxShift = 0, maxTurnDegrees = 0, mirrorShare = 0, fill = 0 } = augmentation;
  for (const [name, value, most] of [
    ['maxShift', maxShift, 1],
    ['maxTurnDegrees', maxTurnDegrees, 180],
    ['mirrorShare', mirrorShare, 1],
  ] as const) {
    if (!(value >= 0 && value <= most))
      throw new AmaasError('INVALID_CONFIG', `augment: ${name} must be from 0 to ${most}, got ${value}`);
  }
  const { count, width, height } = gridOf(batch, layout);
  const drawShift = (extent: number): number => {
    const most = Math.floor(maxShift * extent);
    return random.integer(2 * most + 1) - most;
  };
  const warps = Array.from({ length: count }, (): Warp => {
    // Always the same number of draws, so that one amount does not decide what another gets.
    const mirror = random.uniform() < mirrorShare;
    const turnDegrees = (2 * random.uniform() - 1) * maxTurnDegrees;
    return { mirror, turnDegrees, shiftX: drawShift(width), shiftY: drawShift(height) };
  });
  return warpImages(batch, warps, { layout, fill });
}

/**
 * A batch of the same shape with picture n changed as the n-th warp says. Values between pixels are found by bilinear
 * interpolation, with `fill` beyond the edges; changes by whole pixels copy them exactly.
 * @throws INVALID_SHAPE when the batch has not four axes or another number of pictures.
 */
export function warpImages(
  batch: TensorOf<'float32'>,
  warps: readonly Warp[],
  { layout, fill = 0 }: { readonly layout: 'nchw' | 'nhwc'; readonly fill?: number },
): TensorOf<'float32'> {
  const grid = gridOf(batch, layout);
  if (warps.length !== grid.count)
    throw new AmaasError('INVALID_SHAPE', `augment: there are ${grid.count} pictures and ${warps.length} changes`);
  const warped = new Float32Array(batch.data.length);
  for (const [index, warp] of warps.entries()) {
    const start = index * grid.channels * grid.height * grid.width;
    const picture = batch.data.subarray(start, start + grid.channels * grid.height * grid.width);
    warpOne(picture, warped.subarray(start, start + picture.length), { warp, grid, fill });
  }
  return createTensor('float32', batch.shape, warped);
}

/**
 * Each picture's own part of the batch, of one size, cut out where the generator says.
 * @throws INVALID_SHAPE when the batch has not four axes, INVALID_CONFIG when the part is larger than the picture.
 */
export function cropImages(
  batch: TensorOf<'float32'>,
  part: { readonly layout: 'nchw' | 'nhwc'; readonly width: number; readonly height: number },
  random: Random,
): TensorOf<'float32'> {
  const grid = gridOf(batch, part.layout);
  const { count, channels } = grid;
  const { width, height } = part;
  for (const [side, most] of [
    [width, grid.width],
    [height, grid.height],
  ] as const) {
    if (!Number.isSafeInteger(side) || side < 1 || side > most) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `augment: a part of ${width} × ${height} cannot be cut out of ${grid.width} × ${grid.height}`,
      );
    }
  }
  const planar = part.layout === 'nchw';
  const shape = planar ? [count, channels, height, width] : [count, height, width, channels];
  const cropped = createTensor('float32', shape, new Float32Array(count * channels * height * width));
  const target = gridOf(cropped, part.layout);
  for (let index = 0; index < count; index++) {
    const left = random.integer(grid.width - width + 1);
    const top = random.integer(grid.height - height + 1);
    const from = index * channels * grid.height * grid.width;
    const to = index * channels * height * width;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const value = batch.data[from + place(grid, channel, { row: top + row, column: left + column })] ?? 0;
          cropped.data[to + place(target, channel, { row, column })] = value;
        }
      }
    }
  }
  return cropped;
}

function gridOf({ shape }: TensorOf<'float32'>, layout: 'nchw' | 'nhwc'): Grid {
  if (shape.length !== 4)
    throw new AmaasError('INVALID_SHAPE', `augment: a batch of pictures has four axes, got ${formatShape(shape)}`);
  const [count = 0, second = 0, third = 0, fourth = 0] = shape;
  const [channels, height, width] = layout === 'nchw' ? [second, third, fourth] : [fourth, second, third];
  return layout === 'nchw'
    ? { count, channels, height, width, channelStep: height * width, rowStep: width, columnStep: 1 }
    : { count, channels, height, width, channelStep: 1, rowStep: width * channels, columnStep: channels };
}

function place(
  grid: Grid,
  channel: number,
  { row, column }: { readonly row: number; readonly column: number },
): number {
  return channel * grid.channelStep + row * grid.rowStep + column * grid.columnStep;
}

/** Looks up, for every pixel of the result, where in the picture it comes from. */
function warpOne(
  picture: Float32Array,
  warped: Float32Array,
  { warp, grid, fill }: { readonly warp: Warp; readonly grid: Grid; readonly fill: number },
): void {
  const { width, height, channels } = grid;
  const { cosine, sine } = turnOf(warp.turnDegrees);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = [column - warp.shiftX - middleX, row - warp.shiftY - middleY];
      const turnedX = cosine * x - sine * y;
      const sourceX = middleX + (warp.mirror ? -turnedX : turnedX);
      const sourceY = middleY + sine * x + cosine * y;
      for (let channel = 0; channel < channels; channel++) {
        warped[place(grid, channel, { row, column })] = sample(picture, { grid, channel, fill, sourceX, sourceY });
      }
    }
  }
}

/** Quarter turns are exact, so that they move whole pixels. */
function turnOf(degrees: number): { readonly cosine: number; readonly sine: number } {
  const quarters = degrees / 90;
  if (Number.isInteger(quarters)) {
    const quarter = ((quarters % 4) + 4) % 4;
    return { cosine: [1, 0, -1, 0][quarter] ?? 1, sine: [0, 1, 0, -1][quarter] ?? 0 };
  }
  const angle = (degrees * Math.PI) / 180;
  return { cosine: Math.cos(angle), sine: Math.sin(angle) };
}

interface Sampling {
  readonly grid: Grid;
  readonly channel: number;
  readonly fill: number;
  readonly sourceX: number;
  readonly sourceY: number;
}

/** The value between up to four pixels, each weighted by its nearness. */
function sample(picture: Float32Array, { grid, channel, fill, sourceX, sourceY }: Sampling): number {
  const [left, top] = [Math.floor(sourceX), Math.floor(sourceY)];
  const [right, bottom] = [sourceX - left, sourceY - top];
  let value = 0;
  for (let at = 0; at < 4; at++) {
    const [column, row] = [left + (at & 1), top + (at >> 1)];
    const weight = ((at & 1) === 1 ? right : 1 - right) * (at >> 1 === 1 ? bottom : 1 - bottom);
    if (weight === 0) continue;
    const isInside = row >= 0 && row < grid.height && column >= 0 && column < grid.width;
    value += weight * (isInside ? (picture[place(grid, channel, { row, column })] ?? 0) : fill);
  }
  return value;
}
