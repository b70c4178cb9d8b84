// Holds a graph against itself: every node's types are worked out again from its inputs, input names are unique and no
// node depends on itself. For tests and after passes that rebuild graphs.
import { AmaasError, formatShape } from '@amaas/core';
import { sameShape } from './shape.ts';
import { collectInputs, sortNodes } from './traverse.ts';
import type { Body, Value } from './value.ts';

/** @throws INVALID_GRAPH naming the node that is wrong. */
export function verifyGraph(outputs: readonly Value[]): void {
  const placed = new Set<Value>();
  for (const { operation, inputs, attributes, outputs: results } of sortNodes(outputs)) {
    for (const value of inputs) {
      if (value.origin.kind === 'node' && !placed.has(value)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${operation.name}: depends on itself or on a value that is no output of its node`,
        );
      }
    }
    for (const name of Object.keys(attributes)) {
      if (!Object.hasOwn(operation.attributes, name)) {
        throw new AmaasError('INVALID_GRAPH', `${operation.name}: unknown attribute ${name}`);
      }
    }
    for (const attribute of Object.values(attributes)) if (isBody(attribute)) verifyBody(operation.name, attribute);
    const types = operation.infer(inputs, attributes);
    for (const [index, { dtype, shape }] of types.entries()) {
      const result = results[index];
      if (result === undefined || result.dtype !== dtype || !sameShape(result.shape, shape)) {
        const recorded = result ? `${result.dtype} ${formatShape(result.shape)}` : 'nothing';
        throw new AmaasError(
          'INVALID_GRAPH',
          `${operation.name}: output ${index} is recorded as ${recorded}, but its inputs give ${dtype} ${formatShape(shape)}`,
        );
      }
      placed.add(result);
    }
  }
  const names = collectInputs(outputs).map(({ origin }) => (origin.kind === 'input' ? origin.name : ''));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new AmaasError('INVALID_GRAPH', `graph: two inputs are named ${twice}`);
}

export function isBody(attribute: unknown): attribute is Body {
  return typeof attribute === 'object' && attribute !== null && 'outputs' in attribute && 'inputs' in attribute;
}

function verifyBody(operation: string, body: Body): void {
  verifyGraph(body.outputs);
  for (const value of collectInputs(body.outputs)) {
    if (!body.inputs.includes(value)) {
      throw new AmaasError('INVALID_GRAPH', `${operation}: its body uses a value from outside`);
    }
  }
}
