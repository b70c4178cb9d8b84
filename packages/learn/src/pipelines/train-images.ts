// From labelled pictures to a model that takes pixels: scaling and network in one graph. Decoding stays outside; the
// manifest declares how a picture file becomes the pixels of the input.
import { AmaasError, type ImagePreprocess, type Tensor } from '@amaas/core';
import { type Pixels, tensorFromPixels } from '../data/index.ts';
import { cast } from '../graph/index.ts';
import {
  conv2d,
  dense,
  dropout,
  flatten,
  type Head,
  headLayer,
  type Layer,
  layer,
  maxPool2d,
  mlp,
  resNet,
  sequential,
} from '../layers/index.ts';
import { fitImageScaling, scaleImages } from '../preprocess/index.ts';
import { augmentation, type ImageAugmentation } from './augmentation.ts';
import { keyOfBytes } from './media-data.ts';
import {
  type MediaCandidate,
  type MediaPlan,
  type MediaTrainingSettings,
  networkOf,
  settingsFor,
  type TrainedMedia,
  trainMedia,
  type TrainMediaOptions,
} from './media-training.ts';
import { headOf } from './table-target.ts';

/** Networks for pictures; `linear` is the baseline, `residual` suits pictures larger than about 32 × 32. */
export type ImageCandidate = 'linear' | 'perceptron' | 'convolutional' | 'residual';

export interface TrainImagesOptions extends TrainMediaOptions<Pixels> {
  /** How the pictures were prepared, for the manifest; size and colours are taken from the pixels. Default: stretched. */
  readonly preparation?: Pick<ImagePreprocess, 'fit' | 'fill' | 'background'>;
  /** Default linear and, by size, convolutional or residual. */
  readonly candidates?: readonly ImageCandidate[];
  /** A network of one's own besides: from pixels scaled to mean 0, [batch, channels, height, width], to the head's shape. */
  readonly network?: (head: Head) => Layer;
  /** How training pictures change; null: not at all. Default shifts of a tenth and turns of 10°; no mirroring, which changes letters. */
  readonly augmentation?: ImageAugmentation | null;
  /** Overrules the settings of every candidate. */
  readonly training?: Partial<MediaTrainingSettings>;
}

/** The served model's input: uint8 [N, channels, height, width], 0–255. */
export const IMAGE_INPUT = 'image';

const DEFAULT_AUGMENTATION: ImageAugmentation = { maxShift: 0.1, maxTurnDegrees: 10 };

/**
 * Larger pictures show things at any place: a residual network, which ends in a mean over places, learned 390 coloured shapes of
 * 64 × 48 in 20 epochs, where the convolutional one took as long for 60 and told a quarter of the others wrong.
 */
const SMALL_SIDE = 32;

/**
 * Trains a classifier of pictures of one size.
 *
 * The exported model takes `image` uint8 [N, channels, height, width] and gives `label` string [N] and `probabilities` float32
 * [N, classes]; the manifest declares how picture files become such pixels.
 * @throws INVALID_DATA with what to do about it, when the pictures cannot be learned from; CANCELLED; TRAINING_DIVERGED
 */
export async function trainImages(options: TrainImagesOptions): Promise<TrainedMedia> {
  return trainMedia(options, {
    plan: (train, target) => planImages(train.values, headOf(target), options),
    keyOf: ({ data }) => keyOfBytes(data),
  });
}

function planImages(pictures: readonly Pixels[], head: Head, options: TrainImagesOptions): MediaPlan<Pixels> {
  const [first] = pictures;
  if (first === undefined) throw new AmaasError('INVALID_DATA', 'images: there are no pictures to learn from');
  const { width, height, channels } = first;
  const colours = channels === 1 ? 'gray' : 'rgb';
  const toTensor = (values: readonly Pixels[]): Tensor =>
    tensorFromPixels(values, { channels: colours, layout: 'nchw' }, 'uint8');
  const prepared = { width, height, fit: 'stretch', ...options.preparation, channels: colours } as const;
  const scaling = fitImageScaling(toTensor(pictures));
  const change = options.augmentation === undefined ? DEFAULT_AUGMENTATION : options.augmentation;
  const scale = layer('scale', (pixels) => scaleImages(pixels, scaling));
  const vary = layer('vary', (pixels, scope) =>
    change === null ? pixels : augmentation(change).apply(cast(pixels, 'float32'), scope),
  );
  const names =
    options.candidates ??
    (options.network !== undefined
      ? (['linear'] as const)
      : (['linear', Math.max(width, height) <= SMALL_SIDE ? 'convolutional' : 'residual'] as const));
  const own = options.network?.(head);
  const networks: readonly (readonly [name: string, layers: Layer, settings: MediaTrainingSettings])[] = [
    ...names.map((name) => [name, imageNetwork(name, head), SETTINGS[name]] as const),
    ...(own === undefined ? [] : [['network', own, SETTINGS.convolutional] as const]),
  ];
  return {
    input: { name: IMAGE_INPUT, dtype: 'uint8', shape: [channels, height, width], tensor: toTensor, features: null },
    candidates: networks.map(
      ([name, layers, settings]): MediaCandidate => ({
        name,
        inputs: [IMAGE_INPUT],
        // A linear model has no place for shifted pictures: they would make the baseline worse than it is.
        network: networkOf(IMAGE_INPUT, sequential([...(name === 'linear' ? [] : [vary]), scale, layers])),
        settings: settingsFor(settings, pictures.length, options.training),
      }),
    ),
    facts: [
      { label: 'Pixels', value: `${width} × ${height}, ${channels === 1 ? 'grey' : 'in colour'}` },
      { label: 'Other shapes', value: prepared.fit === 'letterbox' ? 'letterboxed' : 'stretched' },
    ],
    manifest: {
      task: 'image-classification',
      signatures: { serving_default: { method: 'predict' } },
      preprocess: {
        [IMAGE_INPUT]: { kind: 'image', ...prepared, layout: 'nchw' },
      },
    },
    preparation: { kind: 'image', ...prepared },
  };
}

function imageNetwork(name: ImageCandidate, head: Head): Layer {
  switch (name) {
    case 'linear':
      return sequential([flatten(), headLayer(head)]);
    case 'perceptron':
      return sequential([flatten(), mlp({ hidden: [512, 256], head, dropout: 0.2 })]);
    case 'convolutional':
      return smallCnn(head);
    case 'residual':
      return resNet({ head });
    default:
      return name satisfies never;
  }
}

/** LeCun's layout, small enough to be trained on two cores and served in a fraction of a millisecond. */
function smallCnn(head: Head): Layer {
  const convolution = { padding: 'same', activation: 'relu', kernelInitializer: 'heNormal' } as const;
  return sequential([
    conv2d(16, 5, convolution),
    maxPool2d(2),
    conv2d(32, 5, convolution),
    maxPool2d(2),
    flatten(),
    dropout(0.25),
    dense(64, { activation: 'relu', kernelInitializer: 'heNormal' }),
    dropout(0.25),
    headLayer(head),
  ]);
}

const SETTINGS: Readonly<Record<ImageCandidate, MediaTrainingSettings>> = {
  linear: { epochs: 5, batchSize: 64, learningRate: 0.001, weightDecay: 0.01, patience: 2 },
  perceptron: { epochs: 20, batchSize: 128, learningRate: 0.001, weightDecay: 0.05, patience: 5 },
  convolutional: { epochs: 15, batchSize: 64, learningRate: 0.002, weightDecay: 0.05, patience: 5 },
  residual: { epochs: 30, batchSize: 64, learningRate: 0.003, weightDecay: 0.05, patience: 8 },
};
