// Picture files to pixels of a declared size. Decoding runs in libuv's threads, so the calling thread stays free.
// Knows nothing of tensors: @amaas/learn/data lays pixels out.
import { open } from 'node:fs/promises';
import { AmaasError, type Cancellation, type ImagePreprocess } from '@amaas/core';
import type { Pixels } from '@amaas/learn/data';
import { importSharp, type Sharp, type SharpModule } from './binding.ts';
import { IMAGE_FORMATS, imageFormatOf } from './image-format.ts';

/** The steps of a declared preparation that happen before pixels become numbers. */
export type ImagePreparation = Pick<ImagePreprocess, 'width' | 'height' | 'fit' | 'fill' | 'background' | 'channels'>;

/** What a picture may cost; every bound has a default. */
export interface ImageLimits {
  /** Most bytes of the file. Default 64 MiB: photographs of 100 megapixels have about 40. */
  readonly maxBytes?: number;
  /** Most pixels once decoded, whatever the file's size: a PNG of 100 KB may hold a billion. Default 100 million. */
  readonly maxPixels?: number;
  /** Longest decoding may take, in whole seconds; default 30. */
  readonly maxSeconds?: number;
}

export interface DecodeImageOptions extends ImageLimits {
  /** Names the picture in messages; default the path, or "the picture". */
  readonly name?: string;
  /** Fires before decoding begins: nothing is decoded. Decoding under way is not cut short. */
  readonly signal?: Cancellation;
}

const MIB = 1024 * 1024;
const DEFAULT_MAX_BYTES = 64 * MIB;
const DEFAULT_MAX_PIXELS = 100e6;
const DEFAULT_MAX_SECONDS = 30;

/**
 * Decodes a picture from its bytes or from a file: turned upright by EXIF, colours to sRGB, the first frame of several,
 * resized with linear interpolation. `bgr` gives pixels in the order r, g, b: reversing is the layout's business.
 * @throws INVALID_ARGUMENT for what is no readable picture, REQUEST_TOO_LARGE beyond the limits, ENGINE_MISSING without sharp,
 *   CANCELLED.
 */
export async function decodeImage(
  source: Uint8Array | string,
  preparation: ImagePreparation,
  options: DecodeImageOptions = {},
): Promise<Pixels> {
  const name = options.name ?? (typeof source === 'string' ? source : 'the picture');
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const bytes = typeof source === 'string' ? await readBounded(source, name, maxBytes) : source;
  if (bytes.byteLength > maxBytes) throw tooLarge(name, `${bytes.byteLength} bytes`, `${maxBytes} bytes`);
  if (imageFormatOf(bytes) === null) {
    const found = bytes.byteLength === 0 ? 'it is empty' : `it is none of ${IMAGE_FORMATS.join(', ')}`;
    throw new AmaasError('INVALID_ARGUMENT', `image: ${name} cannot be read as a picture: ${found}`);
  }
  const { default: sharp } = await importSharp();
  if (options.signal?.aborted) throw new AmaasError('CANCELLED', `image: reading ${name} was called off`);
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const picture = prepare(sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels }), preparation);
  try {
    const { data, info } = await picture
      .timeout({ seconds: options.maxSeconds ?? DEFAULT_MAX_SECONDS })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { channels } = info;
    if (channels !== 1 && channels !== 3)
      throw new AmaasError('INTERNAL', `image: ${name} was decoded to ${channels} channels`);
    return { width: preparation.width, height: preparation.height, channels, data };
  } catch (thrown) {
    throw thrown instanceof AmaasError ? thrown : await explain(thrown, { sharp, bytes, name, maxPixels });
  }
}

/** Declares the steps; sharp runs them in its own fixed order, which is this one. */
function prepare(picture: Sharp, preparation: ImagePreparation): Sharp {
  const { width, height, fit, fill = 0, background, channels } = preparation;
  const upright = picture.autoOrient();
  const opaque = background === undefined ? upright.removeAlpha() : upright.flatten({ background: grey(background) });
  const resized = opaque.toColourspace('srgb').resize({
    width,
    height,
    fit: fit === 'stretch' ? 'fill' : 'contain',
    position: 'left top',
    background: grey(fill),
    kernel: 'linear', // what training pipelines use; sharper kernels overshoot
    fastShrinkOnLoad: false, // the JPEG decoder's own shrinking shifts values
  });
  return channels === 'gray' ? resized.grayscale() : resized;
}

function grey(value: number): { readonly r: number; readonly g: number; readonly b: number } {
  return { r: value, g: value, b: value };
}

/** Reads a file unless it is larger than allowed: its size is looked at before a byte is read. */
async function readBounded(path: string, name: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw tooLarge(name, `${size} bytes`, `${maxBytes} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function tooLarge(name: string, found: string, allowed: string): AmaasError {
  return new AmaasError('REQUEST_TOO_LARGE', `image: ${name} has ${found}; at most ${allowed} are allowed`);
}

interface FailedDecode {
  readonly sharp: SharpModule['default'];
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly maxPixels: number;
}

/** Says in our words what sharp's error is about. */
async function explain(thrown: unknown, { sharp, bytes, name, maxPixels }: FailedDecode): Promise<AmaasError> {
  const why = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : 'unknown';
  if (/pixel limit/.test(why)) {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata(); // reads the header only
    return tooLarge(name, `${width} × ${height} pixels`, `${maxPixels} pixels`);
  }
  if (/timeout/i.test(why))
    return new AmaasError('INVALID_ARGUMENT', `image: ${name} takes too long to decode: ${why}`, { cause: thrown });
  return new AmaasError('INVALID_ARGUMENT', `image: ${name} cannot be read as a picture: ${why}`, { cause: thrown });
}
