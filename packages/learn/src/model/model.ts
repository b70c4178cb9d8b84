// A network with everything it needs, used in the order Keras users know: compile, fit, evaluate, predict.
import { AmaasError, type Executor, type Tensor } from '@amaas/core';
import { input } from '../graph/index.ts';
import { asNetwork, createScope, type Layer, type Network } from '../layers/index.ts';
import {
  assertIds,
  assertOptionNames,
  type EpochRecord,
  type Examples,
  evaluateExamples,
  type ExportOptions,
  FIT_OPTION_NAMES,
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
  writeSafetensors,
} from '../train/index.ts';
import type { ArrayLikeTensor } from './arrays.ts';
import type { InputDeclaration } from './input-types.ts';
import { type ByName, byName, type ModelInputs, type RowShapes } from './named-inputs.ts';
import { NetworkInputs } from './network-inputs.ts';
import { toTarget } from './target.ts';

export interface CompileSettings {
  /** Where the model computes: onnxruntime-node, onnxruntime-web, or the reference. */
  readonly executor: Executor;
  readonly loss: Loss | LossName;
  /** Default `adam`. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** Default none. */
  readonly metrics?: readonly (Metric | MetricName)[];
  /**
   * Types of inputs by their names, `{ ids: { dtype: 'int32', shape: [20] } }`; default: dtypes as the network turns out to
   * take (arrays become int32 where float32 cannot be), shapes as the data has them.
   */
  readonly inputs?: ByName<InputDeclaration>;
}

const SETTINGS: Readonly<Record<keyof CompileSettings, true>> = {
  executor: true,
  loss: true,
  optimizer: true,
  metrics: true,
  inputs: true,
};

/** Options of `fit` of the train room that the model itself gives. */
type OwnOption = 'executor' | 'loss' | 'optimizer' | 'metrics' | 'validation' | 'initialWeights';

export interface ModelFitOptions extends Omit<FitOptions, OwnOption> {
  /** Share of the rows to hold out, or rows [x, y] of one's own. */
  readonly validation?: number | readonly [ModelInputs, ArrayLikeTensor];
}

const OWN_OPTIONS: readonly string[] = ['executor', 'loss', 'optimizer', 'metrics', 'initialWeights'];

/**
 * Ties a network to a loss, an optimiser and a place to compute.
 * @throws INVALID_ARGUMENT for settings it has not, and inputs that the network has not
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
  readonly #settings: Omit<CompileSettings, 'inputs'>;
  readonly #inputs: NetworkInputs;
  #trained: TrainedModel | null = null;
  #isFitting = false;

  /** Use {@link compile}. */
  constructor(network: Network, settings: CompileSettings) {
    assertOptionNames('compile', settings, Object.keys(SETTINGS));
    const { inputs = {}, ...others } = settings;
    this.#network = network;
    this.#settings = others;
    this.#inputs = new NetworkInputs(network, byName(inputs));
    if (typeof settings.executor?.compile !== 'function') {
      throw new AmaasError('INVALID_ARGUMENT', 'compile: expected an executor, such as await createOrtNodeExecutor()');
    }
    lossFor(settings.loss);
    settings.metrics?.forEach(metricFor);
  }

  /**
   * Trains; called again, it goes on from the weights reached. Prints nothing: `onEpoch` and `onProgress` are told what
   * there is to show.
   * @param x - rows, [rows, ...]; of several inputs by name: `{ ids, age }`
   * @param y - targets, [rows] or [rows, ...]; class numbers are whole numbers from 0
   * @returns the numbers of every epoch
   * @throws as `fit` of the train room; INVALID_ARGUMENT while another `fit` of this model runs
   * @example
   * await model.fit(x, y, { epochs: 20, onEpoch: ({ epoch, values }) => console.log(epoch, values.loss) });
   */
  async fit(x: ModelInputs, y: ArrayLikeTensor, options: ModelFitOptions = {}): Promise<readonly EpochRecord[]> {
    assertOptionNames(
      'fit',
      options,
      FIT_OPTION_NAMES.filter((name) => !OWN_OPTIONS.includes(name)),
    );
    this.#assertIdle('fit');
    this.#isFitting = true;
    try {
      const { validation, ...rest } = options;
      const loss = lossFor(this.#settings.loss);
      const { tensors, types, prediction } = this.#inputs.take('fit', x, {
        known: this.#trained?.inputs,
        batchSize: rest.batchSize,
      });
      const target = toTarget('fit', y, { loss, prediction });
      const examplesOf = ([heldX, heldY]: readonly [ModelInputs, ArrayLikeTensor]): Examples => ({
        inputs: this.#inputs.take('fit: validation', heldX, { known: types, batchSize: rest.batchSize }).tensors,
        target: toTarget('fit: validation', heldY, { loss, prediction }),
      });
      const { model, history } = await fit(
        this.#network,
        { inputs: tensors, target },
        {
          ...rest,
          ...this.#settings,
          ...(validation === undefined
            ? {}
            : { validation: typeof validation === 'number' ? validation : examplesOf(validation) }),
          ...(this.#trained === null ? {} : { initialWeights: this.#trained.weights }),
        },
      );
      this.#trained = model;
      return history;
    } finally {
      this.#isFitting = false;
    }
  }

  /** Mean loss and metrics of rows, by name. @throws INVALID_ARGUMENT before `fit` or `loadWeights` */
  async evaluate(x: ModelInputs, y: ArrayLikeTensor): Promise<Readonly<Record<string, number>>> {
    const { executor, loss, metrics = [] } = this.#settings;
    const { trained } = this;
    const { tensors, prediction, ids } = this.#inputs.take('evaluate', x, { known: trained.inputs });
    assertIds('evaluate', tensors, ids);
    const target = toTarget('evaluate', y, { loss: lossFor(loss), prediction });
    const measured = await evaluateExamples(
      trained,
      { inputs: tensors, target },
      { executor, loss: lossFor(loss), metrics: metrics.map(metricFor) },
    );
    return Object.fromEntries(measured);
  }

  /**
   * The network's answers, float32 [rows, ...].
   * @param x - as `fit` was given it
   * @throws INVALID_ARGUMENT before `fit` or `loadWeights`; INVALID_DATA for ids that an embedding has no row for
   */
  async predict(x: ModelInputs): Promise<Tensor & { readonly dtype: 'float32' }> {
    const { trained } = this;
    const { tensors, ids } = this.#inputs.take('predict', x, { known: trained.inputs });
    assertIds('predict', tensors, ids);
    const prediction = await trained.predict(this.#settings.executor, tensors);
    if (prediction.dtype !== 'float32')
      throw new AmaasError('INTERNAL', `predict: the network gave ${prediction.dtype}`);
    return prediction;
  }

  /** The model as ONNX bytes: inputs by their names (an unnamed one is `x`) [N, ...], output `output`. */
  toOnnx(options: ExportOptions = {}): Uint8Array {
    return this.trained.toOnnx(options);
  }

  /** Weights in the safetensors format. */
  saveWeights(): Uint8Array {
    return writeSafetensors({ tensors: this.trained.weights, metadata: new Map() });
  }

  /**
   * Takes weights that {@link saveWeights} gave.
   * @param rowShapes - shape of one row of x, or of the inputs by name; default: as `compile` was told, or as before
   * @throws INVALID_MODEL when the bytes are no safetensors; INVALID_GRAPH when the network does not take such rows;
   * INVALID_CHECKPOINT at the next use when the weights do not fit
   */
  loadWeights(bytes: Uint8Array, rowShapes?: RowShapes): void {
    this.#assertIdle('loadWeights');
    const weights = new Map<string, Tensor & { readonly dtype: 'float32' }>();
    for (const [name, tensor] of readSafetensors(bytes).tensors) {
      if (tensor.dtype !== 'float32')
        throw new AmaasError('INVALID_MODEL', `loadWeights: ${name} is ${tensor.dtype}, not float32`);
      weights.set(name, tensor);
    }
    const { types } = this.#inputs.typesOf('loadWeights', rowShapes, this.#trained?.inputs);
    this.#trained = new TrainedModel({ network: this.#network, inputs: types, weights });
  }

  /** The parameters' names and shapes. @param rowShapes - as {@link loadWeights} takes it */
  summary(rowShapes?: RowShapes): string {
    const { types, prediction } = this.#inputs.typesOf('summary', rowShapes, this.#trained?.inputs);
    const { scope, record } = createScope(false);
    this.#network.build(
      new Map([...types].map(([name, { dtype, shape }]) => [name, input(name, dtype, ['N', ...shape])])),
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
      `output [${prediction?.join(', ')}]`,
    ].join('\n');
  }

  /** Network and weights together. @throws INVALID_ARGUMENT before `fit` or `loadWeights` */
  get trained(): TrainedModel {
    if (this.#trained === null) throw new AmaasError('INVALID_ARGUMENT', 'model: fit it or load weights first');
    return this.#trained;
  }

  #assertIdle(what: string): void {
    if (!this.#isFitting) return;
    throw new AmaasError('INVALID_ARGUMENT', `${what}: this model is being fitted; await that fit first`);
  }
}
