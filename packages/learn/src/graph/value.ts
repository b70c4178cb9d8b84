// The graph itself: values and the nodes they come from. A graph is nothing but the values one holds; everything else is
// reached through their origins. Values never change, so that parts can be shared freely and passes build new ones.
// Idea: the immutable operation graphs of jax-js and tinygrad.
import { AmaasError, type DType, type Tensor } from '@amaas/core';
import type { Shape } from './shape.ts';

/** What a value is known to be before anything runs. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One tensor of the graph. Identity counts: two values with equal types are still two. */
export interface Value extends ValueType {
  readonly origin: Origin;
}

export type Origin =
  /** Fed by whoever runs the graph: data, parameters, state. */
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

/** One application of an operation. */
export interface Node {
  readonly operation: Operation;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** A graph inside a node, as `scan` has one; it sees nothing but its own inputs. */
export interface Body {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | Shape | Tensor | Body;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** How an attribute is written in ONNX. */
export type AttributeKind =
  | 'int'
  | 'float'
  | 'string'
  | 'ints'
  | 'floats'
  | 'strings'
  | 'dtype'
  | 'shape'
  | 'tensor'
  | 'body';

export interface AttributeSpec {
  readonly kind: AttributeKind;
  /**
   * ONNX takes it as one more input (after the node's own, in the order of declaration), not as an attribute. Here it
   * is always known when the graph is built.
   */
  readonly asInput?: true;
}

/** An operator: how its result is typed and differentiated. What it computes is ONNX's definition of the same name. */
export interface Operation<A extends Attributes = Attributes> {
  /** ONNX's operator name. */
  readonly name: string;
  /** ONNX's operator set: '' is the standard one. */
  readonly domain: string;
  readonly attributes: { readonly [K in keyof A]-?: AttributeSpec };
  /**
   * How many of the last inputs a body sees without their being inputs of the ONNX node: ONNX's bodies see outer values
   * by name, ours are given them.
   */
  countCaptures?(attributes: A): number;
  /** Where the inputs stand among ONNX's, of which some may be left out; default: one after the other. */
  places?(inputs: readonly Value[]): readonly number[];
  /**
   * True of what acts on elements alone, and of whatever else does not know one axis from another: with the axes of all
   * operands permuted alike (after broadcasting), the result's are, and nothing else changes.
   */
  readonly isPermutable?: true;
  /** Types of the outputs. @throws INVALID_GRAPH when the inputs do not fit. */
  infer(inputs: readonly Value[], attributes: A): readonly ValueType[];
  /**
   * Gradients of the inputs, given those of the outputs (null: nothing flows back through that output).
   * `null` for an input that has no gradient (indices, conditions). Absent: the operation cannot be differentiated.
   */
  gradient?(node: NodeOf<A>, outputGradients: readonly (Value | null)[]): readonly (Value | null)[];
}

export interface NodeOf<A extends Attributes> extends Node {
  readonly attributes: A;
}

/** Declares an operation; `domain` defaults to ONNX's standard operators. */
export function defineOperation<A extends Attributes = Record<string, never>>(
  definition: Omit<Operation<A>, 'domain'> & { readonly domain?: string },
): Operation<A> {
  return { domain: '', ...definition };
}

/**
 * Applies an operation.
 * @throws INVALID_GRAPH when the inputs do not fit; the message begins with the operation's name.
 */
export function applyOperation<A extends Attributes>(
  operation: Operation<A>,
  inputs: readonly Value[],
  attributes: A,
): readonly Value[] {
  const types = operation.infer(inputs, attributes);
  const outputs: Value[] = [];
  const node: Node = { operation, inputs, attributes, outputs };
  for (const [index, { dtype, shape }] of types.entries()) {
    outputs.push({ dtype, shape, origin: { kind: 'node', node, index } });
  }
  return outputs;
}

/** Applies an operation that has one result. */
export function applyOne<A extends Attributes>(
  operation: Operation<A>,
  inputs: readonly Value[],
  attributes: A,
): Value {
  const [output] = applyOperation(operation, inputs, attributes);
  if (output === undefined) throw new AmaasError('INTERNAL', `${operation.name} has no output`);
  return output;
}

/** A value fed from outside. @param name - unique within a graph; becomes the ONNX input's name */
export function input(name: string, dtype: DType, shape: Shape): Value {
  return { dtype, shape, origin: { kind: 'input', name } };
}

/** A value that is known now. */
export function constant(tensor: Tensor): Value {
  return { dtype: tensor.dtype, shape: tensor.shape, origin: { kind: 'constant', tensor } };
}

/** The node a value comes from, or null for inputs and constants. */
export function nodeOf(value: Value): Node | null {
  return value.origin.kind === 'node' ? value.origin.node : null;
}
