// Training steps of several shapes that share one state: weights and slots of the optimiser go from the graph that ran
// last to the one that runs next.
import { AmaasError, type NamedTensors } from '@amaas/core';
import type { Weights } from './packing.ts';
import type { StepGraph } from './step-graph.ts';
import { type StepFeeds, type StepResults, TrainingSteps, type TrainingStepsOptions } from './training-steps.ts';

export class SharedSteps {
  readonly #parts: readonly TrainingSteps[];
  /** The part whose state is the newest. */
  #newest: TrainingSteps;

  private constructor(parts: readonly TrainingSteps[], first: TrainingSteps) {
    this.#parts = parts;
    this.#newest = first;
  }

  /** @throws INVALID_GRAPH when the parts have not the same parameters, and as {@link TrainingSteps.create} */
  static async create(
    shapes: readonly { readonly graph: StepGraph; readonly model: Uint8Array }[],
    options: Omit<TrainingStepsOptions, 'model'>,
  ): Promise<SharedSteps> {
    const states = shapes.map(({ graph }) => JSON.stringify(graph.states));
    const other = states.findIndex((each) => each !== states[0]);
    if (other !== -1) {
      throw new AmaasError('INVALID_GRAPH', `fit: the network has other parameters for part ${other} than for part 0`);
    }
    const parts: TrainingSteps[] = [];
    try {
      for (const { graph, model } of shapes) parts.push(await TrainingSteps.create(graph, { ...options, model }));
      const [first] = parts;
      if (first === undefined) throw new AmaasError('INTERNAL', 'fit: there are no parts');
      return new SharedSteps(parts, first);
    } catch (error) {
      for (const each of parts) await each.dispose();
      throw error;
    }
  }

  /** @throws as {@link TrainingSteps.run} */
  async run(part: number, feeds: StepFeeds): Promise<StepResults> {
    const steps = this.#parts[part];
    if (steps === undefined) throw new AmaasError('INTERNAL', `fit: there is no part ${part}`);
    if (steps !== this.#newest) steps.restore(this.#newest.states);
    this.#newest = steps;
    return await steps.run(feeds);
  }

  get states(): NamedTensors {
    return this.#newest.states;
  }

  restore(states: NamedTensors): void {
    this.#newest.restore(states);
  }

  weights(): Weights {
    return this.#newest.weights();
  }

  async dispose(): Promise<void> {
    for (const each of this.#parts) await each.dispose();
  }
}
