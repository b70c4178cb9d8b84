// Normalisation kernels by their definitions.
import { numbersOf, product, type ReferenceArray } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute } from './attributes.ts';

export const NORMALIZATION_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['BatchNormalization', batchNormalization],
  ['LayerNormalization', layerNormalization],
  ['RMSNormalization', rmsNormalization],
]);

function batchNormalization({ node, inputs }: KernelContext): readonly ReferenceArray[] {
  const [x, scale, bias, mean, variance] = inputs.map(numbersOf);
  const epsilon = numberAttribute(node, 'epsilon');
  const { dtype, shape, data } = numbersOf(x);
  const [channels = 1, area] = [shape[1], product(shape.slice(2))];
  const at = (array: typeof x, channel: number): number => array?.data[channel] ?? Number.NaN;
  const result = data.map((value, index) => {
    const channel = Math.floor(index / area) % channels;
    const deviation = Math.sqrt(at(variance, channel) + epsilon);
    return ((value - at(mean, channel)) / deviation) * at(scale, channel) + at(bias, channel);
  });
  return [{ dtype, shape, data: result }];
}

function layerNormalization({ node, inputs }: KernelContext): readonly ReferenceArray[] {
  const [x, scale, bias] = inputs.map(numbersOf);
  const axis = numberAttribute(node, 'axis');
  const epsilon = numberAttribute(node, 'epsilon');
  const { dtype, shape, data } = numbersOf(x);
  const length = product(shape.slice(axis));
  const rows = product(shape.slice(0, axis));
  const result = new Float64Array(data.length);
  const means = new Float64Array(rows);
  const inverses = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * length, (row + 1) * length);
    const mean = values.reduce((sum, value) => sum + value, 0) / length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    means[row] = mean;
    inverses[row] = 1 / Math.sqrt(variance + epsilon);
    for (const [index, value] of values.entries()) {
      const normal = (value - mean) / Math.sqrt(variance + epsilon);
      result[row * length + index] = normal * (scale?.data[index] ?? Number.NaN) + (bias?.data[index] ?? 0);
    }
  }
  const statistics = shape.map((size, at) => (at < axis ? size : 1));
  return [
    { dtype, shape, data: result },
    { dtype, shape: statistics, data: means },
    { dtype, shape: statistics, data: inverses },
  ];
}

function rmsNormalization({ node, inputs }: KernelContext): readonly ReferenceArray[] {
  const [x, scale] = inputs.map(numbersOf);
  const epsilon = numberAttribute(node, 'epsilon');
  const { dtype, shape, data } = numbersOf(x);
  const length = product(shape.slice(numberAttribute(node, 'axis')));
  const result = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += length) {
    const values = data.subarray(start, start + length);
    const root = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / length + epsilon);
    for (const [index, value] of values.entries()) {
      result[start + index] = (value / root) * (scale?.data[index] ?? Number.NaN);
    }
  }
  return [{ dtype, shape, data: result }];
}
