// Pictures changed a little in training, each in its own way at every step: shifted, turned and mirrored inside the training
// graph. The numbers drawn come from the training's seed, so a resumed training sees what an uninterrupted one would.
// The same changes outside of a graph are `augmentImages` in data/media.
import { AmaasError } from '@amaas/core';
import type { Augmentation } from '../data/index.ts';
import {
  add,
  cast,
  clip,
  concat,
  constantOf,
  cos,
  floor,
  gatherElements,
  less,
  mul,
  reshape,
  sin,
  slice,
  sub,
  tile,
  type Value,
  where,
} from '../graph/index.ts';
import { type Layer, layer } from '../layers/index.ts';

/** Amounts as in `Augmentation`; shifts may differ by axis. Pictures are [batch, channels, height, width]. */
export interface ImageAugmentation extends Omit<Augmentation, 'layout'> {
  /** Greatest shift up and down as a share of the height; default `maxShift`. */
  readonly maxShiftY?: number;
}

/** The layer; outside of training it does nothing. @throws INVALID_CONFIG for amounts out of range */
export function augmentation(options: ImageAugmentation): Layer {
  const { maxShift = 0, maxShiftY = maxShift, maxTurnDegrees = 0, mirrorShare = 0, fill = 0 } = options;
  for (const [name, value, most] of [
    ['maxShift', maxShift, 1],
    ['maxShiftY', maxShiftY, 1],
    ['maxTurnDegrees', maxTurnDegrees, 180],
    ['mirrorShare', mirrorShare, 1],
  ] as const) {
    if (!(value >= 0 && value <= most))
      throw new AmaasError('INVALID_CONFIG', `augment: ${name} must be from 0 to ${most}, got ${value}`);
  }
  return layer('augmentation', (pictures, scope) => {
    if (!scope.training || (maxShift === 0 && maxShiftY === 0 && maxTurnDegrees === 0 && mirrorShare === 0)) {
      return pictures;
    }
    const [batch = 1, , height = 1, width = 1] = pictures.shape.map(Number);
    const draws = scope.uniform([batch, 4]);
    const [mirror, turn, x, y] = [0, 1, 2, 3].map((at) => slice(draws, 1, at, at + 1));
    if (!mirror || !turn || !x || !y) return pictures;
    const shift = (draw: Value, most: number): Value => sub(floor(mul(draw, 2 * most + 1)), most);
    return warp(pictures, {
      facing: where(less(mirror, mirrorShare), -1, 1),
      angle: mul(sub(mul(turn, 2), 1), (maxTurnDegrees * Math.PI) / 180),
      shiftX: shift(x, Math.floor(maxShift * width)),
      shiftY: shift(y, Math.floor(maxShiftY * height)),
      isTurned: maxTurnDegrees > 0,
      fill,
    });
  });
}

/** One change per picture, each [batch, 1]. */
interface Warps {
  /** 1, or −1 for a mirrored picture. */
  readonly facing: Value;
  readonly angle: Value;
  readonly shiftX: Value;
  readonly shiftY: Value;
  /** False: all angles are 0, and every pixel comes from one whole pixel. */
  readonly isTurned: boolean;
  readonly fill: number;
}

/** Looks up where every pixel comes from and takes what lies there, between pixels by bilinear interpolation. */
function warp(pictures: Value, { facing, angle, shiftX, shiftY, isTurned, fill }: Warps): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = pictures.shape.map(Number);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const places = Array.from({ length: height * width }, (_, at) => at);
  const grid = (of: (at: number) => number): Value => constantOf('float32', [1, places.length], places.map(of));
  const x = sub(
    grid((at) => (at % width) - middleX),
    shiftX,
  );
  const y = sub(
    grid((at) => Math.floor(at / width) - middleY),
    shiftY,
  );
  const sourceX = add(mul(isTurned ? sub(mul(x, cos(angle)), mul(y, sin(angle))) : x, facing), middleX);
  const sourceY = add(isTurned ? add(mul(x, sin(angle)), mul(y, cos(angle))) : y, middleY);

  // A border of one pixel of `fill`, which everything outside is moved to, spares a comparison per corner.
  const bordered = border(pictures, fill);
  const flat = reshape(bordered, [batch, channels, (height + 2) * (width + 2)]);
  const at = (column: Value, row: Value): Value => {
    const index = add(mul(add(clip(row, -1, height), 1), width + 2), add(clip(column, -1, width), 1));
    const perChannel = tile(reshape(cast(index, 'int64'), [batch, 1, places.length]), [1, channels, 1]);
    return gatherElements(flat, perChannel, 2);
  };
  const [left, top] = [floor(sourceX), floor(sourceY)];
  if (!isTurned) return reshape(at(left, top), [batch, channels, height, width]);
  const [right, bottom] = [sub(sourceX, left), sub(sourceY, top)];
  const weigh = (value: Value, weight: Value): Value => mul(value, reshape(weight, [batch, 1, places.length]));
  const upper = add(
    weigh(at(left, top), mul(sub(1, right), sub(1, bottom))),
    weigh(at(add(left, 1), top), mul(right, sub(1, bottom))),
  );
  const lower = add(
    weigh(at(left, add(top, 1)), mul(sub(1, right), bottom)),
    weigh(at(add(left, 1), add(top, 1)), mul(right, bottom)),
  );
  return reshape(add(upper, lower), [batch, channels, height, width]);
}

function border(pictures: Value, fill: number): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = pictures.shape.map(Number);
  const strip = (rows: number, columns: number): Value =>
    constantOf(
      'float32',
      [batch, channels, rows, columns],
      new Array<number>(batch * channels * rows * columns).fill(fill),
    );
  const sides = concat([strip(height, 1), pictures, strip(height, 1)], 3);
  return concat([strip(1, width + 2), sides, strip(1, width + 2)], 2);
}
