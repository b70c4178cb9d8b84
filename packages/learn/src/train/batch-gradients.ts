// From one batch, or several small ones after each other, to the gradients of one update. Several: a loop inside the step
// adds up what each gives, so that memory is that of one and the update is that of all of them together.
import { add, div, expand, gradients, input, maximum, mul, rewrite, scalar, scan, type Value } from '../graph/index.ts';
import type { BatchGraph, Sums } from './batch-graph.ts';
import { type PackedGroup, packValues } from './packing.ts';

/** What an update is made of, and what running it needs. */
export interface UpdateParts {
  readonly sums: Sums;
  /** All that is added to the mean loss. */
  readonly penalty: Value;
  /** One per group, packed: of the mean loss and the penalties together. */
  readonly gradients: readonly Value[];
  /** The running statistics afterwards, in the record's order. */
  readonly statistics: readonly Value[];
  /** Inputs with this update's rows. */
  readonly fields: readonly Value[];
  readonly random: readonly Value[];
}

/** Smallest sum of weights that is divided by: a batch without weight changes nothing. */
const MIN_WEIGHT = 1e-12;

/** One batch, one update. */
export function differentiate(batch: BatchGraph, groups: readonly PackedGroup[]): UpdateParts {
  const { sums, record } = batch;
  const penalty = total([...record.penalties, ...weightPenalties(batch)]);
  const objective = add(div(sums.loss, maximum(sums.weight, MIN_WEIGHT)), penalty);
  return {
    sums,
    penalty,
    gradients: packedGradients(objective, groups),
    statistics: record.statistics.map(({ value, updated }) => updated ?? value),
    fields: batch.fields,
    random: record.randomInputs.map(({ value }) => value),
  };
}

/**
 * `count` batches, one update; fields and random numbers are [count, ...]. Statistics are updated by every batch in turn,
 * and penalties that layers add count by their mean over the batches.
 */
export function differentiateTogether(batch: BatchGraph, groups: readonly PackedGroup[], count: number): UpdateParts {
  const { sums, record } = batch;
  const activity = total(record.penalties);
  const addends = [
    ...[sums.loss, sums.weight, sums.rows, activity, ...sums.metrics],
    ...packedGradients(sums.loss, groups),
    ...(record.penalties.length === 0 ? [] : packedGradients(activity, groups)),
  ];
  const sequences = [...batch.fields, ...record.randomInputs.map(({ value }) => value)];
  const stacked = sequences.map((value) => input(nameOf(value), value.dtype, [count, ...value.shape]));
  const statistics = record.statistics.map(({ value }) => value);
  const zeros = addends.map(({ dtype, shape }) => expand(scalar(dtype, 0), shape));
  const { states } = scan([...zeros, ...statistics], stacked, (current, elements) => {
    const replacements = new Map<Value, Value>();
    for (const [index, value] of sequences.entries()) replacements.set(value, elements[index] ?? value);
    for (const [index, value] of statistics.entries()) {
      replacements.set(value, current[addends.length + index] ?? value);
    }
    const updated = record.statistics.map((each) => each.updated ?? each.value);
    const results = rewrite([...addends, ...updated], replacements);
    return {
      states: results.map((value, index) => (index < addends.length ? add(current[index] ?? value, value) : value)),
      outputs: [],
    };
  });
  let next = 0;
  const take = (value: Value): Value => states[next++] ?? value;
  const all: Sums & { readonly activity: Value } = {
    ...{ loss: take(sums.loss), weight: take(sums.weight), rows: take(sums.rows), activity: take(activity) },
    metrics: sums.metrics.map(take),
  };
  const divisor = maximum(all.weight, MIN_WEIGHT);
  const share = 1 / count;
  const ofLoss = groups.map(() => div(take(activity), divisor));
  const ofActivity = record.penalties.length === 0 ? [] : groups.map(() => mul(take(activity), share));
  const weightPenalty = weightPenalties(batch);
  const ofWeights = weightPenalty.length === 0 ? [] : packedGradients(total(weightPenalty), groups);
  return {
    sums: all,
    penalty: add(mul(all.activity, share), total(weightPenalty)),
    gradients: ofLoss.map((gradient, index) =>
      [ofActivity[index], ofWeights[index]].reduce<Value>((sum, term) => (term ? add(sum, term) : sum), gradient),
    ),
    statistics: statistics.map(take),
    fields: stacked.slice(0, batch.fields.length),
    random: stacked.slice(batch.fields.length),
  };
}

function weightPenalties({ record }: BatchGraph): readonly Value[] {
  return record.parameters.flatMap(({ regularizer, value }) => (regularizer ? [regularizer(value)] : []));
}

function packedGradients(objective: Value, groups: readonly PackedGroup[]): readonly Value[] {
  const members = groups.flatMap((group) => group.members.map(({ value }) => value));
  const found = gradients(objective, members);
  const gradientOf = new Map(members.map((value, index) => [value, found[index] ?? value]));
  return groups.map((group) =>
    packValues(
      group,
      group.members.map(({ value }) => gradientOf.get(value) ?? value),
    ),
  );
}

function total(terms: readonly Value[]): Value {
  return terms.reduce((sum, term) => add(sum, term), scalar('float32', 0));
}

/** The name of an input. */
export function nameOf(value: Value): string {
  return value.origin.kind === 'input' ? value.origin.name : '';
}
