// The mel scale and the triangular filters that gather the bins of a spectrum into its bands, in the two definitions in use.
// Source: HTK Book 3.4, section 5.4 (`htk`); M. Slaney, "Auditory Toolbox", Interval Research technical report 1998-010
// (`slaney`: linear below 1 kHz, logarithmic above, triangles of equal area).
import { AmaasError } from '@amaas/core';

export type MelScale = 'slaney' | 'htk';

const SLANEY_HZ_PER_MEL = 200 / 3;
const SLANEY_BREAK_HZ = 1000;
const SLANEY_BREAK_MEL = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL;
/** 27 steps from 1 kHz to 6.4 kHz. */
const SLANEY_LOG_STEP = Math.log(6.4) / 27;

export function melFromHz(hz: number, scale: MelScale): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700);
  if (hz < SLANEY_BREAK_HZ) return hz / SLANEY_HZ_PER_MEL;
  return SLANEY_BREAK_MEL + Math.log(hz / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP;
}

export function hzFromMel(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  if (mel < SLANEY_BREAK_MEL) return mel * SLANEY_HZ_PER_MEL;
  return SLANEY_BREAK_HZ * Math.exp(SLANEY_LOG_STEP * (mel - SLANEY_BREAK_MEL));
}

/** What a bank of filters is made of. */
export interface MelFilterDescription {
  readonly sampleRateHz: number;
  /** Samples per spectrum: bin k stands for k · sampleRateHz / fftLength. */
  readonly fftLength: number;
  readonly bands: number;
  /** Where the first band begins and the last one ends; at most half the sample rate. */
  readonly lowHz: number;
  readonly highHz: number;
  readonly melScale: MelScale;
  /** `slaney` divides each triangle by half its width in Hz, so that all have one area; `none` leaves their tips at 1. */
  readonly melNorm: 'slaney' | 'none';
}

/**
 * The filters, float64 [bands, ⌊fftLength / 2⌋ + 1], row-major. Band b rises from corner b to corner b + 1 and falls to b + 2;
 * the corners are equally far apart in mel.
 * @throws INVALID_CONFIG when the band limits are out of order, or a band is so narrow that it holds no bin.
 */
export function melFilterBank(description: MelFilterDescription): Float64Array {
  const { sampleRateHz, fftLength, bands, lowHz, highHz, melScale, melNorm } = description;
  if (!(lowHz >= 0 && lowHz < highHz && highHz <= sampleRateHz / 2)) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `mel: expected 0 ≤ lowHz < highHz ≤ ${sampleRateHz / 2}, got ${lowHz} and ${highHz}`,
    );
  }
  const bins = Math.floor(fftLength / 2) + 1;
  const [lowMel, highMel] = [melFromHz(lowHz, melScale), melFromHz(highHz, melScale)];
  const corner = (index: number): number => hzFromMel(lowMel + ((highMel - lowMel) * index) / (bands + 1), melScale);
  const filters = new Float64Array(bands * bins);
  for (let band = 0; band < bands; band++) {
    const [left, centre, right] = [corner(band), corner(band + 1), corner(band + 2)];
    const height = melNorm === 'slaney' ? 2 / (right - left) : 1;
    let isEmpty = true;
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * sampleRateHz) / fftLength;
      const value = Math.min((hz - left) / (centre - left), (right - hz) / (right - centre));
      if (value <= 0) continue;
      filters[band * bins + bin] = value * height;
      isEmpty = false;
    }
    if (isEmpty) {
      throw new AmaasError(
        'INVALID_CONFIG',
        `mel: band ${band} (${left.toFixed(1)} to ${right.toFixed(1)} Hz) lies between two bins of ${(sampleRateHz / fftLength).toFixed(1)} Hz; ask for fewer bands or a longer spectrum`,
      );
    }
  }
  return filters;
}
