// One small training, for any place that can run modules: a page, a worker, Node. It uses what could differ between them:
// convolution, dropout, batch normalisation, momentum, shuffling, validation.
import { createTensor, type Executor } from '@amaas/core';
import {
  activation,
  adamW,
  batchNorm,
  compile,
  conv2d,
  createRandom,
  dense,
  dropout,
  flatten,
  maxPool2d,
  sequential,
} from '@amaas/learn';

export interface SmallTraining {
  readonly executor: string;
  /** Loss of every epoch, training and validation. */
  readonly losses: readonly (readonly [number, number])[];
  /** Of the first rows. */
  readonly predictions: readonly number[];
}

const ROWS = 192;

/** Trains on pictures made up by the seed: which half of a picture is brighter. */
export async function trainSmall(executor: Executor): Promise<SmallTraining> {
  const random = createRandom('small training');
  const labels = Float32Array.from({ length: ROWS }, () => random.integer(2));
  const pixels = Float32Array.from({ length: ROWS * 64 }, (_, index) => {
    const isLeft = index % 8 < 4;
    return random.normal() + (isLeft === (labels[Math.floor(index / 64)] === 1) ? 0.5 : -0.5);
  });
  const x = createTensor('float32', [ROWS, 1, 8, 8], pixels);
  const model = compile(
    sequential([
      conv2d(4, 3, { padding: 'same', useBias: false }), // a bias would have no gradient before the norm, only noise
      batchNorm(),
      activation('relu'),
      maxPool2d(2),
      flatten(),
      dropout(0.2),
      dense(1, { activation: 'sigmoid' }),
    ]),
    { executor, optimizer: adamW({ learningRate: 0.01 }), loss: 'binaryCrossentropy' },
  );
  const history = await model.fit(x, createTensor('float32', [ROWS], labels), {
    epochs: 4,
    batchSize: 24,
    validation: 0.25,
    seed: 5,
  });
  const { data } = await model.predict(x);
  return {
    executor: executor.name,
    losses: history.map(({ values }) => [values['loss'] ?? Number.NaN, values['validation loss'] ?? Number.NaN]),
    predictions: Array.from(data.slice(0, 16)),
  };
}
