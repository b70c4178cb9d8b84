// A small training in which everything is on that a resumed one could get wrong: dropout, batch normalisation, momentum,
// shuffling, held-out rows, early stopping and falling rates.
import type { Clock, Executor, Tensor, TensorOf } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { activation, batchNorm, dense, dropout, type Layer, sequential } from '../../layers/index.ts';
import { cosineDecay, type Examples, type FitOptions, sgd, type Weights } from '../index.ts';
import { madeNumbers } from './made-numbers.ts';

/** Rows of `width` numbers and a smooth function of them. */
export function smallExamples(rows: number, width = 5, seed = 1): Examples {
  const numbers = madeNumbers(seed, rows * width, 2);
  const noise = madeNumbers(seed + 1, rows, 0.3);
  const target = Float32Array.from(noise, (value, row) => {
    const [a = 0, b = 0, c = 0] = numbers.subarray(row * width, (row + 1) * width);
    return value + Math.sin(a) + 0.5 * b * c;
  });
  return { inputs: new Map([['x', matrix([rows, width], numbers)]]), target: matrix([rows], target) };
}

export function matrix(shape: readonly number[], numbers: Iterable<number>): TensorOf<'float32'> {
  return { dtype: 'float32', shape, data: Float32Array.from(numbers) };
}

export function integers(shape: readonly number[], numbers: readonly number[]): Tensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(numbers, BigInt) };
}

export function smallNetwork(): Layer {
  return sequential([
    dense(8),
    batchNorm(),
    activation('relu'),
    dropout(0.3),
    dense(4, { activation: 'tanh' }),
    dense(1),
  ]);
}

/** 10 epochs of 11 steps. */
export const SMALL_ROWS = 110;

export function smallOptions(executor: Executor): FitOptions {
  return {
    executor,
    loss: 'meanSquaredError',
    metrics: ['mae'],
    optimizer: sgd({ learningRate: cosineDecay(0.2, 110, { warmupSteps: 5 }), momentum: 0.9, weightDecay: 0.01 }),
    epochs: 10,
    batchSize: 8,
    validation: 0.2,
    clipNorm: 1,
    seed: 'small',
    earlyStopping: { patience: 3 },
    reduceOnPlateau: { patience: 1, factor: 0.5 },
  };
}

let executors: Promise<Executor> | undefined;

/** ONNX Runtime with one thread; made once per test process. */
export function ortExecutor(): Promise<Executor> {
  executors ??= createOrtNodeExecutor({ threads: 1 });
  return executors;
}

/** Every weight's bytes, for comparing trainings to the last bit. */
export function weightBytes(weights: Weights): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...weights].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
    ]),
  );
}

/** A clock that moves on by `tickMs()` every time it is read. */
export function tickingClock(tickMs: () => number): Clock {
  let nowMs = 0;
  return {
    nowMs() {
      nowMs += tickMs();
      return nowMs;
    },
    wallTime: () => new Date(0),
    schedule() {
      throw new Error('no timers here');
    },
  };
}

/** Keeps the latest checkpoint, and all before it. */
export class MemoryStore {
  readonly saved: Uint8Array[] = [];

  async load(): Promise<Uint8Array | null> {
    return this.saved.at(-1) ?? null;
  }

  async save(bytes: Uint8Array): Promise<void> {
    this.saved.push(bytes.slice());
  }
}
