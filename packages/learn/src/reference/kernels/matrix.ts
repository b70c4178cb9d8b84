// Matrix products by their definition.
import { fusedOperandPerm } from '../../graph/index.ts';
import {
  broadcastStrides,
  forEachOffset,
  type NumericArray,
  numbersOf,
  product,
  type ReferenceArray,
  stridesOf,
} from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { broadcast } from './arithmetic.ts';
import { numberAttribute } from './attributes.ts';

export const MATRIX_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['MatMul', ({ inputs: [a, b] }) => [multiply(numbersOf(a), numbersOf(b))]],
  ['Gemm', gemm],
  ['FusedMatMul', fusedMatMul],
]);

function multiply(a: NumericArray, b: NumericArray): NumericArray {
  const [rows, inner] = [a.shape.at(-2) ?? 1, a.shape.at(-1) ?? 1];
  const columns = b.shape.at(-1) ?? 1;
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const data = new Float64Array(product(batch) * rows * columns);
  const bases: number[] = [];
  forEachOffset(batch, broadcastStrides(a.shape.slice(0, -2), batch), (_, offset) => bases.push(offset * rows * inner));
  forEachOffset(batch, broadcastStrides(b.shape.slice(0, -2), batch), (index, offset) => {
    const left = bases[index] ?? 0;
    const right = offset * inner * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += (a.data[left + row * inner + k] ?? 0) * (b.data[right + k * columns + column] ?? 0);
        }
        data[(index * rows + row) * columns + column] = sum;
      }
    }
  });
  return { dtype: a.dtype, shape: [...batch, rows, columns], data };
}

function permute(x: NumericArray, perm: readonly number[]): NumericArray {
  const shape = perm.map((axis) => x.shape[axis] ?? 1);
  const strides = stridesOf(x.shape);
  const data = new Float64Array(x.data.length);
  forEachOffset(
    shape,
    perm.map((axis) => strides[axis] ?? 1),
    (index, offset) => {
      data[index] = x.data[offset] ?? Number.NaN;
    },
  );
  return { dtype: x.dtype, shape, data };
}

function gemm({ node, inputs: [a, b, c] }: KernelContext): readonly ReferenceArray[] {
  const left = numbersOf(a);
  const right = numbersOf(b);
  const result = multiply(
    numberAttribute(node, 'transA') === 1 ? permute(left, [1, 0]) : left,
    numberAttribute(node, 'transB') === 1 ? permute(right, [1, 0]) : right,
  );
  const alpha = numberAttribute(node, 'alpha');
  const beta = numberAttribute(node, 'beta');
  const data = result.data.map((value) => value * alpha);
  if (c !== undefined) {
    const addend = numbersOf(c);
    forEachOffset(result.shape, broadcastStrides(addend.shape, result.shape), (index, offset) => {
      data[index] = (data[index] ?? 0) + beta * (addend.data[offset] ?? 0);
    });
  }
  return [{ ...result, data }];
}

function fusedMatMul({ node, inputs: [a, b] }: KernelContext): readonly ReferenceArray[] {
  const operand = (x: NumericArray, batch: number, swap: number): NumericArray =>
    permute(x, fusedOperandPerm(x.shape.length, batch, swap));
  const { data, ...rest } = multiply(
    operand(numbersOf(a), numberAttribute(node, 'transBatchA'), numberAttribute(node, 'transA')),
    operand(numbersOf(b), numberAttribute(node, 'transBatchB'), numberAttribute(node, 'transB')),
  );
  const alpha = numberAttribute(node, 'alpha');
  return [{ ...rest, data: data.map((value) => value * alpha) }];
}
