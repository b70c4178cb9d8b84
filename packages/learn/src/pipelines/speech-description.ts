// What a recogniser of speech says about itself in its file: what it writes, and which recordings it takes.
import { AmaasError } from '@amaas/core';
import { readModel } from '../onnx/index.ts';
import { checkSymbols } from './speech-symbols.ts';

/** Plain JSON. */
export interface SpeechModelDescription {
  readonly format: 'amaas-speech-1';
  /** The character of class 1, of class 2, … of `log_probabilities`; class 0 is CTC's blank. */
  readonly characters: readonly string[];
  /** Of the samples it takes, one channel, −1 … 1. */
  readonly sampleRateHz: number;
  /** From one step of `log_probabilities` to the next. */
  readonly stepSeconds: number;
}

/** Key of the description among the model file's metadata. */
export const SPEECH_METADATA = 'amaas.speech';

/**
 * The description in a model file; null where there is none: the model was made otherwise, or from other data.
 * @throws INVALID_MODEL when the bytes are no model, or the description is damaged
 */
export function readSpeechDescription(onnx: Uint8Array): SpeechModelDescription | null {
  const text = readModel(onnx).metadata?.find(({ key }) => key === SPEECH_METADATA)?.value;
  if (text === undefined) return null;
  try {
    return parseSpeechDescription(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof AmaasError) throw thrown;
    throw damaged('it is not JSON');
  }
}

/** The description from plain JSON, as a model's lineage keeps it. @throws INVALID_MODEL */
export function parseSpeechDescription(value: unknown): SpeechModelDescription {
  if (!isRecord(value) || value['format'] !== 'amaas-speech-1') throw damaged('it is of another format');
  const { characters, sampleRateHz, stepSeconds } = value;
  if (!Array.isArray(characters) || !characters.every((each) => typeof each === 'string'))
    throw damaged('its characters are no texts');
  if (typeof sampleRateHz !== 'number' || !Number.isSafeInteger(sampleRateHz) || sampleRateHz < 1)
    throw damaged('its sample rate is none');
  if (typeof stepSeconds !== 'number' || !(stepSeconds > 0)) throw damaged('it does not say how long a step is');
  try {
    return { format: 'amaas-speech-1', ...checkSymbols(characters), sampleRateHz, stepSeconds };
  } catch {
    throw damaged('its characters are not single ones');
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(why: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `speech model: its description cannot be used: ${why}`);
}
