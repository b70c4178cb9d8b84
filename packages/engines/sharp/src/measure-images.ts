// Sizes and colours of picture files by their headers, and the preparation that suits them where the user says none.
import { AmaasError } from '@amaas/core';
import type { MediaFile } from '@amaas/learn/data';
import type { ImagePreparation } from './decode-image.ts';
import { importSharp, type SharpModule } from './binding.ts';
import { imageFormatOf } from './image-format.ts';
import { sampleFiles } from './media-files.ts';

/** What a picture's header says, turned upright. */
export interface MeasuredImage {
  readonly width: number;
  readonly height: number;
  /** Whether it has no colours, however it is stored. */
  readonly isGray: boolean;
  readonly hasAlpha: boolean;
}

/** What the user has said; the rest is chosen. */
export type GivenPreparation = Partial<Pick<ImagePreparation, 'width' | 'height' | 'fit' | 'channels'>>;

/** Pictures looked at: a set's sizes are known after fewer, and whole photographs are read for their headers. */
const MAX_MEASURED = 200;
/**
 * Longest side chosen unasked: beyond it a network takes four times as long for every doubling, and small ones see no more.
 */
const MAX_SIDE = 64;
/** Two halvings have to leave something. */
export const MIN_SIDE = 8;
/** Aspect ratios further apart than this look stretched. */
const MAX_STRETCH = 1.5;
const WHITE = 255;
/** As decoding allows by itself. */
const MAX_PIXELS = 100e6;
/** Enough pixels to see whether there are colours. */
const GLANCE_SIDE = 64;
/** Levels by which JPEG may set channels apart that were equal. */
const COLOUR_NOISE = 4;

/** Measures some of the files, evenly over their names; those that are no picture are passed over. @throws ENGINE_MISSING, CANCELLED */
export async function measureImages(
  files: readonly MediaFile[],
  signal?: AbortSignal,
): Promise<readonly MeasuredImage[]> {
  const { default: sharp } = await importSharp();
  const measured: MeasuredImage[] = [];
  for (const file of sampleFiles(files, MAX_MEASURED)) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'image: measuring was called off');
    const bytes = await file.read(signal);
    if (imageFormatOf(bytes) === null) continue;
    const header = await sharp(bytes, { limitInputPixels: false })
      .metadata() // reads no pixels
      .catch(() => null);
    if (header === null) continue;
    const { autoOrient, channels, hasAlpha } = header;
    // One picture with colours is enough: the others need not be decoded.
    const isGray = measured.every((before) => before.isGray) && (channels < 3 || (await looksGray(sharp, bytes)));
    measured.push({ ...autoOrient, isGray, hasAlpha });
  }
  return measured;
}

/** Whether the three channels are equal; programs write grey pictures so. */
async function looksGray(sharp: SharpModule['default'], bytes: Uint8Array): Promise<boolean> {
  const pixels = await sharp(bytes, { limitInputPixels: MAX_PIXELS })
    .resize({ width: GLANCE_SIDE, height: GLANCE_SIDE, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer()
    .catch(() => null);
  if (pixels === null) return true; // left out by the training too
  for (let at = 0; at + 2 < pixels.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(at, at + 3);
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > COLOUR_NOISE) return false;
  }
  return true;
}

/**
 * Size, fit and colours: the pictures' own size where all have one of at most 64 pixels a side, else their median shape
 * with 64 on its longer side; letterboxed where shapes differ much; grey where no picture has colours; transparent parts
 * over white.
 */
export function chooseImagePreparation(
  images: readonly MeasuredImage[],
  given: GivenPreparation = {},
): ImagePreparation {
  const { width, height } = given.width === undefined || given.height === undefined ? chooseSize(images) : given;
  const size = { width: given.width ?? width ?? MIN_SIDE, height: given.height ?? height ?? MIN_SIDE };
  const target = Math.log(size.width / size.height);
  const odd = images.filter((image) => Math.abs(Math.log(image.width / image.height) - target) > Math.log(MAX_STRETCH));
  const isMixed = odd.length > images.length / 10;
  const isGray = images.length > 0 && images.every((image) => image.isGray);
  return {
    ...size,
    fit: given.fit ?? (isMixed ? 'letterbox' : 'stretch'),
    channels: given.channels ?? (isGray ? 'gray' : 'rgb'),
    ...(images.some(({ hasAlpha }) => hasAlpha) ? { background: WHITE } : {}),
  };
}

function chooseSize(images: readonly MeasuredImage[]): { readonly width: number; readonly height: number } {
  const aspect = Math.exp(median(images.map(({ width, height }) => Math.log(width / height))));
  const longest = Math.min(MAX_SIDE, median(images.map(({ width, height }) => Math.max(width, height))));
  const side = (pixels: number): number => Math.max(MIN_SIDE, Math.round(pixels));
  return aspect >= 1
    ? { width: side(longest), height: side(longest / aspect) }
    : { width: side(longest * aspect), height: side(longest) };
}

/** The lower of the two in the middle of an even number; of none the greatest side. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}
