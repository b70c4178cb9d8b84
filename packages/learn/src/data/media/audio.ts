// Sound files to what a model takes: one channel at one sample rate.
import { AmaasError } from '@amaas/core';
import { resample } from './resample.ts';
import { decodeWav, mixToMono } from './wav.ts';

export interface AudioPreparation {
  /** Rate the samples are brought to. */
  readonly sampleRateHz: number;
  /** Longest sound taken; default 600 s. A file of a few megabytes at 1 Hz would else become gigabytes. */
  readonly maxSeconds?: number;
}

const DEFAULT_MAX_SECONDS = 600;

/**
 * A WAV file as samples of one channel, the mean of all, at the rate asked for.
 * @throws INVALID_DATA for what cannot be read or resampled, REQUEST_TOO_LARGE beyond `maxSeconds`.
 */
export function decodeAudio(bytes: Uint8Array, name: string, preparation: AudioPreparation): Float32Array {
  const { sampleRateHz, maxSeconds = DEFAULT_MAX_SECONDS } = preparation;
  const waveform = decodeWav(bytes, name);
  const seconds = (waveform.channels[0]?.length ?? 0) / waveform.sampleRateHz;
  if (seconds > maxSeconds) {
    throw new AmaasError(
      'REQUEST_TOO_LARGE',
      `audio: ${name} lasts ${seconds.toFixed(1)} s; at most ${maxSeconds} s are allowed`,
    );
  }
  return resample(mixToMono(waveform), waveform.sampleRateHz, sampleRateHz);
}

/** Samples of exactly this length: cut at the end, or followed by zeros. */
export function fitLength(samples: Float32Array, length: number): Float32Array {
  if (samples.length === length) return samples;
  const fitted = new Float32Array(length);
  fitted.set(samples.subarray(0, length));
  return fitted;
}
