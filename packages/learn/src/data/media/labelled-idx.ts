// A pair of idx files, pictures and labels, as labelled media.
import { AmaasError, formatShape, type Tensor } from '@amaas/core';
import { createLabelledMedia, type LabelledMedia } from './labelled-media.ts';
import type { Pixels } from './pixels.ts';

/**
 * The grey pictures of an idx file [N,H,W] with the labels of another [N]; both are views, nothing is copied.
 * @param classNames - names of the labels by number; default the numbers themselves.
 * @throws INVALID_DATA when the arrays are no such pair or a label has no name.
 */
export function labelledIdx(images: Tensor, labels: Tensor, classNames?: readonly string[]): LabelledMedia<Pixels> {
  const [count = 0, height = 0, width = 0] = images.shape;
  if (images.dtype !== 'uint8' || images.shape.length !== 3 || labels.dtype !== 'uint8' || labels.shape.length !== 1) {
    throw new AmaasError(
      'INVALID_DATA',
      `idx: expected pictures uint8 [N,H,W] and labels uint8 [N], got ${images.dtype} ${formatShape(images.shape)} and ${labels.dtype} ${formatShape(labels.shape)}`,
    );
  }
  if (labels.data.length !== count)
    throw new AmaasError('INVALID_DATA', `idx: there are ${count} pictures and ${labels.data.length} labels`);
  const pixels = images.data;
  const area = width * height;
  const digits = String(Math.max(0, count - 1)).length;
  const files = Array.from(labels.data, (label, index) => {
    const name = classNames === undefined ? String(label) : classNames[label];
    if (name === undefined) {
      throw new AmaasError(
        'INVALID_DATA',
        `idx: label ${label} of picture ${index} has no name; there are ${classNames?.length}`,
      );
    }
    const read = async () => pixels.subarray(index * area, (index + 1) * area);
    return { name: String(index).padStart(digits, '0'), label: name, read };
  });
  return createLabelledMedia<Pixels>({
    kind: 'image',
    files,
    decode: (data) => ({ width, height, channels: 1, data }),
    ...(classNames === undefined ? {} : { classNames }),
  });
}
