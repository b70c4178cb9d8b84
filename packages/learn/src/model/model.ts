// A network with everything it needs, used in the order Keras users know: compile, fit, evaluate, predict.
import { AmaasError, type Executor, type Tensor } from '@amaas/core';
import { asNetwork, createScope, type Layer, type Network } from '../layers/index.ts';
import { input } from '../graph/index.ts';
import {
  type EpochRecord,
  type Examples,
  evaluateExamples,
  type ExportOptions,
  type FitOptions,
  fit,
  type Loss,
  type LossName,
  lossFor,
  type Metric,
  type MetricName,
  metricFor,
  type Optimizer,
  type OptimizerName,
  readSafetensors,
  TrainedModel,
  type Weights,
  writeSafetensors,
} from '../train/index.ts';
import { type ArrayLikeTensor, toTensor } from './arrays.ts';

export interface CompileSettings {
  /** Where the model computes: onnxruntime-node, onnxruntime-web, or the reference. */
  readonly executor: Executor;
  readonly loss: Loss | LossName;
  /** Default `adam`. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** Default none. */
  readonly metrics?: readonly (Metric | MetricName)[];
}

export interface ModelFitOptions
  extends Omit<FitOptions, 'executor' | 'loss' | 'optimizer' | 'metrics' | 'validation' | 'initialWeights'> {
  /** Share of the rows to hold out, or rows [x, y] of one's own. */
  readonly validation?: number | readonly [ArrayLikeTensor, ArrayLikeTensor];
}

/** The name a model's only input has. */
export const INPUT_NAME = 'x';

/**
 * Ties a network to a loss, an optimiser and a place to compute.
 * @example
 * const model = compile(sequential([dense(8, { activation: 'relu' }), dense(1)]), { executor, loss: 'meanSquaredError' });
 * await model.fit(x, y, { epochs: 20 });
 * const predictions = await model.predict(x);
 */
export function compile(network: Layer | Network, settings: CompileSettings): Model {
  return new Model(asNetwork(network), settings);
}

export class Model {
  readonly #network: Network;
  readonly #settings: CompileSettings;
  #trained: TrainedModel | null = null;

  /** Use {@link compile}. */
  constructor(network: Network, settings: CompileSettings) {
    this.#network = network;
    this.#settings = settings;
    lossFor(settings.loss);
    settings.metrics?.forEach(metricFor);
  }

  /**
   * Trains; called again, it goes on from the weights reached.
   * @param x - rows, [rows, ...]
   * @param y - targets, [rows] or [rows, ...]
   * @returns the numbers of every epoch
   * @throws as `fit` of the train room
   */
  async fit(x: ArrayLikeTensor, y: ArrayLikeTensor, options: ModelFitOptions = {}): Promise<readonly EpochRecord[]> {
    const { validation, ...rest } = options;
    const { model, history } = await fit(this.#network, this.#examples(x, y), {
      ...rest,
      ...this.#settings,
      ...(validation === undefined
        ? {}
        : { validation: typeof validation === 'number' ? validation : this.#examples(...validation) }),
      ...(this.#trained === null ? {} : { initialWeights: this.#trained.weights }),
    });
    this.#trained = model;
    return history;
  }

  /** Mean loss and metrics of rows, by name. @throws INVALID_ARGUMENT before `fit` or `loadWeights` */
  async evaluate(x: ArrayLikeTensor, y: ArrayLikeTensor): Promise<Readonly<Record<string, number>>> {
    const { executor, loss, metrics = [] } = this.#settings;
    const measured = await evaluateExamples(this.trained, this.#examples(x, y), {
      executor,
      loss: lossFor(loss),
      metrics: metrics.map(metricFor),
    });
    return Object.fromEntries(measured);
  }

  /** The network's answers, float32 [rows, ...]. @throws INVALID_ARGUMENT before `fit` or `loadWeights` */
  async predict(x: ArrayLikeTensor): Promise<Tensor & { readonly dtype: 'float32' }> {
    const prediction = await this.trained.predict(this.#settings.executor, new Map([[INPUT_NAME, toTensor(x)]]));
    if (prediction.dtype !== 'float32')
      throw new AmaasError('INTERNAL', `predict: the network gave ${prediction.dtype}`);
    return prediction;
  }

  /** The model as ONNX bytes: input `x` [N, ...], output `output`. */
  toOnnx(options: ExportOptions = {}): Uint8Array {
    return this.trained.toOnnx(options);
  }

  /** Weights in the safetensors format. */
  saveWeights(): Uint8Array {
    return writeSafetensors({ tensors: this.trained.weights, metadata: new Map() });
  }

  /**
   * Takes weights that {@link saveWeights} gave.
   * @param rowShape - shape of one row of x
   * @throws INVALID_MODEL when the bytes are no safetensors; INVALID_CHECKPOINT at the next use when they do not fit
   */
  loadWeights(bytes: Uint8Array, rowShape: readonly number[]): void {
    const weights = new Map<string, Tensor & { readonly dtype: 'float32' }>();
    for (const [name, tensor] of readSafetensors(bytes).tensors) {
      if (tensor.dtype !== 'float32')
        throw new AmaasError('INVALID_MODEL', `loadWeights: ${name} is ${tensor.dtype}, not float32`);
      weights.set(name, tensor);
    }
    this.#trained = this.#withWeights(weights, rowShape);
  }

  /** The parameters' names and shapes, for rows of a shape. */
  summary(rowShape: readonly number[]): string {
    const { scope, record } = createScope(false);
    const output = this.#network.build(
      new Map([[INPUT_NAME, input(INPUT_NAME, 'float32', ['N', ...rowShape])]]),
      scope,
    );
    const parameters = record().parameters.map(({ name, shape }) => ({
      name,
      shape: `[${shape.join(', ')}]`,
      count: shape.reduce((product, size) => product * size, 1),
    }));
    const width = Math.max(9, ...parameters.map(({ name }) => name.length));
    const total = parameters.reduce((sum, { count }) => sum + count, 0);
    return [
      `${'parameter'.padEnd(width)}  count      shape`,
      ...parameters.map(({ name, shape, count }) => `${name.padEnd(width)}  ${String(count).padEnd(9)}  ${shape}`),
      `${'total'.padEnd(width)}  ${total}`,
      `output [${output.shape.join(', ')}]`,
    ].join('\n');
  }

  /** Network and weights together. @throws INVALID_ARGUMENT before `fit` or `loadWeights` */
  get trained(): TrainedModel {
    if (this.#trained === null) throw new AmaasError('INVALID_ARGUMENT', 'model: fit it or load weights first');
    return this.#trained;
  }

  #withWeights(weights: Weights, rowShape: readonly number[]): TrainedModel {
    return new TrainedModel({
      network: this.#network,
      inputs: new Map([[INPUT_NAME, { dtype: 'float32', shape: rowShape }]]),
      weights,
    });
  }

  #examples(x: ArrayLikeTensor, y: ArrayLikeTensor): Examples {
    const target = toTensor(y, lossFor(this.#settings.loss).targetDType === 'int64' ? 'int64' : 'float32');
    return { inputs: new Map([[INPUT_NAME, toTensor(x)]]), target };
  }
}
