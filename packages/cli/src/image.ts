// Pictures to tensors, by the steps a manifest declares. The only file that knows sharp, which is imported when a picture
// has to be read; without it everything else works.
import type { ShapedInput } from '@amaas/client';
import { AmaasError, type ImagePreprocess } from '@amaas/core';

/** Pixels of 0–255, row by row, channels interleaved. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** A picture file as the input a model wants, batch dim 1. @throws ENGINE_MISSING without sharp, INVALID_ARGUMENT for no picture */
export async function readImageInput(path: string, preprocess: ImagePreprocess): Promise<ShapedInput> {
  return pixelsToInput(await readPixels(path, preprocess), preprocess);
}

/** Whether pictures can be read, and by what. */
export async function describeImageReader(): Promise<string | null> {
  try {
    const { default: sharp } = await import('sharp');
    return `sharp ${sharp.versions.sharp}`;
  } catch {
    return null;
  }
}

async function readPixels(path: string, preprocess: ImagePreprocess): Promise<Pixels> {
  const { width, height, fit, fill = 0 } = preprocess;
  const { default: sharp } = await importSharp();
  const picture = sharp(path, { failOn: 'error' })
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .resize({
      width,
      height,
      fit: fit === 'stretch' ? 'fill' : 'contain',
      position: 'left top',
      background: { r: fill, g: fill, b: fill },
      kernel: 'linear', // what training pipelines use; sharper kernels overshoot
      fastShrinkOnLoad: false, // the JPEG decoder's own shrinking shifts values
    });
  if (preprocess.channels === 'gray') picture.grayscale();
  let decoded: { readonly data: Buffer; readonly info: { readonly channels: number } };
  try {
    decoded = await picture.raw().toBuffer({ resolveWithObject: true });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : 'unknown';
    throw new AmaasError('INVALID_ARGUMENT', `image: ${path} cannot be read as a picture: ${why}`, { cause: thrown });
  }
  const { channels } = decoded.info;
  if (channels !== 1 && channels !== 3)
    throw new AmaasError('INTERNAL', `image: ${path} was decoded to ${channels} channels`);
  return { width, height, channels, data: decoded.data };
}

async function importSharp(): Promise<typeof import('sharp')> {
  try {
    return await import('sharp');
  } catch (thrown) {
    throw new AmaasError(
      'ENGINE_MISSING',
      'image: reading pictures needs the npm package sharp, which does not load here',
      {
        cause: thrown,
      },
    );
  }
}

/** Normalises and lays out pixels: value = (pixel − mean) / std. */
export function pixelsToInput(pixels: Pixels, preprocess: ImagePreprocess): ShapedInput {
  const { width, height, channels, data } = pixels;
  const mean = perChannel('mean', preprocess.mean, channels, 0);
  const std = perChannel('std', preprocess.std, channels, 1);
  const values = new Float32Array(width * height * channels);
  const planar = preprocess.layout === 'nchw';
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      // bgr reads the colours backwards; mean and std are given in the tensor's order.
      const source = preprocess.channels === 'bgr' ? channels - 1 - channel : channel;
      const target = planar ? channel * width * height + pixel : pixel * channels + channel;
      values[target] = ((data[pixel * channels + source] ?? 0) - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    }
  }
  return { shape: planar ? [1, channels, height, width] : [1, height, width, channels], data: values };
}

function perChannel(
  name: string,
  given: readonly number[] | undefined,
  channels: number,
  standard: number,
): readonly number[] {
  if (given === undefined) return Array.from({ length: channels }, () => standard);
  const [only] = given;
  if (given.length === 1 && only !== undefined) return Array.from({ length: channels }, () => only);
  if (given.length === channels) return given;
  throw new AmaasError(
    'INVALID_CONFIG',
    `image: preprocess.${name} must have 1 or ${channels} numbers, got ${given.length}`,
  );
}
