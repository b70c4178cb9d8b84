// Constructors for the parts of a graph that are clumsy to write as literals: attributes and typed values.
import type { Dim, DType } from '@amaas/core';
import { onnxCodeOf } from './dtype-codes.ts';
import {
  ATTRIBUTE_TYPE,
  type OnnxAttribute,
  type OnnxDimension,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './model.ts';

const utf8 = new TextEncoder();

export function floatAttribute(name: string, value: number): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.float, f: value };
}

/** @param value - a whole number; use a bigint beyond ±2^53. */
export function intAttribute(name: string, value: number | bigint): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.int, i: BigInt(value) };
}

export function stringAttribute(name: string, value: string): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.string, s: utf8.encode(value) };
}

export function tensorAttribute(name: string, value: OnnxTensor): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.tensor, t: value };
}

/** A subgraph: the body of Loop and Scan, a branch of If. */
export function graphAttribute(name: string, value: OnnxGraph): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.graph, g: value };
}

export function floatsAttribute(name: string, values: readonly number[] | Float32Array): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.floats, floats: Float32Array.from(values) };
}

/** @param values - whole numbers; use bigints beyond ±2^53. */
export function intsAttribute(name: string, values: readonly (number | bigint)[]): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.ints, ints: BigInt64Array.from(values, BigInt) };
}

export function stringsAttribute(name: string, values: readonly string[]): OnnxAttribute {
  return { name, type: ATTRIBUTE_TYPE.strings, strings: values.map((value) => utf8.encode(value)) };
}

/** A graph's input, output or inner value that is a tensor; `shape` null leaves even the rank open. */
export function tensorValueInfo(name: string, dtype: DType, shape: readonly Dim[] | null): OnnxValueInfo {
  const elemType = onnxCodeOf(dtype);
  if (shape === null) return { name, type: { tensorType: { elemType } } };
  return { name, type: { tensorType: { elemType, shape: { dims: shape.map(dimension) } } } };
}

function dimension(dim: Dim): OnnxDimension {
  if (dim === null) return {};
  return typeof dim === 'number' ? { value: dim } : { param: dim };
}

/** The attribute of that name, if the node has it. */
export function attributeOf(node: OnnxNode, name: string): OnnxAttribute | undefined {
  return node.attributes?.find((attribute) => attribute.name === name);
}
