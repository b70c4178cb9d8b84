// Moves the transposes of image layouts behind what follows them, so that those of neighbouring layers meet and cancel.
import {
  applyOperation,
  invertPermutation,
  type Node,
  nodeOf,
  reshape,
  transpose,
  type Value,
} from '../graph/index.ts';
import { isImageLayout } from './image-layouts.ts';
import { isNumbers } from './rule.ts';

/** f(transpose(x)) as transpose(f'(x)), or null where that is not possible. */
export function behindTransposes(node: Node, inputs: readonly Value[]): readonly Value[] | null {
  const [x] = inputs;
  switch (node.operation.name) {
    case 'ReduceSum':
    case 'ReduceMean':
      return x === undefined ? null : reduceBehindTranspose(node, x);
    default:
      return node.operation.isPermutable === true ? permutableBehindTransposes(node, inputs) : null;
  }
}

interface Transposed {
  readonly source: Value;
  readonly perm: readonly number[];
}

/** What a transpose from one of the image layouts is of, or null for other values. */
export function transposeOf(value: Value): Transposed | null {
  const node = nodeOf(value);
  const source = node?.inputs[0];
  const perm = node?.attributes['perm'];
  if (node?.operation.name !== 'Transpose' || source === undefined || !isNumbers(perm)) return null;
  return isImageLayout(perm) ? { source, perm } : null;
}

function permutableBehindTransposes(
  { operation, attributes }: Node,
  inputs: readonly Value[],
): readonly Value[] | null {
  const found = inputs.map(transposeOf).find((each) => each !== null);
  if (found === undefined) return null;
  if (inputs.some((each) => each.shape.length > found.perm.length)) return null;
  const sources = inputs.map((each) => sourceBehind(each, found.perm));
  return applyOperation(operation, sources, attributes).map((y) => transpose(y, found.perm));
}

/** What `value`, which broadcasts, would have to be the transpose of; itself transposed at worst. */
function sourceBehind(value: Value, perm: readonly number[]): Value {
  const own = transposeOf(value);
  if (own !== null && own.perm.join() === perm.join()) return own.source;
  if (value.shape.length === 0) return value;
  const missing = Array.from({ length: perm.length - value.shape.length }, () => 1);
  return transpose(reshape(value, [...missing, ...value.shape]), invertPermutation(perm));
}

function reduceBehindTranspose({ operation, attributes }: Node, x: Value): readonly Value[] | null {
  const found = transposeOf(x);
  const { axes, keepdims } = attributes;
  if (found === null || !isNumbers(axes)) return null;
  const inner = axes.map((axis) => found.perm[axis] ?? 0).toSorted((a, b) => a - b);
  const outputs = applyOperation(operation, [found.source], { ...attributes, axes: inner });
  if (keepdims === 1) return outputs.map((y) => transpose(y, found.perm));
  const left = found.perm.filter((_, axis) => !axes.includes(axis));
  const order = left.toSorted((a, b) => a - b);
  return outputs.map((y) =>
    transpose(
      y,
      left.map((axis) => order.indexOf(axis)),
    ),
  );
}
