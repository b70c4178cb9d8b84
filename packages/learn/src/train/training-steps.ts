// A compiled training graph and the state it carries from run to run.
import {
  AmaasError,
  type CompiledModel,
  type CompileOptions,
  createTensor,
  type Executor,
  type NamedTensors,
  type Tensor,
} from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import type { Random } from '../statistics/index.ts';
import { expectWeight, packWeights, unpackWeights, type Weights } from './packing.ts';
import { LEARNING_RATE } from './step-fields.ts';
import type { StepGraph } from './step-graph.ts';

/** What some steps did, one element per step. */
export interface StepResults {
  /** Σ weight · loss of each step's rows, without penalties. */
  readonly losses: Float32Array;
  /** Σ weight: what losses are divided by. */
  readonly weights: Float32Array;
  /** Σ weight without the classes' weights: what metrics are divided by. */
  readonly rows: Float32Array;
  readonly penalties: Float32Array;
  readonly gradientNorms: Float32Array;
  /** Σ weight · metric, by the metric's name. */
  readonly metrics: ReadonlyMap<string, Float32Array>;
}

/** The model that does the steps, ready for any runtime. */
export function trainingModel(graph: StepGraph): Uint8Array {
  return compileToOnnx(simplify(graph.outputs), { inputs: graph.inputs });
}

/** Feeds of several steps; tensors are [steps, ...]. */
export interface StepFeeds {
  readonly fields: NamedTensors;
  readonly learningRates: Float32Array;
  /** Where this training's random numbers come from; forked by step. */
  readonly random: Random;
  /** Number of the first step among all of the training. */
  readonly firstStep: number;
}

export interface TrainingStepsOptions extends CompileOptions {
  readonly executor: Executor;
  readonly weights: Weights;
  /** What {@link trainingModel} gave, where it is at hand. */
  readonly model?: Uint8Array;
}

export class TrainingSteps {
  readonly #graph: StepGraph;
  readonly #compiled: CompiledModel;
  readonly #metrics: readonly string[];
  #states: Map<string, Tensor>;

  private constructor(graph: StepGraph, compiled: CompiledModel, states: Map<string, Tensor>) {
    this.#graph = graph;
    this.#compiled = compiled;
    this.#states = states;
    this.#metrics = [...graph.outputs.keys()].filter((name) => name.startsWith('metric.'));
  }

  /**
   * Compiles the graph and sets the state to the weights, everything else to its start.
   * @throws INVALID_CHECKPOINT when weights are missing or have other shapes; INVALID_MODEL when the runtime refuses
   */
  static async create(
    graph: StepGraph,
    { executor, weights, model = trainingModel(graph), ...options }: TrainingStepsOptions,
  ): Promise<TrainingSteps> {
    const compiled = await executor.compile(model, options);
    try {
      return new TrainingSteps(graph, compiled, initialStates(graph, weights));
    } catch (error) {
      await compiled.dispose();
      throw error;
    }
  }

  /** Runs as many steps as there are learning rates. @throws as {@link CompiledModel.run} */
  async run({ fields, learningRates, random, firstStep }: StepFeeds): Promise<StepResults> {
    const steps = learningRates.length;
    const feeds = new Map<string, Tensor>([...this.#states, ...fields]);
    feeds.set(LEARNING_RATE, createTensor('float32', [steps], learningRates));
    for (const { name, shape } of this.#graph.randomInputs) {
      feeds.set(name, uniforms(random, { name, shape, steps, firstStep }));
    }
    const results = await this.#compiled.run(feeds);
    this.#states = new Map(this.#graph.states.map(({ name }) => [name, expectResult(results, `next.${name}`)]));
    return {
      losses: numbers(results, 'loss'),
      weights: numbers(results, 'weight'),
      rows: numbers(results, 'rows'),
      penalties: numbers(results, 'penalty'),
      gradientNorms: numbers(results, 'gradient norm'),
      metrics: new Map(this.#metrics.map((name) => [name.slice('metric.'.length), numbers(results, name)])),
    };
  }

  /** Everything a later run depends on, by name; owned by this object until the next run. */
  get states(): NamedTensors {
    return this.#states;
  }

  /** @throws INVALID_CHECKPOINT when a state is missing or has another shape */
  restore(states: NamedTensors): void {
    this.#states = new Map(
      this.#graph.states.map(({ name, shape }) => {
        const tensor = states.get(name);
        if (tensor === undefined || tensor.dtype !== 'float32' || tensor.shape.join() !== shape.join()) {
          throw new AmaasError(
            'INVALID_CHECKPOINT',
            `checkpoint: ${name} should be [${shape}], ${tensor === undefined ? 'is missing' : `is [${tensor.shape}]`}`,
          );
        }
        return [name, tensor];
      }),
    );
  }

  /** Trained parameters and running statistics, copied. */
  weights(): Weights {
    const { groups, record } = this.#graph;
    return new Map([
      ...groups.flatMap((group) => [...unpackWeights(group, expectResult(this.#states, group.name))]),
      ...record.statistics.map(({ name, shape }) => {
        const tensor = expectResult(this.#states, name);
        if (tensor.dtype !== 'float32') throw new AmaasError('INTERNAL', `train: ${name} is ${tensor.dtype}`);
        return [name, createTensor('float32', shape, tensor.data.slice())] as const;
      }),
    ]);
  }

  async dispose(): Promise<void> {
    await this.#compiled.dispose();
  }
}

function initialStates(graph: StepGraph, weights: Weights): Map<string, Tensor> {
  const groups = new Map(graph.groups.map((group) => [group.name, group]));
  return new Map(
    graph.states.map(({ name, shape, initial }) => {
      const group = groups.get(name);
      if (group !== undefined) return [name, packWeights(group, weights)];
      if (weights.has(name)) return [name, expectWeight(weights, name, shape)];
      const size = shape.reduce((product, each) => product * each, 1);
      return [
        name,
        createTensor('float32', shape, new Float32Array(size).fill(typeof initial === 'number' ? initial : 0)),
      ];
    }),
  );
}

function uniforms(
  random: Random,
  { name, shape, steps, firstStep }: { name: string; shape: readonly number[]; steps: number; firstStep: number },
): Tensor {
  const size = shape.reduce((product, each) => product * each, 1);
  const data = new Float32Array(steps * size);
  for (let step = 0; step < steps; step++) {
    const source = random.fork(name, firstStep + step);
    for (let k = step * size; k < (step + 1) * size; k++) data[k] = source.uniform();
  }
  return createTensor('float32', [steps, ...shape], data);
}

function expectResult(tensors: NamedTensors, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new AmaasError('INTERNAL', `train: ${name} is missing from a run's results`);
  return tensor;
}

function numbers(results: NamedTensors, name: string): Float32Array {
  const tensor = expectResult(results, name);
  if (tensor.dtype !== 'float32') throw new AmaasError('INTERNAL', `train: ${name} came back as ${tensor.dtype}`);
  return tensor.data;
}
