// Measuring loss and metrics of held-out rows with the weights of the moment.
import { AmaasError, type CompiledModel, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import type { Shape } from '../graph/index.ts';
import type { StepOptions } from './batch-graph.ts';
import { stepFields } from './batches.ts';
import { assertExamples, assertRowTypes } from './check-examples.ts';
import { means } from './epoch-sums.ts';
import { countRows, type Examples, planBatches, rowNumbers, rowType, sliceBatches } from './examples.ts';
import type { Weights } from './packing.ts';
import { buildEvaluationGraph } from './step-graph.ts';
import type { TrainedModelParts } from './trained-model.ts';

export class EvaluationSteps {
  /** Shape of what the network gives for a batch. */
  readonly prediction: Shape;
  readonly #compiled: CompiledModel;
  readonly #weightNames: readonly string[];
  readonly #batchSize: number;

  private constructor(
    compiled: CompiledModel,
    parts: Pick<EvaluationSteps, 'prediction'> & { weightNames: readonly string[]; batchSize: number },
  ) {
    this.#compiled = compiled;
    this.#weightNames = parts.weightNames;
    this.#batchSize = parts.batchSize;
    this.prediction = parts.prediction;
  }

  static async create(executor: Executor, options: StepOptions, threads: number | undefined): Promise<EvaluationSteps> {
    const { outputs, inputs, record, prediction } = buildEvaluationGraph(options);
    const model = compileToOnnx(simplify(outputs), { inputs });
    const compiled = await executor.compile(model, threads === undefined ? {} : { threads });
    const names = [...record.parameters, ...record.statistics].map(({ name }) => name);
    const weightNames = names.filter((name) => compiled.inputNames.includes(name));
    return new EvaluationSteps(compiled, { prediction, weightNames, batchSize: options.batchSize });
  }

  /** Weighted means over all rows: `loss` and each metric, by name. @throws CANCELLED */
  async run(examples: Examples, weights: Weights, signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const plan = planBatches(rowNumbers(countRows(examples)), this.#batchSize);
    const fixed = new Map<string, Tensor>();
    for (const name of this.#weightNames) {
      const tensor = weights.get(name);
      if (tensor !== undefined) fixed.set(name, tensor);
    }
    const sums = new Map<string, number>();
    for (let step = 0; step < plan.steps; step++) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'evaluation: cancelled');
      const { rows, rowWeights } = sliceBatches(plan, { from: step, count: 1, weights: examples.weights });
      const fields = stepFields(examples, rows, { rowWeights, leading: [rows.length] });
      for (const [name, { data }] of await this.#compiled.run(new Map([...fixed, ...fields])))
        sums.set(name, (sums.get(name) ?? 0) + Number(data[0]));
    }
    const named = [...sums].map(([name, sum]) => [name.replace(/^metric\./, ''), sum] as const);
    return new Map(Object.entries(means(Object.fromEntries(named))));
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
  assertExamples('evaluate', examples);
  assertRowTypes('evaluate', examples, { inputs, target: rowType(examples.target) });
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
    loss.assertTargets?.(examples.target, evaluation.prediction);
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
