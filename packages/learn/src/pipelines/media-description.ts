// What a model of pictures or sounds says about itself in its file: its classes, and how a file becomes what it takes.
// Enough to evaluate it on other files; how pixels and samples become features is in the graph alone.
import { AmaasError, type ImagePreprocess } from '@amaas/core';
import { readModel } from '../onnx/index.ts';

/** How a file of one medium becomes the model's input. */
export type MediaPreparation =
  | ({ readonly kind: 'image'; readonly channels: 'rgb' | 'gray' } & Pick<
      ImagePreprocess,
      'width' | 'height' | 'fit' | 'fill' | 'background'
    >)
  | {
      readonly kind: 'audio';
      readonly sampleRateHz: number;
      /** Looked at, from the beginning. */
      readonly samples: number;
    };

/** Plain JSON. */
export interface MediaModelDescription {
  readonly format: 'amaas-media-1';
  /** In the order of the probabilities. */
  readonly classes: readonly string[];
  readonly preparation: MediaPreparation;
}

/** Key of the description among the model file's metadata. */
export const MEDIA_METADATA = 'amaas.media';

/**
 * The description in a model file; null where there is none: the model was made otherwise, or from other data.
 * @throws INVALID_MODEL when the bytes are no model, or the description is damaged
 */
export function readMediaDescription(onnx: Uint8Array): MediaModelDescription | null {
  const text = readModel(onnx).metadata?.find(({ key }) => key === MEDIA_METADATA)?.value;
  if (text === undefined) return null;
  try {
    return parseMediaDescription(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof AmaasError) throw thrown;
    throw damaged('it is not JSON');
  }
}

/** The description from plain JSON, as a model's lineage keeps it. @throws INVALID_MODEL */
export function parseMediaDescription(value: unknown): MediaModelDescription {
  if (!isRecord(value) || value['format'] !== 'amaas-media-1') throw damaged('it is of another format');
  const { classes, preparation } = value;
  if (!Array.isArray(classes) || classes.length < 2 || !classes.every((name) => typeof name === 'string'))
    throw damaged('its classes are no names');
  if (!isPreparation(preparation)) throw damaged('it does not say how files are prepared');
  return { format: 'amaas-media-1', classes, preparation };
}

function isPreparation(value: unknown): value is MediaPreparation {
  if (!isRecord(value)) return false;
  const { kind, width, height, fit, channels, fill, background, sampleRateHz, samples } = value;
  if (kind === 'audio') return isCount(sampleRateHz) && isCount(samples);
  const isFilled = [fill, background].every((level) => level === undefined || typeof level === 'number');
  const isLaidOut = (fit === 'stretch' || fit === 'letterbox') && (channels === 'rgb' || channels === 'gray');
  return kind === 'image' && isCount(width) && isCount(height) && isLaidOut && isFilled;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(why: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `media model: its description cannot be used: ${why}`);
}
