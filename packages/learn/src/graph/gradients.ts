// Reverse-mode differentiation as a transformation from graph to graph: what comes back are values like any others, which
// can be simplified, differentiated again and written to ONNX.
import { AmaasError, formatShape } from '@amaas/core';
import { add } from './operations/arithmetic.ts';
import { filled } from './operations/constants.ts';
import { sameShape } from './shape.ts';
import { dependents, sortNodes } from './traverse.ts';
import { nodeOf, type Value } from './value.ts';

/**
 * Gradients of a scalar with respect to some values.
 *
 * The shapes of everything between must be known where an operation was broadcast. A value the scalar does not depend
 * on gets zeros.
 * @param scalar - float, shape []
 * @param sources - inputs or any values of the scalar's graph
 * @returns one value per source, of its shape and dtype
 * @throws INVALID_GRAPH when the scalar is none, or an operation on the way cannot be differentiated.
 */
export function gradients(scalar: Value, sources: readonly Value[]): readonly Value[] {
  if (scalar.shape.length > 0) {
    throw new AmaasError('INVALID_GRAPH', `gradients: expected a scalar, got ${formatShape(scalar.shape)}`);
  }
  return pullBack([scalar], [filled(scalar.dtype, [], 1)], sources).map(
    (gradient, index) => gradient ?? zerosLike(sources[index] ?? scalar),
  );
}

/**
 * Pulls gradients of some values back to `sources`: the vector–Jacobian product.
 * @param targets - values whose gradients are known
 * @param targetGradients - of the targets' shapes; null where nothing flows back
 * @returns per source its gradient, or null where none of the targets depends on it
 */
export function pullBack(
  targets: readonly Value[],
  targetGradients: readonly (Value | null)[],
  sources: readonly Value[],
): readonly (Value | null)[] {
  const wanted = new Set(sources);
  const nodes = sortNodes(targets);
  const relevant = dependents(nodes, wanted);
  const found = new Map<Value, Value>();
  const collect = (value: Value, gradient: Value): void => {
    const node = nodeOf(value);
    if (!wanted.has(value) && (node === null || !relevant.has(node))) return;
    if (!sameShape(value.shape, gradient.shape)) {
      throw new AmaasError(
        'INTERNAL',
        `gradients: ${node?.operation.name ?? 'input'} of ${formatShape(value.shape)} got a gradient of ${formatShape(gradient.shape)}`,
      );
    }
    const before = found.get(value);
    found.set(value, before === undefined ? gradient : add(before, gradient));
  };
  for (const [index, target] of targets.entries()) {
    const gradient = targetGradients[index];
    if (gradient !== null && gradient !== undefined) collect(target, gradient);
  }
  for (const node of nodes.toReversed()) {
    if (!relevant.has(node)) continue;
    const outputGradients = node.outputs.map((output) => found.get(output) ?? null);
    if (outputGradients.every((gradient) => gradient === null)) continue;
    if (node.operation.gradient === undefined) {
      throw new AmaasError('INVALID_GRAPH', `gradients: ${node.operation.name} cannot be differentiated`);
    }
    for (const [index, gradient] of node.operation.gradient(node, outputGradients).entries()) {
      const source = node.inputs[index];
      if (gradient !== null && source !== undefined) collect(source, gradient);
    }
  }
  return sources.map((source) => found.get(source) ?? null);
}

function zerosLike(value: Value): Value {
  return filled(value.dtype, value.shape, 0);
}
