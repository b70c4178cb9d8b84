// Recordings changed in training, as features: several after one another, slower and quicker, higher and lower, louder and
// softer, in noise, with some bands and frames gone. All of it comes from the random numbers given.
// Sources: Ko et al. 2015 for speeds; Jaitly & Hinton 2013 for pitch (vocal tract length); Park et al. 2019 for what is gone.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';

/** Log-mel features of one recording, row-major [bands, frames]; natural logarithms of energies. */
export interface SpeechPicture {
  readonly bands: number;
  readonly frames: number;
  readonly values: Float32Array;
}

/** How much training features may change; what is left out does not change. */
export interface SpeechAugmentation {
  /** Most recordings put after one another, with pauses between and spaces between their texts; default 1. */
  readonly maxJoined?: number;
  /** Greatest pause before, between and behind recordings, in seconds. */
  readonly maxPauseSeconds?: number;
  /** Greatest share by which a recording is slower or quicker, below 0.5. */
  readonly maxSpeedChange?: number;
  /** Greatest share by which the bands move up or down, below 0.5. */
  readonly maxPitchChange?: number;
  /** Greatest change of loudness, in decibels. */
  readonly maxGainDb?: number;
  /** Loudest noise, in decibels below the loudest frame. */
  readonly noiseDb?: number;
  /** Greatest share of the bands, and of the frames, that is silenced. */
  readonly maxMasked?: number;
}

/** @throws INVALID_CONFIG for amounts out of range */
export function checkSpeechAugmentation(change: SpeechAugmentation): void {
  const { maxJoined = 1, maxPauseSeconds = 0, maxSpeedChange = 0, maxPitchChange = 0, maxMasked = 0 } = change;
  for (const [name, value, most] of [
    ['maxJoined', maxJoined, 100],
    ['maxPauseSeconds', maxPauseSeconds, 10],
    ['maxSpeedChange', maxSpeedChange, 0.49],
    ['maxPitchChange', maxPitchChange, 0.49],
    ['maxGainDb', change.maxGainDb ?? 0, 60],
    ['noiseDb', change.noiseDb ?? 0, 120],
    ['maxMasked', maxMasked, 0.9],
  ] as const) {
    if (value >= 0 && value <= most) continue;
    throw new AmaasError('INVALID_CONFIG', `augment: ${name} must be from 0 to ${most}, got ${value}`);
  }
  if (Number.isSafeInteger(maxJoined) && maxJoined >= 1) return;
  throw new AmaasError('INVALID_CONFIG', `augment: maxJoined must be a whole number ≥ 1, got ${maxJoined}`);
}

export interface PictureSetting {
  readonly hopSeconds: number;
  /** The feature that silence has. */
  readonly silence: number;
}

const NEPERS_PER_DB = Math.LN10 / 10;

/**
 * Recordings after one another, changed, in a picture of their own size.
 * @param fits - whether a recording may become so short; else it keeps its speed
 */
export function changePictures(
  pictures: readonly SpeechPicture[],
  change: SpeechAugmentation,
  {
    random,
    setting,
    fits,
  }: {
    readonly random: Random;
    readonly setting: PictureSetting;
    readonly fits: (picture: number, frames: number) => boolean;
  },
): SpeechPicture {
  const { maxPauseSeconds = 0, maxSpeedChange = 0, maxPitchChange = 0, maxGainDb = 0 } = change;
  const symmetric = (most: number): number => most * (2 * random.uniform() - 1);
  const speed = Math.exp(symmetric(Math.log1p(maxSpeedChange)));
  const pitch = 1 + symmetric(maxPitchChange);
  const gain = symmetric(maxGainDb) * NEPERS_PER_DB;
  const pause = (): number => Math.round((random.uniform() * maxPauseSeconds) / setting.hopSeconds);
  const placed: { readonly picture: SpeechPicture; readonly start: number }[] = [];
  let frames = pause();
  for (const [at, picture] of pictures.entries()) {
    const quickened = Math.max(1, Math.round(picture.frames / speed));
    const warped = warp(picture, { frames: fits(at, quickened) ? quickened : picture.frames, pitch, gain });
    placed.push({ picture: warped, start: frames });
    frames += warped.frames + pause();
  }
  const bands = pictures[0]?.bands ?? 1;
  const values = new Float32Array(bands * frames).fill(setting.silence);
  for (const { picture, start } of placed) {
    for (let band = 0; band < bands; band++) {
      values.set(picture.values.subarray(band * picture.frames, (band + 1) * picture.frames), band * frames + start);
    }
  }
  const joined = { bands, frames, values };
  if (change.noiseDb !== undefined) addNoise(joined, { below: change.noiseDb, random, silence: setting.silence });
  if (change.maxMasked !== undefined) mask(joined, { share: change.maxMasked, random, silence: setting.silence });
  return joined;
}

/** Other frames and bands by linear interpolation, and louder. */
function warp(
  { bands, frames, values }: SpeechPicture,
  to: { readonly frames: number; readonly pitch: number; readonly gain: number },
): SpeechPicture {
  const warped = new Float32Array(bands * to.frames);
  const step = to.frames === 1 ? 0 : (frames - 1) / (to.frames - 1);
  for (let band = 0; band < bands; band++) {
    const from = Math.min(bands - 1, band * to.pitch);
    const lower = Math.floor(from);
    const upper = Math.min(bands - 1, lower + 1);
    const share = from - lower;
    for (let frame = 0; frame < to.frames; frame++) {
      const place = frame * step;
      const left = Math.floor(place);
      const right = Math.min(frames - 1, left + 1);
      const part = place - left;
      const at = (row: number): number =>
        (values[row * frames + left] ?? 0) * (1 - part) + (values[row * frames + right] ?? 0) * part;
      warped[band * to.frames + frame] = at(lower) * (1 - share) + at(upper) * share + to.gain;
    }
  }
  return { bands, frames: to.frames, values: warped };
}

/** Adds energies of noise that is as loud in all bands, up to `below` dB under the loudest of the picture. */
function addNoise(
  { values }: SpeechPicture,
  { below, random, silence }: { readonly below: number; readonly random: Random; readonly silence: number },
): void {
  const loudest = values.reduce((most, value) => Math.max(most, value), silence);
  const level = silence + random.uniform() * Math.max(0, loudest - below * NEPERS_PER_DB - silence);
  for (let at = 0; at < values.length; at++) {
    // Energies of noise spread like this, mostly near their level and sometimes far below it; a logarithm would cost more.
    const noise = level + 1 - 4 * random.uniform() ** 2;
    const value = values[at] ?? silence;
    const distance = Math.abs(value - noise);
    const more = distance > NEGLIGIBLE_NEPERS ? 0 : Math.log1p(Math.exp(-distance));
    values[at] = Math.max(value, noise) + more;
  }
}

/** Energies that far below another one add less than a thousandth to it. */
const NEGLIGIBLE_NEPERS = 7;

/** Silences one run of bands and one of frames. */
function mask(
  { bands, frames, values }: SpeechPicture,
  { share, random, silence }: { readonly share: number; readonly random: Random; readonly silence: number },
): void {
  const stripe = (size: number): readonly [number, number] => {
    const width = Math.floor(random.uniform() * (share * size + 1));
    return [width, Math.floor(random.uniform() * (size - width + 1))];
  };
  const [height, top] = stripe(bands);
  const [width, left] = stripe(frames);
  for (let band = 0; band < bands; band++) {
    if (band >= top && band < top + height) values.fill(silence, band * frames, (band + 1) * frames);
    else values.fill(silence, band * frames + left, band * frames + left + width);
  }
}
