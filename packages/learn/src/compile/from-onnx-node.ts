// What a converter of one ONNX operator is given: the node's operands as graph values, its attributes with their defaults,
// and ways to refuse that name the node.
import { AmaasError, type DType, type Tensor } from '@amaas/core';
import { arrayFromTensor, isText } from '../reference/index.ts';
import { constantOf, type Shape, type Size, type Value } from '../graph/index.ts';
import {
  attributeOf,
  DTYPE_BY_ONNX_CODE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  tensorFromOnnx,
} from '../onnx/index.ts';

/** Sizes of a tensor as a value of the model: int64, of which some may be symbols. */
export interface Sizes {
  readonly kind: 'sizes';
  readonly sizes: Shape;
  /** One size of shape [] instead of a list of shape [n]. */
  readonly isScalar: boolean;
}

/** What a name of the model stands for. */
export type Bound = Value | Sizes;

/** Gives the outputs of a node, one or in order; outputs nobody reads may be left out at the end. */
export type Converter = (context: NodeContext) => Bound | readonly Bound[];
export type Converters = Readonly<Record<string, Converter>>;

/** The values of a body, with those around it in sight. */
export type ConvertGraph = (graph: OnnxGraph, given: ReadonlyMap<string, Bound>) => readonly Value[];

export function isSizes(bound: Bound): bound is Sizes {
  return 'kind' in bound;
}

/** Known sizes as a constant; null where one is a symbol. */
export function constantSizes({ sizes, isScalar }: Sizes): Value | null {
  const known = sizes.filter((size) => typeof size === 'number');
  return known.length < sizes.length ? null : constantOf('int64', isScalar ? [] : [sizes.length], known);
}

export interface NodeSurroundings {
  /** Version of the operator set the node's domain has in the model. */
  readonly opset: number;
  readonly operands: readonly (Bound | undefined)[];
  readonly convertGraph: ConvertGraph;
}

export class NodeContext {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly operands: readonly (Bound | undefined)[];
  readonly convertGraph: ConvertGraph;

  constructor(node: OnnxNode, { opset, operands, convertGraph }: NodeSurroundings) {
    this.node = node;
    this.opset = opset;
    this.operands = operands;
    this.convertGraph = convertGraph;
  }

  /** `Conv "conv1"`, or by the first output where the node has no name. */
  get label(): string {
    const { domain = '', opType, name = '', outputs } = this.node;
    return `${domain === '' || domain === 'ai.onnx' ? '' : `${domain}.`}${opType} "${name === '' ? (outputs[0] ?? '') : name}"`;
  }

  /** The refusal of something the graph cannot express. */
  unsupported(what: string): AmaasError {
    return new AmaasError('UNSUPPORTED_FEATURE', `onnx: ${this.label} ${what}`);
  }

  /** The refusal of a node that breaks ONNX's rules. */
  invalid(what: string): AmaasError {
    return new AmaasError('INVALID_MODEL', `onnx: ${this.label} ${what}`);
  }

  /** Whether anything may read the output. */
  hasOutput(index: number): boolean {
    return (this.node.outputs[index] ?? '') !== '';
  }

  /** @throws INVALID_MODEL when the node has no such input; UNSUPPORTED_FEATURE for sizes that are not known. */
  value(index: number): Value {
    return this.optional(index) ?? this.#missing(index);
  }

  optional(index: number): Value | undefined {
    const bound = this.operands[index];
    if (bound === undefined || !isSizes(bound)) return bound;
    const known = constantSizes(bound);
    if (known === null) throw this.unsupported(`computes with the sizes [${bound.sizes}]: give them`);
    return known;
  }

  /** All operands, in order. */
  values(): readonly Value[] {
    return this.operands.map((_, index) => this.value(index));
  }

  /** An operand that is known now, as numbers row by row; undefined where it was left out. @throws UNSUPPORTED_FEATURE */
  numbers(index: number): readonly number[] | undefined {
    const value = this.optional(index);
    if (value === undefined) return undefined;
    if (value.origin.kind !== 'constant') throw this.unsupported(`has an input ${index} that is computed`);
    const array = arrayFromTensor(value.origin.tensor);
    if (isText(array)) throw this.invalid(`has text where numbers are expected`);
    return Array.from(array.data);
  }

  /** Like {@link numbers}, but symbols may be among them. */
  sizes(index: number): readonly Size[] | undefined {
    const bound = this.operands[index];
    return bound !== undefined && isSizes(bound) ? bound.sizes : this.numbers(index);
  }

  /** An operand of one number that is known now. */
  number(index: number): number | undefined {
    const numbers = this.numbers(index);
    if (numbers !== undefined && numbers.length !== 1) throw this.invalid(`needs one number as input ${index}`);
    return numbers?.[0];
  }

  attribute(name: string): OnnxAttribute | undefined {
    return attributeOf(this.node, name);
  }

  int(name: string, fallback: number): number {
    const value = this.attribute(name)?.i;
    return value === undefined ? fallback : Number(value);
  }

  float(name: string, fallback: number): number {
    return this.attribute(name)?.f ?? fallback;
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.attribute(name);
    if (attribute === undefined) return undefined;
    return Array.from(attribute.ints ?? [], Number);
  }

  text(name: string, fallback: string): string {
    const bytes = this.attribute(name)?.s;
    return bytes === undefined ? fallback : new TextDecoder().decode(bytes);
  }

  floats(name: string): readonly number[] | undefined {
    const attribute = this.attribute(name);
    return attribute === undefined ? undefined : Array.from(attribute.floats ?? []);
  }

  texts(name: string): readonly string[] | undefined {
    const attribute = this.attribute(name);
    if (attribute === undefined) return undefined;
    const decoder = new TextDecoder();
    return (attribute.strings ?? []).map((bytes) => decoder.decode(bytes));
  }

  tensor(name: string): Tensor | undefined {
    const stored = this.attribute(name)?.t;
    return stored === undefined ? undefined : tensorFromOnnx(stored);
  }

  graph(name: string): OnnxGraph {
    const graph = this.attribute(name)?.g;
    if (graph === undefined) throw this.invalid(`has no graph ${name}`);
    return graph;
  }

  /** The dtype an attribute names by ONNX's number. */
  dtype(name: string, fallback: DType): DType {
    const code = this.int(name, 0);
    if (code === 0) return fallback;
    const dtype = DTYPE_BY_ONNX_CODE.get(code);
    if (dtype === undefined) throw this.invalid(`names element type ${code}, which ONNX does not define`);
    return dtype;
  }

  #missing(index: number): never {
    throw this.invalid(`has no input ${index}`);
  }
}
