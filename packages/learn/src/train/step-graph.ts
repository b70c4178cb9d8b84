// One graph for many training steps: forward pass, loss, gradients and optimiser are the body of a `scan` whose states are
// parameters, optimiser slots and running statistics, and whose sequences are the batches. The number of steps is left
// to each run.
import { AmaasError, type TensorOf } from '@amaas/core';
import {
  add,
  constant,
  div,
  input,
  maximum,
  minimum,
  mul,
  reduceSum,
  rewrite,
  scalar,
  scan,
  type Shape,
  sqrt,
  square,
  type Value,
} from '../graph/index.ts';
import type { BuildRecord, Parameter, Statistic } from '../layers/index.ts';
import { differentiate, differentiateTogether, nameOf } from './batch-gradients.ts';
import { buildBatch, buildTrainingBatch, type StepOptions } from './batch-graph.ts';
import type { IdRanges } from './id-ranges.ts';
import { metricSums } from './metrics.ts';
import type { Optimizer } from './optimizers.ts';
import { expectWeight, groupInput, type PackedGroup, packParameters, unpackValues, type Weights } from './packing.ts';
import { LEARNING_RATE, STEP } from './step-fields.ts';

export interface TrainingOptions extends StepOptions {
  readonly optimizer: Optimizer;
  /** Largest norm of all gradients together; larger ones are scaled down to it. */
  readonly clipNorm?: number | undefined;
  /** Largest size of a gradient's element. */
  readonly clipValue?: number | undefined;
  /**
   * Batches whose gradients make one update; default 1. From 2 on, everything fed per step has them as its first axis:
   * [accumulate, batchSize, ...].
   */
  readonly accumulate?: number | undefined;
  /** Weights of parameters that are not trained, which become constants of the graph. */
  readonly frozen?: (parameter: Parameter) => TensorOf<'float32'>;
}

/** A graph ready to be compiled, and the names by which to run it. */
export interface StepGraph {
  readonly outputs: ReadonlyMap<string, Value>;
  readonly inputs: readonly Value[];
  /** Tensors that go in under their name and come out under `next.<name>`. */
  readonly states: readonly StateTensor[];
  readonly groups: readonly PackedGroup[];
  readonly record: BuildRecord;
  /** Uniform random numbers to feed per step: name and shape of one step. */
  readonly randomInputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Of what the network gives for a batch. */
  readonly prediction: Shape;
  /** Of inputs that choose rows of trained tables. */
  readonly ids: IdRanges;
}

export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'weights' | 'zeros' | number;
}

/** The step counter's limit: float32 counts no further. */
export const MAX_STEPS = 2 ** 24;

/** Builds the graph of training. @throws INVALID_GRAPH when network, loss and data do not fit together */
export function buildTrainingGraph(options: TrainingOptions): StepGraph {
  const { optimizer, accumulate = 1 } = options;
  const batch = buildTrainingBatch(options);
  const { record } = batch;
  const groups = packParameters(record.parameters.filter(({ trainable }) => trainable));
  if (groups.length === 0) throw new AmaasError('INVALID_GRAPH', 'train: the network has no parameters to train');
  const parts = accumulate === 1 ? differentiate(batch, groups) : differentiateTogether(batch, groups, accumulate);
  const clippedGradients = clipped(parts.gradients, options);

  const rate = input(LEARNING_RATE, 'float32', []);
  const step = input(STEP, 'float32', []);
  const next = add(step, 1);
  const packed = groups.map((group) => groupInput(group));
  const slots = groups.map((group) => optimizer.slots.map((slot) => groupInput(group, `.${slot}`)));
  const updates = groups.map((group, index) =>
    optimizer.update({
      parameter: packed[index] ?? step,
      gradient: clippedGradients.values[index] ?? step,
      slots: slots[index] ?? [],
      learningRate: rate,
      step: next,
      decays: group.decays,
    }),
  );
  const states: readonly (readonly [StateTensor, Value, Value])[] = [
    [{ name: STEP, shape: [], initial: 'zeros' }, step, next],
    ...groups.flatMap((group, index): readonly (readonly [StateTensor, Value, Value])[] => [
      [
        { name: group.name, shape: group.shape, initial: 'weights' },
        packed[index] ?? step,
        updates[index]?.parameter ?? step,
      ],
      ...optimizer.slots.map((slot, k): readonly [StateTensor, Value, Value] => [
        { name: `${group.name}.${slot}`, shape: group.shape, initial: 'zeros' },
        slots[index]?.[k] ?? step,
        updates[index]?.slots[k] ?? step,
      ]),
    ]),
    ...record.statistics.map(({ name, shape, initial, value }, index): readonly [StateTensor, Value, Value] => [
      { name, shape, initial },
      value,
      parts.statistics[index] ?? value,
    ]),
  ];
  // Parameters were inputs while the network was built; now they are parts of the packed states.
  const replacements = new Map<Value, Value>();
  for (const [index, group] of groups.entries()) {
    const members = unpackValues(group, packed[index] ?? step);
    for (const [k, { value }] of group.members.entries()) replacements.set(value, members[k] ?? value);
  }
  for (const parameter of record.parameters) {
    if (!parameter.trainable) replacements.set(parameter.value, frozenValue(parameter, options));
  }
  const perStep: readonly (readonly [string, Value])[] = [
    ['loss', parts.sums.loss],
    ['weight', parts.sums.weight],
    ['rows', parts.sums.rows],
    ['penalty', parts.penalty],
    ['gradient norm', clippedGradients.norm],
    ...metricSums(options.metrics).map(({ name }, index): readonly [string, Value] => [
      `metric.${name}`,
      parts.sums.metrics[index] ?? step,
    ]),
  ];
  const results = rewrite([...states.map(([, , value]) => value), ...perStep.map(([, value]) => value)], replacements);
  return {
    ...loop({
      states: states.map(([state, value], index) => ({ state, value, next: results[index] ?? value })),
      sequences: [...parts.fields, rate, ...parts.random],
      results: perStep.map(([name], index) => [name, results[states.length + index] ?? step]),
    }),
    states: states.map(([state]) => state),
    groups,
    record,
    randomInputs: parts.random.map((value) => ({ name: nameOf(value), shape: value.shape.map(Number) })),
    prediction: batch.prediction,
    ids: batch.ids,
  };
}

/** Builds the graph that measures loss and metrics of batches, in the network's inference mode. */
export function buildEvaluationGraph(options: StepOptions): Omit<StepGraph, 'groups'> {
  const { sums, fields, record, prediction, ids } = buildBatch(options, false);
  const names = ['loss', 'weight', 'rows', ...metricSums(options.metrics).map(({ name }) => `metric.${name}`)];
  const values = [sums.loss, sums.weight, sums.rows, ...sums.metrics];
  return {
    outputs: new Map(names.map((name, index) => [name, values[index] ?? sums.loss])),
    inputs: fields,
    states: [],
    record,
    randomInputs: [],
    prediction,
    ids,
  };
}

function frozenValue(parameter: Parameter, { frozen }: TrainingOptions): Value {
  const weight = frozen?.(parameter);
  if (weight === undefined) {
    throw new AmaasError('INVALID_CHECKPOINT', `train: ${parameter.name} is not trained and has no weights`);
  }
  return constant(expectWeight(new Map([[parameter.name, weight]]), parameter.name, parameter.shape));
}

function clipped(
  values: readonly Value[],
  { clipNorm, clipValue }: TrainingOptions,
): { readonly values: readonly Value[]; readonly norm: Value } {
  const bounded =
    clipValue === undefined ? values : values.map((value) => minimum(maximum(value, -clipValue), clipValue));
  const squares = bounded.map((value) => reduceSum(square(value)));
  const norm = sqrt(squares.reduce((sum, term) => add(sum, term)));
  if (clipNorm === undefined) return { values: bounded, norm };
  const factor = minimum(div(scalar('float32', clipNorm), add(norm, 1e-6)), 1); // PyTorch's clip_grad_norm_
  return { values: bounded.map((value) => mul(value, factor)), norm };
}

interface LoopParts {
  readonly states: readonly { readonly state: StateTensor; readonly value: Value; readonly next: Value }[];
  readonly sequences: readonly Value[];
  readonly results: readonly (readonly [string, Value])[];
}

/** The steps as one scan over sequences of any length. */
function loop({ states, sequences, results }: LoopParts): Pick<StepGraph, 'inputs' | 'outputs'> {
  const longer = (value: Value, shape: Shape): Value => input(nameOf(value), value.dtype, shape);
  const initial = states.map(({ value }) => longer(value, value.shape));
  const stacked = sequences.map((value) => longer(value, ['steps', ...value.shape]));
  const { states: last, outputs: perStep } = scan(initial, stacked, (current, elements) => {
    const replacements = new Map<Value, Value>();
    for (const [index, { value }] of states.entries()) replacements.set(value, current[index] ?? value);
    for (const [index, value] of sequences.entries()) replacements.set(value, elements[index] ?? value);
    const body = rewrite([...states.map(({ next }) => next), ...results.map(([, value]) => value)], replacements);
    return { states: body.slice(0, states.length), outputs: body.slice(states.length) };
  });
  return {
    inputs: [...initial, ...stacked],
    outputs: new Map(
      [
        ...states.map(({ state }, index) => [`next.${state.name}`, last[index] ?? initial[0]] as const),
        ...results.map(([name], index) => [name, perStep[index] ?? initial[0]] as const),
      ].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ),
  };
}

/** Running statistics as they are before training. */
export function initialStatistics(statistics: readonly Statistic[]): Weights {
  return new Map(
    statistics.map(({ name, shape, initial }) => {
      const size = shape.reduce((product, each) => product * each, 1);
      return [name, { dtype: 'float32', shape, data: new Float32Array(size).fill(initial) }];
    }),
  );
}
