// A network with its weights: predicting with it and exporting it as an ONNX model.
import {
  AmaasError,
  type CompiledModel,
  type Executor,
  formatShape,
  type NamedTensors,
  type Tensor,
} from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { constant, input, rewrite, type Value } from '../graph/index.ts';
import { createScope, type Network } from '../layers/index.ts';
import { gatherRows, joinRows, rowNumbers } from './examples.ts';
import { expectWeight, type Weights } from './packing.ts';
import type { FieldType } from './step-fields.ts';

/** The symbol of an exported model's first axis. */
export const BATCH_SYMBOL = 'N';

/** Rows predicted at once: large enough to fill the cores, small enough not to fill memory. */
const PREDICT_ROWS = 256;

export interface ExportOptions {
  /** Name of the output; default `output`. */
  readonly outputName?: string;
  readonly metadata?: ReadonlyMap<string, string>;
}

export interface TrainedModelParts {
  readonly network: Network;
  readonly inputs: ReadonlyMap<string, FieldType>;
  readonly weights: Weights;
}

export class TrainedModel {
  readonly network: Network;
  /** One row's type of each input. */
  readonly inputs: ReadonlyMap<string, FieldType>;
  /** Parameters and running statistics by name. */
  readonly weights: Weights;

  constructor({ network, inputs, weights }: TrainedModelParts) {
    this.network = network;
    this.inputs = inputs;
    this.weights = weights;
  }

  /**
   * The network in inference mode with its weights as constants.
   * @param given - values for its inputs, by name, [N, ...]
   * @throws INVALID_CHECKPOINT when weights are missing
   */
  apply(given: ReadonlyMap<string, Value>): Value {
    const { scope, record } = createScope(false);
    const prediction = this.network.build(given, scope);
    const replacements = new Map<Value, Value>();
    for (const { name, shape, value } of [...record().parameters, ...record().statistics]) {
      replacements.set(value, constant(expectWeight(this.weights, name, shape)));
    }
    return rewrite([prediction], replacements)[0] ?? prediction;
  }

  /** Inputs of an exported graph, their first axis of any size. */
  createInputs(): ReadonlyMap<string, Value> {
    return new Map(
      [...this.inputs].map(([name, { dtype, shape }]) => [name, input(name, dtype, [BATCH_SYMBOL, ...shape])]),
    );
  }

  /** The model as ONNX: inputs by their names, [N, ...], one output. */
  toOnnx({ outputName = 'output', metadata }: ExportOptions = {}): Uint8Array {
    const inputs = this.createInputs();
    const outputs = simplify(new Map([[outputName, this.apply(inputs)]]));
    return compileToOnnx(outputs, { inputs: [...inputs.values()], ...(metadata === undefined ? {} : { metadata }) });
  }

  /**
   * Predictions for rows.
   * @param rows - each input [rows, ...]
   * @returns [rows, ...] as the network gives them
   * @throws INPUT_MISMATCH when an input is missing or of another type
   */
  async predict(executor: Executor, rows: NamedTensors): Promise<Tensor> {
    const predictor = await this.createPredictor(executor);
    try {
      return await predictor.predict(rows);
    } finally {
      await predictor.dispose();
    }
  }

  /** Compiles once for many predictions. The caller disposes of it. */
  async createPredictor(executor: Executor): Promise<Predictor> {
    return new Predictor(await executor.compile(this.toOnnx()), this.inputs);
  }
}

export class Predictor {
  readonly #compiled: CompiledModel;
  readonly #inputs: ReadonlyMap<string, FieldType>;

  constructor(compiled: CompiledModel, inputs: ReadonlyMap<string, FieldType>) {
    this.#compiled = compiled;
    this.#inputs = inputs;
  }

  /** @throws as {@link TrainedModel.predict} */
  async predict(rows: NamedTensors): Promise<Tensor> {
    const count = this.#countRows(rows);
    const parts: Tensor[] = [];
    const numbers = rowNumbers(count);
    for (let start = 0; start === 0 || start < count; start += PREDICT_ROWS) {
      const chosen = numbers.subarray(start, start + PREDICT_ROWS);
      const feeds = new Map(
        [...this.#inputs.keys()].map((name) => [name, gatherRows(expectInput(rows, name), chosen, [chosen.length])]),
      );
      const output = (await this.#compiled.run(feeds)).get('output');
      if (output !== undefined) parts.push(output);
    }
    return joinRows(parts);
  }

  async dispose(): Promise<void> {
    await this.#compiled.dispose();
  }

  #countRows(rows: NamedTensors): number {
    let count: number | undefined;
    for (const [name, { dtype, shape }] of this.#inputs) {
      const tensor = expectInput(rows, name);
      if (tensor.dtype !== dtype || tensor.shape.slice(1).join() !== shape.join()) {
        throw new AmaasError(
          'INPUT_MISMATCH',
          `predict: input "${name}" expects ${dtype} ${formatShape([BATCH_SYMBOL, ...shape])}, got ${tensor.dtype} ${formatShape(tensor.shape)}`,
        );
      }
      const own = tensor.shape[0] ?? 0;
      if (count !== undefined && count !== own) {
        throw new AmaasError('INPUT_MISMATCH', `predict: input "${name}" has ${own} rows, the ones before ${count}`);
      }
      count = own;
    }
    return count ?? 0;
  }
}

function expectInput(rows: NamedTensors, name: string): Tensor {
  const tensor = rows.get(name);
  if (tensor === undefined) throw new AmaasError('INPUT_MISMATCH', `predict: input "${name}" is missing`);
  return tensor;
}
