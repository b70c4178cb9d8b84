// MNIST's idx files as tensors: pixels from 0 to 1, [rows, 1, 28, 28].
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTensor, type Tensor } from '@amaas/core';
import { readIdx } from '@amaas/learn/data';

export interface Digits {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** @param part - `train` or `t10k`, as the files' names begin */
export async function readDigits(folder: string, part: string, rows: number): Promise<Digits> {
  const names = await readdir(folder);
  const read = async (kind: string): Promise<Tensor> => {
    const name = names.find((each) => each.includes(part) && each.includes(kind));
    if (name === undefined) throw new Error(`there is no file of ${part} ${kind} in ${folder}`);
    return await readIdx(await readFile(join(folder, name)), { name });
  };
  const [images, labels] = [await read('images'), await read('labels')];
  const count = Math.min(rows, images.shape[0] ?? 0);
  const pixels = Float32Array.from({ length: count * 784 }, (_, index) => Number(images.data[index]) / 255);
  return {
    images: createTensor('float32', [count, 1, 28, 28], pixels),
    labels: createTensor(
      'int64',
      [count],
      BigInt64Array.from({ length: count }, (_, row) => BigInt(Number(labels.data[row]))),
    ),
  };
}
