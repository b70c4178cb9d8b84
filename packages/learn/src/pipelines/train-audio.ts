// From labelled sounds to a model that takes samples: log-mel features and network in one graph. What a file's samples are
// brought to before (one channel, one rate) is the opener's business, and the description's.
import { AmaasError, createTensor, type Tensor } from '@amaas/core';
import { type LogMelDescription, speechLogMel } from '../data/index.ts';
import { slicesByRange } from '../evaluate/index.ts';
import {
  add,
  and,
  constantOf,
  greater,
  less,
  mul,
  or,
  reduceMean,
  reshape,
  slice,
  sub,
  type Value,
  where,
} from '../graph/index.ts';
import {
  activation,
  batchNorm,
  conv2d,
  dropout,
  flatten,
  type Head,
  headLayer,
  type Layer,
  layer,
  maxPool2d,
  sequential,
} from '../layers/index.ts';
import { type AudioFeatures, audioFeatureShape, buildAudioFeatures } from '../preprocess/index.ts';
import { augmentation } from './augmentation.ts';
import { keyOfBytes } from './media-data.ts';
import {
  type MediaPlan,
  type MediaTrainingSettings,
  networkOf,
  settingsFor,
  type TrainedMedia,
  trainMedia,
  type TrainMediaOptions,
} from './media-training.ts';
import { headOf } from './table-target.ts';

/** `linear` is the baseline; `convolutional` looks at the features as at a picture of bands by frames. */
export type AudioCandidate = 'linear' | 'convolutional';

/** How much training features may change; what is left out does not change. */
export interface AudioAugmentation {
  /** Greatest shift in time, as a share of the frames. */
  readonly maxTimeShift?: number;
  /** Greatest shift in pitch, as a share of the bands. */
  readonly maxPitchShift?: number;
  /** Greatest share of the bands, and of the frames, that is silenced. */
  readonly maxMasked?: number;
}

const DEFAULT_AUGMENTATION: AudioAugmentation = { maxTimeShift: 0.1, maxPitchShift: 0.025, maxMasked: 0.08 };

export interface TrainAudioOptions extends TrainMediaOptions<Float32Array> {
  /** Of the samples given, and of those the served model takes. */
  readonly sampleRateHz: number;
  /** Sound looked at; default the longest training sound, at most 10 s. */
  readonly seconds?: number;
  /** Default as speech recognisers take it, normalised per band over the training part. */
  readonly logMel?: Omit<LogMelDescription, 'normalisation' | 'sampleRateHz'>;
  /** Default linear and convolutional. */
  readonly candidates?: readonly AudioCandidate[];
  /** How training features change; null: not at all. Default a tenth in time, one band of 40 in pitch, a twelfth masked. */
  readonly augmentation?: AudioAugmentation | null;
  /** Overrules the settings of every candidate. */
  readonly training?: Partial<MediaTrainingSettings>;
}

/** The served model's input: float32 [N, samples], any number of samples, −1 … 1. */
export const AUDIO_INPUT = 'samples';

const LOG_MEL = 'log-mel';
const DEFAULT_MAX_SECONDS = 10;
/** Sums of energies that count as silence: about the noise of 16-bit samples; less would make zeros unlike any sound. */
const SILENCE = 1e-6;

/**
 * Trains a classifier of sounds.
 *
 * The exported model takes `samples` float32 [N, any] and gives `label` string [N] and `probabilities` float32 [N, classes].
 * @throws INVALID_DATA with what to do about it, when the sounds cannot be learned from; CANCELLED; TRAINING_DIVERGED
 */
export async function trainAudio(options: TrainAudioOptions): Promise<TrainedMedia> {
  return trainMedia(options, {
    plan: (train, target) => planAudio(train.values, headOf(target), options),
    keyOf: (samples) => keyOfBytes(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)),
    slices: (sounds) =>
      slicesByRange(
        'seconds',
        sounds.map((samples) => samples.length / options.sampleRateHz),
      ),
  });
}

function planAudio(sounds: readonly Float32Array[], head: Head, options: TrainAudioOptions): MediaPlan<Float32Array> {
  const { candidates = ['linear', 'convolutional'], sampleRateHz } = options;
  const features = chooseFeatures(sounds, options);
  const [bands, frames] = audioFeatureShape(features);
  const change = options.augmentation === undefined ? DEFAULT_AUGMENTATION : options.augmentation;
  const vary = change === null ? [] : [audioAugmentation(change, silenceLevel(features.logMel))];
  // Bands and frames as the rows and columns of a picture of one channel, brought to mean 0 by what training sees.
  const asPicture = layer('asPicture', (x) => reshape(x, [x.shape[0] ?? 1, 1, bands, frames]));
  const seconds = features.samples / sampleRateHz;
  return {
    input: {
      name: AUDIO_INPUT,
      dtype: 'float32',
      shape: ['samples'],
      tensor: (values) => soundTensor(values, features.samples),
      features: (raw) => new Map([[LOG_MEL, buildAudioFeatures(raw, features)]]),
    },
    candidates: candidates.map((name) => ({
      name,
      inputs: [LOG_MEL],
      network: networkOf(
        LOG_MEL,
        name === 'linear'
          ? sequential([asPicture, batchNorm(), flatten(), headLayer(head)])
          : sequential([asPicture, ...vary, batchNorm(), audioCnn(head)]),
      ),
      settings: settingsFor(SETTINGS[name], sounds.length, options.training),
    })),
    facts: [
      { label: 'Seconds looked at', value: seconds },
      { label: 'Sample rate (Hz)', value: sampleRateHz },
      { label: 'Features', value: `${bands} bands × ${frames} frames` },
    ],
    manifest: {
      task: 'audio-classification',
      description: `Sound of one channel at ${sampleRateHz} Hz, samples from -1 to 1, of which the first ${seconds.toFixed(2)} s count.`,
      signatures: { serving_default: { method: 'predict' } },
    },
    preparation: { kind: 'audio', sampleRateHz, samples: features.samples },
  };
}

function chooseFeatures(sounds: readonly Float32Array[], options: TrainAudioOptions): AudioFeatures {
  const { sampleRateHz, seconds } = options;
  const longest = sounds.reduce((most, { length }) => Math.max(most, length), 0);
  const most = Math.round((seconds ?? DEFAULT_MAX_SECONDS) * sampleRateHz);
  const samples = seconds === undefined ? Math.min(longest, most) : most;
  const logMel: LogMelDescription = {
    ...speechLogMel(sampleRateHz),
    floor: SILENCE,
    ...options.logMel,
    sampleRateHz,
    normalisation: { kind: 'none' },
  };
  if (samples < logMel.fftLength) {
    throw new AmaasError(
      'INVALID_DATA',
      `audio: the longest sound has ${longest} samples, too few for one frame of ${logMel.fftLength}; give longer sounds`,
    );
  }
  return { samples, logMel };
}

/** Sounds as one tensor [sounds, longest], silence behind the shorter ones; nothing beyond what is looked at. */
export function soundTensor(sounds: readonly Float32Array[], samples: number): Tensor {
  const longest = sounds.reduce((most, { length }) => Math.max(most, Math.min(length, samples)), 1);
  const data = new Float32Array(sounds.length * longest);
  for (const [index, sound] of sounds.entries()) data.set(sound.subarray(0, longest), index * longest);
  return createTensor('float32', [sounds.length, longest], data);
}

/** The feature that silence has. */
function silenceLevel({ log, floor, power }: LogMelDescription): number {
  if (log === 'natural') return Math.log(floor);
  return Math.log10(floor) * (log === 'log10' ? 1 : 20 / power);
}

/** Shifts in time and pitch, and stripes of silence over some bands and some frames. Source: Park et al. 2019, SpecAugment. */
function audioAugmentation(change: AudioAugmentation, silence: number): Layer {
  const { maxTimeShift = 0, maxPitchShift = 0, maxMasked = 0 } = change;
  const shift = augmentation({ maxShift: maxTimeShift, maxShiftY: maxPitchShift, fill: silence });
  return layer('audioAugmentation', (picture, scope) => {
    const shifted = shift.apply(picture, scope);
    if (!scope.training || maxMasked === 0) return shifted;
    const [batch = 1, , bands = 1, frames = 1] = picture.shape.map(Number);
    const draws = scope.uniform([batch, 4]);
    const hidden = or(
      reshape(stripe(draws, { first: 0, size: bands, maxMasked }), [batch, 1, bands, 1]),
      reshape(stripe(draws, { first: 2, size: frames, maxMasked }), [batch, 1, 1, frames]),
    );
    return where(hidden, silence, shifted);
  });
}

/** True in one run of places per row, of drawn length at a drawn place. [batch, size] */
function stripe(
  draws: Value,
  { first, size, maxMasked }: { readonly first: number; readonly size: number; readonly maxMasked: number },
): Value {
  const width = mul(slice(draws, 1, first, first + 1), maxMasked * size);
  const start = mul(slice(draws, 1, first + 1, first + 2), sub(size, width));
  const places = Array.from({ length: size }, (_, at) => at + 0.5);
  const place = constantOf('float32', [1, size], places);
  return and(greater(place, start), less(place, add(start, width)));
}

/**
 * Convolutions and pooling, then the mean over time of every band left: where in the clip a sound lies says little, how high
 * it is says much.
 */
function audioCnn(head: Head): Layer {
  const block = (channels: number, kernel: number, strides = 1): readonly Layer[] => [
    conv2d(channels, kernel, { padding: 'same', strides, useBias: false, kernelInitializer: 'heNormal' }),
    batchNorm(),
    activation('relu'),
  ];
  return sequential([
    ...block(16, 5, 2),
    ...block(24, 3),
    maxPool2d(2),
    ...block(32, 3),
    maxPool2d(2),
    layer('meanOverTime', (x) => reduceMean(x, { axes: [3] })),
    flatten(),
    dropout(0.3),
    headLayer(head),
  ]);
}

const SETTINGS: Readonly<Record<AudioCandidate, MediaTrainingSettings>> = {
  linear: { epochs: 15, batchSize: 32, learningRate: 0.003, weightDecay: 0.1, patience: 5 },
  convolutional: { epochs: 30, batchSize: 32, learningRate: 0.005, weightDecay: 0.05, patience: 10 },
};
