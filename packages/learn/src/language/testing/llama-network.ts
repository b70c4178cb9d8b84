// Llamas small enough for tests: their logits by our ONNX export, and weights drawn so that logits differ.
import { createTensor, type Executor, type TensorOf } from '@amaas/core';
import { asNetwork, createScope, type LlamaOptions, llama } from '../../layers/index.ts';
import { input } from '../../graph/index.ts';
import { createRandom } from '../../statistics/index.ts';
import { TrainedModel } from '../../train/index.ts';
import type { LlamaModel } from '../llama-weights.ts';

export function trainedModelOf({ options, weights }: LlamaModel, time: number): TrainedModel {
  return new TrainedModel({
    network: asNetwork(llama(options)),
    inputs: new Map([['ids', { dtype: 'int32', shape: [time] }]]),
    weights,
  });
}

/** [position][token] by the ONNX export. */
export async function computeLogits(
  executor: Executor,
  model: LlamaModel,
  ids: readonly number[],
): Promise<readonly Float32Array[]> {
  const predictor = await trainedModelOf(model, ids.length).createPredictor(executor);
  try {
    const given = createTensor('int32', [1, ids.length], Int32Array.from(ids));
    const { data } = await predictor.predict(new Map([['ids', given]]));
    const size = model.options.vocabularySize;
    if (!(data instanceof Float32Array)) throw new Error('logits are not float32');
    return ids.map((_, position) => data.subarray(position * size, (position + 1) * size));
  } finally {
    await predictor.dispose();
  }
}

/** The likeliest tokens one after the other, behind `start`, `count` in all; ends at `endId`. */
export async function writeGreedily(
  executor: Executor,
  model: LlamaModel,
  { start, count, endId }: { readonly start: number; readonly count: number; readonly endId: number | null },
): Promise<readonly number[]> {
  const time = count + 1;
  const predictor = await trainedModelOf(model, time).createPredictor(executor);
  const size = model.options.vocabularySize;
  const ids = [start];
  try {
    while (ids.length <= count) {
      const given = new Int32Array(time);
      given.set(ids);
      const { data } = await predictor.predict(new Map([['ids', createTensor('int32', [1, time], given)]]));
      const row = Array.from({ length: size }, (_, token) => Number(data[(ids.length - 1) * size + token]));
      const best = row.indexOf(Math.max(...row));
      if (best === endId) break;
      ids.push(best);
    }
    return ids;
  } finally {
    await predictor.dispose();
  }
}

/** Weights of a deviation at which a model is sure of some tokens and not of others. */
export function drawLlama(options: LlamaOptions, seed: string): LlamaModel {
  const { scope, record } = createScope(false);
  asNetwork(llama(options)).build(new Map([['ids', input('ids', 'int32', [1, 2])]]), scope);
  const random = createRandom(seed);
  const weights = new Map<string, TensorOf<'float32'>>();
  for (const { name, shape } of record().parameters) {
    const elements = shape.reduce((product, size) => product * size, 1);
    const draws = random.fork(name);
    const isScale = shape.length === 1;
    const deviation = isScale ? 0.2 : name === 'tokens' ? 0.7 : 1.2 / Math.sqrt(shape[0] ?? 1);
    const data = Float32Array.from({ length: elements }, () => Number(isScale) + deviation * draws.normal());
    weights.set(name, createTensor('float32', shape, data));
  }
  return { options, weights };
}

export function greatestDifference(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  let greatest = 0;
  for (const [index, row] of a.entries()) {
    for (let k = 0; k < row.length; k++) {
      const difference = Math.abs((row[k] ?? 0) - (b[index]?.[k] ?? Number.NaN));
      if (!(difference <= greatest)) greatest = difference;
    }
  }
  return greatest;
}
