// Evaluates graphs in plain float64: slow, small and independent of ONNX Runtime, so that it can be its oracle.
import { AmaasError, formatShape } from '@amaas/core';
import { type Node, sameShape, sortNodes, type Value } from '../graph/index.ts';
import { arrayFromTensor, type ReferenceArray } from './array.ts';
import { KERNELS } from './kernels/index.ts';

/**
 * Computes values.
 * @param feeds - an array per input value the results depend on
 * @throws INPUT_MISMATCH when a feed is missing or has another shape; UNSUPPORTED_FEATURE for operations without a kernel.
 */
export function evaluate(
  values: readonly Value[],
  feeds: ReadonlyMap<Value, ReferenceArray>,
): readonly ReferenceArray[] {
  const computed = new Map<Value, ReferenceArray>();
  const get = (value: Value): ReferenceArray => {
    const known = computed.get(value);
    if (known !== undefined) return known;
    const array = value.origin.kind === 'constant' ? arrayFromTensor(value.origin.tensor) : fed(value, feeds);
    computed.set(value, array);
    return array;
  };
  for (const node of sortNodes(values)) {
    const outputs = evaluateNode(node, node.inputs.map(get));
    for (const [index, value] of node.outputs.entries()) {
      const output = outputs[index];
      if (output !== undefined) computed.set(value, output);
    }
  }
  return values.map(get);
}

function evaluateNode(node: Node, inputs: readonly ReferenceArray[]): readonly ReferenceArray[] {
  const kernel = KERNELS.get(node.operation.name);
  if (kernel === undefined) {
    throw new AmaasError('UNSUPPORTED_FEATURE', `reference: has no kernel for ${node.operation.name}`);
  }
  return kernel({
    node,
    inputs,
    evaluateBody: (body, arrays) =>
      evaluate(body.outputs, new Map(body.inputs.map((value, index) => [value, arrays[index] ?? missing(value)]))),
  });
}

function fed(value: Value, feeds: ReadonlyMap<Value, ReferenceArray>): ReferenceArray {
  const array = feeds.get(value);
  if (array === undefined) return missing(value);
  const fits =
    array.dtype === value.dtype &&
    sameShape(
      array.shape,
      value.shape.map((size, axis) => (typeof size === 'number' ? size : (array.shape[axis] ?? -1))),
    );
  if (!fits) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `reference: ${nameOf(value)} expects ${value.dtype} ${formatShape(value.shape)}, got ${array.dtype} ${formatShape(array.shape)}`,
    );
  }
  return array;
}

function missing(value: Value): never {
  throw new AmaasError('INPUT_MISMATCH', `reference: ${nameOf(value)} was not fed`);
}

function nameOf(value: Value): string {
  return value.origin.kind === 'input' ? `input "${value.origin.name}"` : 'a value';
}
