// One graph for many training steps: forward pass, loss, gradients and optimiser are the body of a `scan` whose states are
// parameters, optimiser slots and running statistics, and whose sequences are the batches. The number of steps is left
// to each run.
import { type DType, AmaasError } from '@amaas/core';
import {
  add,
  cast,
  div,
  gradients,
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
import { lowerConvolutions } from '../compile/index.ts';
import { type BuildRecord, createScope, type Network, type Statistic } from '../layers/index.ts';
import type { Loss } from './losses.ts';
import type { Metric } from './metrics.ts';
import type { Optimizer } from './optimizers.ts';
import { groupInput, type PackedGroup, packParameters, packValues, unpackValues, type Weights } from './packing.ts';

/** Type of one tensor of a batch, without the batch axis. */
export interface FieldType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface StepOptions {
  readonly network: Network;
  /** The network's inputs by name, one row each. */
  readonly inputs: ReadonlyMap<string, FieldType>;
  readonly target: FieldType;
  readonly batchSize: number;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
}

export interface TrainingOptions extends StepOptions {
  readonly optimizer: Optimizer;
  /** Largest norm of all gradients together; larger ones are scaled down to it. */
  readonly clipNorm?: number | undefined;
  /** Largest size of a gradient's element. */
  readonly clipValue?: number | undefined;
  /** Batches whose gradients are added up before one update; default 1. */
  readonly accumulate?: number | undefined;
  /** Weights of parameters that are not trained, which become constants of the graph. */
  readonly frozen?: Weights;
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
}

export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'weights' | 'zeros' | number;
}

/** Names of what a run is fed per step besides the network's own inputs. */
export const TARGET = 'target';
export const ROW_WEIGHTS = 'row weights';
export const LEARNING_RATE = 'learning rate';
export const STEP = 'step';

/** The step counter's limit: float32 counts no further. */
export const MAX_STEPS = 2 ** 24;

interface Sums {
  /** Σ weight · loss, without penalties. */
  readonly loss: Value;
  readonly weight: Value;
  readonly metrics: readonly Value[];
}

/** Builds the graph of training. @throws INVALID_GRAPH when network, loss and data do not fit together */
export function buildTrainingGraph(options: TrainingOptions): StepGraph {
  const { optimizer } = options;
  const fields = batchFields(options, options.batchSize);
  const { scope, record } = createScope(true);
  const sums = lowerSums(buildSums(options, fields, scope));
  const built = record();
  const groups = packParameters(built.parameters.filter(({ trainable }) => trainable));
  if (groups.length === 0) throw new AmaasError('INVALID_GRAPH', 'train: the network has no parameters to train');
  const frozen = built.parameters.filter(({ trainable }) => !trainable);
  const penalty = built.parameters.flatMap(({ regularizer, value }) => (regularizer ? [regularizer(value)] : []));
  const penalties = [...built.penalties, ...penalty].reduce((sum, term) => add(sum, term), scalar('float32', 0));

  const objective = add(div(sums.loss, maximum(sums.weight, 1e-12)), penalties);
  const trained = groups.flatMap(({ members }) => members);
  const found = gradients(
    objective,
    trained.map(({ value }) => value),
  );
  const gradientOf = new Map(trained.map(({ value }, index) => [value, found[index] ?? value]));
  const packedGradients = clipped(
    groups.map((group) =>
      packValues(
        group,
        group.members.map(({ value }) => gradientOf.get(value) ?? value),
      ),
    ),
    options,
  );

  const rate = input(LEARNING_RATE, 'float32', []);
  const step = input(STEP, 'float32', []);
  const next = add(step, 1);
  const packed = groups.map((group) => groupInput(group));
  const slots = groups.map((group) => optimizer.slots.map((slot) => groupInput(group, `.${slot}`)));
  const updates = groups.map((group, index) =>
    optimizer.update({
      parameter: packed[index] ?? step,
      gradient: packedGradients.values[index] ?? step,
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
    ...built.statistics.map((statistic): readonly [StateTensor, Value, Value] => [
      { name: statistic.name, shape: statistic.shape, initial: statistic.initial },
      statistic.value,
      statistic.updated ?? statistic.value,
    ]),
  ];
  // Parameters were inputs while the network was built; now they are parts of the packed states.
  const replacements = new Map<Value, Value>();
  for (const [index, group] of groups.entries()) {
    const parts = unpackValues(group, packed[index] ?? step);
    for (const [k, { value }] of group.members.entries()) replacements.set(value, parts[k] ?? value);
  }
  for (const { name, shape, value } of frozen) {
    const weight = options.frozen?.get(name);
    if (weight === undefined || weight.shape.join() !== shape.join()) {
      throw new AmaasError('INVALID_CHECKPOINT', `train: ${name} is not trained and has no weights of [${shape}]`);
    }
    replacements.set(value, { dtype: 'float32', shape, origin: { kind: 'constant', tensor: weight } });
  }
  const perStep: readonly (readonly [string, Value])[] = [
    ['loss', sums.loss],
    ['weight', sums.weight],
    ['penalty', penalties],
    ['gradient norm', packedGradients.norm],
    ...options.metrics.map(({ name }, index): readonly [string, Value] => [
      `metric.${name}`,
      sums.metrics[index] ?? step,
    ]),
  ];
  const results = rewrite([...states.map(([, , value]) => value), ...perStep.map(([, value]) => value)], replacements);

  const sequences = [...fields.values(), rate, ...built.randomInputs.map(({ value }) => value)];
  return {
    ...loop({
      states: states.map(([state, value], index) => ({ state, value, next: results[index] ?? value })),
      sequences,
      results: perStep.map(([name], index) => [name, results[states.length + index] ?? step]),
    }),
    states: states.map(([state]) => state),
    groups,
    record: built,
    randomInputs: built.randomInputs.map(({ name, value }) => ({ name, shape: value.shape.map(Number) })),
  };
}

/** Builds the graph that measures loss and metrics of batches, in the network's inference mode. */
export function buildEvaluationGraph(options: StepOptions): Omit<StepGraph, 'groups'> {
  const fields = batchFields(options, options.batchSize);
  const { scope, record } = createScope(false);
  const sums = buildSums(options, fields, scope);
  const built = record();
  const names = ['loss', 'weight', ...options.metrics.map(({ name }) => `metric.${name}`)];
  const values = [sums.loss, sums.weight, ...sums.metrics];
  return {
    outputs: new Map(names.map((name, index) => [name, values[index] ?? sums.loss])),
    inputs: [...fields.values()],
    states: [],
    record: built,
    randomInputs: [],
  };
}

/** Inputs of one batch: the network's, the target and the rows' weights. */
function batchFields({ inputs, target }: StepOptions, batchSize: number): ReadonlyMap<string, Value> {
  const field = (name: string, { dtype, shape }: FieldType): readonly [string, Value] => [
    name,
    input(name, dtype, [batchSize, ...shape]),
  ];
  return new Map([
    ...[...inputs].map(([name, type]) => field(name, type)),
    field(TARGET, target),
    field(ROW_WEIGHTS, { dtype: 'float32', shape: [] }),
  ]);
}

function buildSums(
  options: StepOptions,
  fields: ReadonlyMap<string, Value>,
  scope: ReturnType<typeof createScope>['scope'],
): Sums {
  const given = new Map([...options.inputs.keys()].map((name) => [name, expectField(fields, name)]));
  const target = expectField(fields, TARGET);
  const prediction = options.network.build(given, scope);
  const rows = expectField(fields, ROW_WEIGHTS);
  const classWeights = options.loss.rowWeights?.(target);
  const weights = classWeights === undefined ? rows : mul(rows, classWeights);
  const perRow = options.loss.perRow(prediction, cast(target, options.loss.targetDType));
  return {
    loss: reduceSum(mul(perRow, weights)),
    weight: reduceSum(weights),
    metrics: options.metrics.map((metric) => reduceSum(mul(metric.perRow(prediction, target), weights))),
  };
}

/** The sums with everything on the way to them in the form that trains fastest. */
function lowerSums({ loss, weight, metrics }: Sums): Sums {
  const [lowered = loss, sameWeight = weight, ...rest] = lowerConvolutions([loss, weight, ...metrics]);
  return { loss: lowered, weight: sameWeight, metrics: rest };
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

function nameOf(value: Value): string {
  if (value.origin.kind !== 'input') throw new AmaasError('INTERNAL', 'train: a loop needs inputs');
  return value.origin.name;
}

function expectField(fields: ReadonlyMap<string, Value>, name: string): Value {
  const value = fields.get(name);
  if (value === undefined) throw new AmaasError('INTERNAL', `train: the field ${name} is missing`);
  return value;
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
