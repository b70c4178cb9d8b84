// The first test images of MNIST, from the shared data folder. Source: the IDX format of yann.lecun.com/exdb/mnist.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sharedDataPath } from '../../../../../tools/test-data.ts';

export const MNIST_FILES = [
  'onnx/mnist.onnx',
  'images/mnist/t10k-images-idx3-ubyte.gz',
  'images/mnist/t10k-labels-idx1-ubyte.gz',
] as const;

export interface LabelledImage {
  /** 28 × 28 pixels, 0–255. */
  readonly pixels: Float32Array<ArrayBuffer>;
  readonly label: number;
}

export function readMnistTestImages(count: number): readonly LabelledImage[] {
  const images = gunzipSync(readFileSync(sharedDataPath(MNIST_FILES[1])));
  const labels = gunzipSync(readFileSync(sharedDataPath(MNIST_FILES[2])));
  return Array.from({ length: count }, (_, index) => ({
    pixels: Float32Array.from(images.subarray(16 + index * 784, 16 + (index + 1) * 784)),
    label: labels[8 + index] ?? -1,
  }));
}
