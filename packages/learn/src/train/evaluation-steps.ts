// Measuring loss and metrics of held-out rows with the weights of the moment.
import { AmaasError, type CompiledModel, createTensor, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { countRows, type Examples, gatherRows, planBatches, rowNumbers, rowType, sliceBatches } from './examples.ts';
import type { Weights } from './packing.ts';
import { buildEvaluationGraph, ROW_WEIGHTS, type StepOptions, TARGET } from './step-graph.ts';
import type { TrainedModelParts } from './trained-model.ts';

export class EvaluationSteps {
  readonly #compiled: CompiledModel;
  readonly #weightNames: readonly string[];
  readonly #batchSize: number;

  private constructor(compiled: CompiledModel, weightNames: readonly string[], batchSize: number) {
    this.#compiled = compiled;
    this.#weightNames = weightNames;
    this.#batchSize = batchSize;
  }

  static async create(executor: Executor, options: StepOptions, threads: number | undefined): Promise<EvaluationSteps> {
    const { outputs, inputs, record } = buildEvaluationGraph(options);
    const model = compileToOnnx(simplify(outputs), { inputs });
    const compiled = await executor.compile(model, threads === undefined ? {} : { threads });
    const names = [...record.parameters, ...record.statistics].map(({ name }) => name);
    return new EvaluationSteps(
      compiled,
      names.filter((name) => compiled.inputNames.includes(name)),
      options.batchSize,
    );
  }

  /** Weighted means over all rows: `loss` and each metric, by name. @throws CANCELLED */
  async run(examples: Examples, weights: Weights, signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const plan = planBatches(rowNumbers(countRows(examples)), this.#batchSize);
    const feeds = new Map<string, Tensor>();
    for (const name of this.#weightNames) {
      const tensor = weights.get(name);
      if (tensor !== undefined) feeds.set(name, tensor);
    }
    const sums = new Map<string, number>();
    for (let step = 0; step < plan.steps; step++) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'evaluation: cancelled');
      const { rows, rowWeights } = sliceBatches(plan, { from: step, count: 1, weights: examples.weights });
      for (const [name, tensor] of examples.inputs) feeds.set(name, gatherRows(tensor, rows, [rows.length]));
      feeds.set(TARGET, gatherRows(examples.target, rows, [rows.length]));
      feeds.set(ROW_WEIGHTS, createTensor('float32', [rows.length], rowWeights));
      for (const [name, { data }] of await this.#compiled.run(feeds))
        sums.set(name, (sums.get(name) ?? 0) + Number(data[0]));
    }
    const weight = Math.max(sums.get('weight') ?? 0, Number.MIN_VALUE);
    sums.delete('weight');
    return new Map([...sums].map(([name, sum]) => [name.replace(/^metric\./, ''), sum / weight]));
  }

  async dispose(): Promise<void> {
    await this.#compiled.dispose();
  }
}

/** Mean loss and metrics of rows by a trained model. @throws INVALID_DATA when the rows do not fit the model */
export async function evaluateExamples(
  { network, inputs, weights }: TrainedModelParts,
  examples: Examples,
  { executor, loss, metrics, batchSize = 256 }: EvaluationSettings,
): Promise<ReadonlyMap<string, number>> {
  const options = {
    network,
    inputs,
    target: rowType(examples.target),
    batchSize: Math.min(batchSize, countRows(examples)),
    loss,
    metrics,
  };
  const evaluation = await EvaluationSteps.create(executor, options, undefined);
  try {
    return await evaluation.run(examples, weights);
  } finally {
    await evaluation.dispose();
  }
}

export interface EvaluationSettings extends Pick<StepOptions, 'loss' | 'metrics'> {
  readonly executor: Executor;
  /** Rows at once; default 256. */
  readonly batchSize?: number;
}
