// Reading a node's attributes, whose types its operation's inference has checked.
import { AmaasError, type DType, isDType } from '@amaas/core';
import { type AttributeValue, type Body, isBody, type Node } from '../../graph/index.ts';

/** @throws INVALID_GRAPH when the node has no such number */
export function numberAttribute(node: Node, name: string): number {
  const value = node.attributes[name];
  if (typeof value !== 'number') throw wrong(node, name, 'a number');
  return value;
}

/** @throws INVALID_GRAPH when the node has no such list of numbers */
export function numbersAttribute(node: Node, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) throw wrong(node, name, 'numbers');
  return value.map((each: unknown) => {
    if (typeof each !== 'number') throw wrong(node, name, 'numbers');
    return each;
  });
}

/** @throws INVALID_GRAPH when the node has no such text */
export function textAttribute(node: Node, name: string): string {
  const value = node.attributes[name];
  if (typeof value !== 'string') throw wrong(node, name, 'text');
  return value;
}

/** @throws INVALID_GRAPH when the node has no such body */
export function bodyAttribute(node: Node, name: string): Body {
  const value = node.attributes[name];
  if (!isBody(value)) throw wrong(node, name, 'a body');
  return value;
}

export function decodeDType(value: AttributeValue | undefined): DType {
  if (typeof value === 'string' && isDType(value)) return value;
  throw new AmaasError('INVALID_GRAPH', `reference: expected a dtype, got ${String(value)}`);
}

function wrong(node: Node, name: string, expected: string): AmaasError {
  return new AmaasError('INVALID_GRAPH', `reference: ${node.operation.name} needs ${expected} as ${name}`);
}
