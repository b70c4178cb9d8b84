// Parameters packed into few tensors, so that an optimiser is a handful of nodes instead of a handful per parameter, and
// a step hands a handful of tensors back instead of hundreds. Large parameters stay alone: copying them into a packed
// tensor and out again would cost more than their few nodes.
import { AmaasError, createTensor, type Tensor, type TensorOf } from '@amaas/core';
import { concat, input, reshape, split, type Value } from '../graph/index.ts';
import type { Parameter } from '../layers/index.ts';

/** Up to this many elements a parameter is packed. Measured on GPT and MLP steps; see docs/benchmarks.md. */
const PACKED_ELEMENTS = 20_000;

/** One tensor of the training state. */
export interface PackedGroup {
  /** `parameters.0`, … */
  readonly name: string;
  readonly members: readonly Parameter[];
  /** Of the packed tensor: [total], or the one member's own. */
  readonly shape: readonly number[];
  readonly decays: boolean;
}

/** Weights by parameter name; also running statistics. */
export type Weights = ReadonlyMap<string, TensorOf<'float32'>>;

/** Groups trainable parameters by size and by whether weight decay applies. */
export function packParameters(parameters: readonly Parameter[]): readonly PackedGroup[] {
  const groups: Omit<PackedGroup, 'name'>[] = [];
  for (const decays of [true, false]) {
    const chosen = parameters.filter((parameter) => parameter.decays === decays);
    const small = chosen.filter((parameter) => count(parameter.shape) <= PACKED_ELEMENTS);
    const alone = small.length === 1 ? chosen : chosen.filter((parameter) => !small.includes(parameter));
    if (small.length > 1) {
      const total = small.reduce((sum, { shape }) => sum + count(shape), 0);
      groups.push({ members: small, shape: [total], decays });
    }
    for (const parameter of alone) groups.push({ members: [parameter], shape: parameter.shape, decays });
  }
  return groups.map((group, index) => ({ name: `parameters.${index}`, ...group }));
}

/** The members' values as parts of the packed one. */
export function unpackValues(group: PackedGroup, packed: Value): readonly Value[] {
  if (group.members.length === 1) return [packed];
  const parts = split(
    packed,
    0,
    group.members.map(({ shape }) => count(shape)),
  );
  return group.members.map(({ shape }, index) => reshape(parts[index] ?? packed, shape));
}

/** The members' values (gradients) as one. */
export function packValues(group: PackedGroup, values: readonly Value[]): Value {
  const [first] = values;
  if (group.members.length === 1 && first !== undefined) return first;
  return concat(
    values.map((value) => reshape(value, [-1])),
    0,
  );
}

/** The group's own input in a graph. */
export function groupInput(group: PackedGroup, suffix = ''): Value {
  return input(`${group.name}${suffix}`, 'float32', group.shape);
}

/** Weights as the packed tensor. @throws INVALID_CHECKPOINT when one is missing or has another shape */
export function packWeights(group: PackedGroup, weights: Weights): TensorOf<'float32'> {
  const data = new Float32Array(count(group.shape));
  let offset = 0;
  for (const { name, shape } of group.members) {
    const weight = expectWeight(weights, name, shape);
    data.set(weight.data, offset);
    offset += weight.data.length;
  }
  return createTensor('float32', group.shape, data);
}

/** The packed tensor as weights; the data is copied. */
export function unpackWeights(group: PackedGroup, packed: Tensor): Weights {
  if (packed.dtype !== 'float32') throw new AmaasError('INTERNAL', `${group.name} came back as ${packed.dtype}`);
  const weights = new Map<string, TensorOf<'float32'>>();
  let offset = 0;
  for (const { name, shape } of group.members) {
    const end = offset + count(shape);
    weights.set(name, createTensor('float32', shape, packed.data.slice(offset, end)));
    offset = end;
  }
  return weights;
}

/** @throws INVALID_CHECKPOINT when the weight is missing or has another shape */
export function expectWeight(weights: Weights, name: string, shape: readonly number[]): TensorOf<'float32'> {
  const weight = weights.get(name);
  if (weight === undefined || weight.shape.join() !== shape.join()) {
    throw new AmaasError(
      'INVALID_CHECKPOINT',
      `weights: ${name} should be [${shape}], ${weight === undefined ? 'is missing' : `is [${weight.shape}]`}`,
    );
  }
  return weight;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
