// Log-mel features: what a recogniser hears. The description says exactly how they are computed; the functions here give
// the constants a graph needs to compute them, and the values themselves in float64, as its oracle.
import { AmaasError } from '@amaas/core';
import { type MelFilterDescription, melFilterBank } from './mel-filters.ts';
import { type WindowKind, windowValues } from './windows.ts';

/** Everything that decides the value of a feature. Plain data, for manifests and lineage. */
export interface LogMelDescription extends MelFilterDescription {
  readonly window: WindowKind;
  /** Samples under the window, at most `fftLength`: a shorter window stands in the middle of the frame. */
  readonly windowLength: number;
  /** Samples from one frame to the next. */
  readonly hopLength: number;
  /**
   * `none`: the first frame begins with the first sample. `zero`, `reflect`: it is centred on it, and so is the last one on the
   * end; ⌊fftLength / 2⌋ samples are put on both sides, zeros or the signal mirrored at its end samples.
   */
  readonly padding: 'none' | 'zero' | 'reflect';
  /** Power of the magnitudes that the filters sum: 2 for energies. */
  readonly power: 1 | 2;
  /** `decibel`: 10 · log10 of energies, 20 · log10 of magnitudes. */
  readonly log: 'natural' | 'log10' | 'decibel';
  /** Sums below it count as it, > 0: silence has no logarithm. */
  readonly floor: number;
  readonly normalisation: LogMelNormalisation;
}

export type LogMelNormalisation =
  | { readonly kind: 'none' }
  /** (value − mean) / std with one number for all bands or one per band, found on training data. */
  | { readonly kind: 'fixed'; readonly mean: readonly number[]; readonly std: readonly number[] }
  /** Each band of each clip to mean 0: (value − mean) / √(variance + 10⁻⁵) over the clip's frames. */
  | { readonly kind: 'clip' };

/** Keeps silence, whose variance is 0, finite. */
const CLIP_VARIANCE_FLOOR = 1e-5;

/** Features of one clip, row-major [frames, bands]. */
export interface LogMelFeatures {
  readonly frames: number;
  readonly bands: number;
  readonly values: Float64Array;
}

/**
 * Features as speech recognisers take them: 25 ms of Hann window every 10 ms, energies, natural logarithm.
 * @param bands - default 40.
 */
export function speechLogMel(sampleRateHz: number, bands = 40): LogMelDescription {
  const windowLength = Math.round(sampleRateHz * 0.025);
  return {
    sampleRateHz,
    fftLength: 2 ** Math.ceil(Math.log2(windowLength)),
    window: 'hann',
    windowLength,
    hopLength: Math.round(sampleRateHz * 0.01),
    padding: 'none',
    power: 2,
    bands,
    lowHz: 20, // below is hum
    highHz: sampleRateHz / 2,
    melScale: 'slaney',
    melNorm: 'slaney',
    log: 'natural',
    floor: 1e-10,
    normalisation: { kind: 'none' },
  };
}

/** Frames that so many samples give; 0 where they are too few. */
export function logMelFrames(samples: number, description: LogMelDescription): number {
  const { fftLength, hopLength, padding } = description;
  if (samples === 0) return 0;
  const padded = samples + (padding === 'none' ? 0 : 2 * Math.floor(fftLength / 2));
  return padded < fftLength ? 0 : 1 + Math.floor((padded - fftLength) / hopLength);
}

/**
 * The window times the cosines and negative sines of the discrete Fourier transform, each float64 [fftLength, bins] row-major
 * with bins = ⌊fftLength / 2⌋ + 1: a frame [1, fftLength] times them is the real and the imaginary part of its spectrum.
 * @throws INVALID_CONFIG
 */
export function spectrumBasis(description: LogMelDescription): {
  readonly cosine: Float64Array;
  readonly sine: Float64Array;
} {
  assertDescription(description);
  const { fftLength, window, windowLength } = description;
  const bins = Math.floor(fftLength / 2) + 1;
  const values = windowValues(window, windowLength);
  const offset = Math.floor((fftLength - windowLength) / 2);
  const cosine = new Float64Array(fftLength * bins);
  const sine = new Float64Array(fftLength * bins);
  for (let at = 0; at < fftLength; at++) {
    const weight = values[at - offset] ?? 0;
    for (let bin = 0; bin < bins; bin++) {
      const angle = (2 * Math.PI * ((at * bin) % fftLength)) / fftLength; // reduced first: exact for long frames too
      cosine[at * bins + bin] = weight * Math.cos(angle);
      sine[at * bins + bin] = -weight * Math.sin(angle);
    }
  }
  return { cosine, sine };
}

/**
 * Computes the features of clips in float64. The constants are made once, so one computer serves many clips.
 * @throws INVALID_CONFIG for a description that contradicts itself.
 */
export function createLogMel(description: LogMelDescription): (samples: ArrayLike<number>) => LogMelFeatures {
  const { cosine, sine } = spectrumBasis(description);
  const filters = melFilterBank(description);
  const { fftLength, hopLength, bands, power } = description;
  const bins = Math.floor(fftLength / 2) + 1;
  return (samples) => {
    const frames = logMelFrames(samples.length, description);
    if (frames === 0) {
      throw new AmaasError(
        'INVALID_DATA',
        `log-mel: ${samples.length} samples are too few for a frame of ${fftLength}`,
      );
    }
    const padded = pad(samples, description);
    const values = new Float64Array(frames * bands);
    const energies = new Float64Array(bins);
    for (let frame = 0; frame < frames; frame++) {
      const real = new Float64Array(bins);
      const imaginary = new Float64Array(bins);
      for (let at = 0; at < fftLength; at++) {
        const sample = padded[frame * hopLength + at] ?? 0;
        for (let bin = 0; bin < bins; bin++) {
          real[bin] = (real[bin] ?? 0) + sample * (cosine[at * bins + bin] ?? 0);
          imaginary[bin] = (imaginary[bin] ?? 0) + sample * (sine[at * bins + bin] ?? 0);
        }
      }
      for (let bin = 0; bin < bins; bin++) {
        const energy = (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2;
        energies[bin] = power === 2 ? energy : Math.sqrt(energy);
      }
      for (let band = 0; band < bands; band++) {
        let sum = 0;
        for (let bin = 0; bin < bins; bin++) sum += (filters[band * bins + bin] ?? 0) * (energies[bin] ?? 0);
        values[frame * bands + band] = compress(sum, description);
      }
    }
    normalise(values, frames, description);
    return { frames, bands, values };
  };
}

function compress(sum: number, { log, floor, power }: LogMelDescription): number {
  const value = Math.max(sum, floor);
  if (log === 'natural') return Math.log(value);
  return Math.log10(value) * (log === 'log10' ? 1 : 20 / power);
}

function normalise(values: Float64Array, frames: number, { bands, normalisation }: LogMelDescription): void {
  if (normalisation.kind === 'none') return;
  for (let band = 0; band < bands; band++) {
    const { mean, deviation } =
      normalisation.kind === 'fixed'
        ? { mean: atBand(normalisation.mean, band), deviation: atBand(normalisation.std, band) }
        : clipStatistics(values, frames, { band, bands });
    for (let at = band; at < values.length; at += bands) values[at] = ((values[at] ?? 0) - mean) / deviation;
  }
}

function atBand(values: readonly number[], band: number): number {
  return values[values.length === 1 ? 0 : band] ?? Number.NaN; // lengths were checked
}

function clipStatistics(
  values: Float64Array,
  frames: number,
  { band, bands }: { readonly band: number; readonly bands: number },
): { readonly mean: number; readonly deviation: number } {
  let mean = 0;
  for (let at = band; at < values.length; at += bands) mean += (values[at] ?? 0) / frames;
  let variance = 0;
  for (let at = band; at < values.length; at += bands) variance += ((values[at] ?? 0) - mean) ** 2 / frames;
  return { mean, deviation: Math.sqrt(variance + CLIP_VARIANCE_FLOOR) };
}

/** The samples with what `padding` puts around them. */
function pad(samples: ArrayLike<number>, { fftLength, padding }: LogMelDescription): Float64Array {
  const side = padding === 'none' ? 0 : Math.floor(fftLength / 2);
  const { length } = samples;
  if (padding === 'reflect' && length <= side) {
    throw new AmaasError(
      'INVALID_DATA',
      `log-mel: ${length} samples cannot be mirrored ${side} samples far; pad with zeros, or take longer clips`,
    );
  }
  const padded = new Float64Array(length + 2 * side);
  for (let at = 0; at < length; at++) padded[side + at] = samples[at] ?? 0;
  if (padding === 'reflect') {
    for (let at = 1; at <= side; at++) {
      padded[side - at] = samples[at] ?? 0;
      padded[side + length - 1 + at] = samples[length - 1 - at] ?? 0;
    }
  }
  return padded;
}

function assertDescription(description: LogMelDescription): void {
  const { sampleRateHz, fftLength, windowLength, hopLength, bands, floor, normalisation } = description;
  const refuse = (what: string): AmaasError => new AmaasError('INVALID_CONFIG', `log-mel: ${what}`);
  for (const [name, value] of Object.entries({ sampleRateHz, fftLength, windowLength, hopLength, bands })) {
    if (!Number.isSafeInteger(value) || value < 1) throw refuse(`${name} must be a whole number ≥ 1, got ${value}`);
  }
  if (windowLength > fftLength)
    throw refuse(`windowLength must be at most fftLength (${fftLength}), got ${windowLength}`);
  if (!(floor > 0)) throw refuse(`floor must be above 0, got ${floor}`);
  if (normalisation.kind !== 'fixed') return;
  for (const name of ['mean', 'std'] as const) {
    const { length } = normalisation[name];
    if (length !== 1 && length !== bands)
      throw refuse(`normalisation.${name} must have 1 or ${bands} numbers, got ${length}`);
  }
  const zero = normalisation.std.find((value) => !(value > 0));
  if (zero !== undefined) throw refuse(`normalisation.std must be above 0, got ${zero}`);
}
