// Log-mel features of recordings of different lengths in one tensor. A recording ends where nothing but zeros follows, so
// that padding with zeros changes nothing and no lengths need to be sent.
import type { LogMelDescription } from '../data/index.ts';
import {
  abs,
  add,
  cast,
  concat,
  constantOf,
  cumSum,
  div,
  floor,
  greater,
  less,
  maximum,
  mul,
  notEqual,
  reduceMax,
  reduceSum,
  sub,
  type Value,
} from '../graph/index.ts';
import { buildLogMel } from './audio-features.ts';

export interface SpeechFeatures {
  /** float32 [N, bands, frames]: of the loudest sample as 1; what lies behind a recording's own frames means nothing. */
  readonly features: Value;
  /** Frames of each recording as {@link speechFrames}, int64 [N]. */
  readonly frames: Value;
}

/** Peaks below it are amplified no further: there is nothing but noise. About −60 dB. */
const QUIETEST_PEAK = 1e-3;

/** Silence heard behind every recording: many are cut where the last sound ends, and its letter needs time to be written. */
const TAIL_SECONDS = 0.2;

/** Frames that so many samples make, with those of silence behind them; at least 1. */
export function speechFrames(samples: number, logMel: LogMelDescription): number {
  const { fftLength, hopLength } = logMel;
  return 1 + Math.max(0, Math.floor((samples - fftLength) / hopLength)) + tailFrames(logMel);
}

function tailFrames({ sampleRateHz, hopLength }: LogMelDescription): number {
  return Math.round((TAIL_SECONDS * sampleRateHz) / hopLength);
}

/**
 * Every recording brought to one loudness, then its features.
 * @param samples - float32 [N, any]
 * @param logMel - its `padding` does not count: nothing is put in front, and a fifth of a second of silence behind
 * @throws INVALID_CONFIG for a description that contradicts itself
 */
export function buildSpeechFeatures(samples: Value, logMel: LogMelDescription): SpeechFeatures {
  const { fftLength, hopLength } = logMel;
  const padded = withSilence(samples, fftLength + tailFrames(logMel) * hopLength);
  const sounds = cumSum(cast(notEqual(padded, 0), 'int32'), 1, { reverse: true });
  const ends = reduceSum(cast(greater(sounds, 0), 'int32'), { axes: [1] });
  const behindFirst = floor(div(cast(sub(ends, fftLength), 'float32'), hopLength));
  const peak = reduceMax(abs(padded), { axes: [1], keepAxes: true });
  return {
    features: buildLogMel(div(padded, maximum(peak, QUIETEST_PEAK)), logMel),
    frames: cast(add(maximum(behindFirst, 0), 1 + tailFrames(logMel)), 'int64'),
  };
}

/** So many zeros behind every row. */
function withSilence(x: Value, count: number): Value {
  const sums = reduceSum(x, { axes: [1], keepAxes: true });
  // Nothing is less than itself, NaN neither: zeros for each row, however many there are.
  const zeros = mul(cast(less(sums, sums), x.dtype), constantOf(x.dtype, [1, count], new Array<number>(count).fill(0)));
  return concat([x, zeros], 1);
}
