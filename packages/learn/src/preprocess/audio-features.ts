// Log-mel features as a graph, from raw samples: what `createLogMel` computes in float64, for batches and inside the
// served model.
import { AmaasError } from '@amaas/core';
import { type LogMelDescription, logMelFrames, melFilterBank, spectrumBasis } from '../data/index.ts';
import {
  add,
  constantOf,
  conv,
  div,
  gather,
  log,
  matMul,
  maximum,
  mul,
  reduceMean,
  slice,
  sqrt,
  square,
  sub,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import { fitLength } from './fixed-length.ts';

/** How samples become features. Plain data. */
export interface AudioFeatures {
  /** Samples looked at: what is longer is cut at the end, what is shorter followed by silence. */
  readonly samples: number;
  readonly logMel: LogMelDescription;
}

/** Keeps silence, whose variance is 0, finite; as in `createLogMel`. */
const CLIP_VARIANCE_FLOOR = 1e-5;

/** Bands and frames of the features. @throws INVALID_CONFIG when the samples are too few for one frame */
export function audioFeatureShape({ samples, logMel }: AudioFeatures): readonly [bands: number, frames: number] {
  const frames = logMelFrames(samples, logMel);
  if (frames === 0) {
    throw new AmaasError('INVALID_CONFIG', `audio: ${samples} samples are too few for a frame of ${logMel.fftLength}`);
  }
  return [logMel.bands, frames];
}

/**
 * @param samples - float32 [N, any]
 * @returns float32 [N, bands, frames]
 * @throws INVALID_CONFIG for a description that contradicts itself
 */
export function buildAudioFeatures(samples: Value, features: AudioFeatures): Value {
  audioFeatureShape(features);
  return buildLogMel(padClip(fitLength(samples, features.samples), features), features.logMel);
}

/**
 * Features of samples as they are: nothing is put around them, whatever the description's `padding`.
 * @param samples - float32 [N, at least fftLength]
 * @returns float32 [N, bands, frames]
 * @throws INVALID_CONFIG for a description that contradicts itself
 */
export function buildLogMel(samples: Value, logMel: LogMelDescription): Value {
  const { fftLength, hopLength, bands, power } = logMel;
  const bins = Math.floor(fftLength / 2) + 1;
  // The spectrum of every frame is one convolution: filters are the windowed cosines and sines, the stride is the hop.
  const { cosine, sine } = spectrumBasis(logMel);
  const filters = new Float64Array(2 * bins * fftLength);
  for (let bin = 0; bin < bins; bin++) {
    for (let at = 0; at < fftLength; at++) {
      filters[bin * fftLength + at] = cosine[at * bins + bin] ?? 0;
      filters[(bins + bin) * fftLength + at] = sine[at * bins + bin] ?? 0;
    }
  }
  const basis = constantOf('float32', [2 * bins, 1, fftLength], filters);
  const spectrum = square(conv(unsqueeze(samples, 1), basis, { strides: hopLength }));
  const energies = add(slice(spectrum, 1, 0, bins), slice(spectrum, 1, bins, 2 * bins));
  const sums = matMul(
    constantOf('float32', [bands, bins], melFilterBank(logMel)),
    power === 2 ? energies : sqrt(energies),
  );
  return normalise(mul(log(maximum(sums, logMel.floor)), logScale(logMel)), logMel);
}

/** From natural logarithms to those of the description. */
function logScale({ log: kind, power }: LogMelDescription): number {
  if (kind === 'natural') return 1;
  return (kind === 'log10' ? 1 : 20 / power) / Math.LN10;
}

/** Zeros or the mirrored signal on both sides, as the description's `padding` says. [N, samples] → [N, padded] */
function padClip(clip: Value, { samples, logMel: { padding, fftLength } }: AudioFeatures): Value {
  if (padding === 'none') return clip;
  const side = Math.floor(fftLength / 2);
  if (padding === 'reflect' && samples <= side) {
    throw new AmaasError('INVALID_CONFIG', `audio: ${samples} samples cannot be mirrored ${side} samples far`);
  }
  const zero = samples; // where the element after the last one stands
  const places = Array.from({ length: samples + 2 * side }, (_, at) => {
    const from = at - side;
    if (from >= 0 && from < samples) return from;
    if (padding === 'zero') return zero;
    return from < 0 ? -from : 2 * (samples - 1) - from;
  });
  return gather(fitLength(clip, samples + 1), constantOf('int64', [places.length], places), 1);
}

function normalise(values: Value, { normalisation, bands }: LogMelDescription): Value {
  switch (normalisation.kind) {
    case 'none':
      return values;
    case 'fixed': {
      const perBand = (numbers: readonly number[]): Value =>
        constantOf('float32', [numbers.length === 1 ? 1 : bands, 1], numbers);
      return div(sub(values, perBand(normalisation.mean)), perBand(normalisation.std));
    }
    case 'clip': {
      const centred = sub(values, reduceMean(values, { axes: [2], keepAxes: true }));
      const variance = reduceMean(square(centred), { axes: [2], keepAxes: true });
      return div(centred, sqrt(add(variance, CLIP_VARIANCE_FLOOR)));
    }
    default:
      return normalisation satisfies never;
  }
}
