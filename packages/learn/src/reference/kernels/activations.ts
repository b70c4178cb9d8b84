// Activation kernels.
import { broadcastStrides, forEachOffset, numbersOf } from '../array.ts';
import type { Kernel } from '../kernel.ts';
import { numberAttribute } from './attributes.ts';

/** A function of x and the node's number attributes. */
function elementwise(f: (x: number, attribute: (name: string) => number) => number): Kernel {
  return ({ node, inputs: [input] }) => {
    const { dtype, shape, data } = numbersOf(input);
    return [{ dtype, shape, data: data.map((x) => f(x, (name) => numberAttribute(node, name))) }];
  };
}

export const ACTIVATION_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['HardSigmoid', elementwise((x, attribute) => Math.max(0, Math.min(1, attribute('alpha') * x + attribute('beta'))))],
  ['LeakyRelu', elementwise((x, attribute) => (x < 0 ? attribute('alpha') * x : x))],
  ['Elu', elementwise((x, attribute) => (x < 0 ? attribute('alpha') * Math.expm1(x) : x))],
  ['Selu', elementwise((x, attribute) => attribute('gamma') * (x <= 0 ? attribute('alpha') * Math.expm1(x) : x))],
  ['Softsign', elementwise((x) => x / (1 + Math.abs(x)))],
  [
    'PRelu',
    ({ inputs: [input, slope] }) => {
      const x = numbersOf(input);
      const slopes = numbersOf(slope);
      const data = Float64Array.from(x.data);
      forEachOffset(x.shape, broadcastStrides(slopes.shape, x.shape), (index, offset) => {
        const value = x.data[index] ?? Number.NaN;
        if (value < 0) data[index] = value * (slopes.data[offset] ?? Number.NaN);
      });
      return [{ ...x, data }];
    },
  ],
]);
