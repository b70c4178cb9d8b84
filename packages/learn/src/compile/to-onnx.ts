// Writes a graph as an ONNX model. Operations are named as ONNX's operators, so a node becomes a node; what remains is
// naming values, turning attributes that ONNX takes as inputs into constants, and bodies into subgraphs.
import { AmaasError, createTensor, type DType, formatShape, isDType, type Tensor } from '@amaas/core';
import {
  type AttributeKind,
  type AttributeValue,
  type Body,
  collectInputs,
  isBody,
  joinScans,
  type Node,
  type Shape,
  sortNodes,
  type Value,
} from '../graph/index.ts';
import {
  floatAttribute,
  floatsAttribute,
  graphAttribute,
  intAttribute,
  intsAttribute,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxOpset,
  type OnnxTensor,
  onnxCodeOf,
  onnxFromTensor,
  stringAttribute,
  stringsAttribute,
  tensorAttribute,
  tensorValueInfo,
  writeModel,
} from '../onnx/index.ts';

/**
 * The standard operators' version written: the first that has operators for text (comparing it since 19, matching and
 * joining it since 20). ONNX Runtime reads it since 1.17; in Node and browsers it runs as fast as 18.
 */
export const ONNX_OPSET = 20;
/** Versions of the other operator sets, where a model uses them. */
const OTHER_OPSETS: ReadonlyMap<string, number> = new Map([
  ['ai.onnx.ml', 3],
  ['com.microsoft', 1],
]);
/** Operators of later versions, which only models that have them ask for. ONNX Runtime has had these since 1.23. */
const LATER_OPERATORS: ReadonlyMap<string, number> = new Map([['RMSNormalization', 23]]);
/** The file format's version that goes with opset 20, and with 23. */
const IR_VERSION = 9;
const LATER_IR_VERSION = 11;

export interface OnnxOptions {
  /** Inputs in the order the model declares them; those the outputs depend on but that are missing here follow. */
  readonly inputs?: readonly Value[];
  readonly metadata?: ReadonlyMap<string, string>;
}

/** A graph as a serialized ONNX model. @throws as {@link toOnnx} */
export function compileToOnnx(outputs: ReadonlyMap<string, Value>, options: OnnxOptions = {}): Uint8Array {
  return writeModel(toOnnx(outputs, options));
}

/**
 * A graph as an ONNX model.
 * @param outputs - by the names the model gives them
 * @throws INVALID_GRAPH when two inputs share a name, or an input and an output, or one has none.
 */
export function toOnnx(outputs: ReadonlyMap<string, Value>, options: OnnxOptions = {}): OnnxModel {
  const declared = options.inputs ?? [];
  // Of the inputs as they were asked for: joining may drop one, which the model still declares.
  const inputs = [...new Set([...declared, ...collectInputs(outputs.values())])];
  const joined = joinScans([...outputs.values()]);
  const naming = new Naming();
  for (const value of inputs) naming.reserve(inputName(value));
  for (const name of outputs.keys()) naming.reserve(name);
  const graph = new GraphWriter(naming, new Map(inputs.map((value) => [value, inputName(value)])));
  const written = graph.write([...outputs.keys()].map((name, index) => [name, joined[index] ?? fail(name)] as const));
  const opsetImports = opsets(written);
  return {
    irVersion: opsetImports[0]?.version === ONNX_OPSET ? IR_VERSION : LATER_IR_VERSION,
    opsetImports,
    producerName: 'amaas',
    graph: {
      ...written,
      name: 'amaas',
      inputs: inputs.map((value) => tensorValueInfo(inputName(value), value.dtype, value.shape)),
      outputs: [...outputs].map(([name, value]) => tensorValueInfo(name, value.dtype, value.shape)),
    },
    ...(options.metadata === undefined
      ? {}
      : { metadata: [...options.metadata].map(([key, value]) => ({ key, value })) }),
  };
}

function fail(name: string): never {
  throw new AmaasError('INTERNAL', `onnx: output ${name} was lost`);
}

function inputName(value: Value): string {
  if (value.origin.kind !== 'input')
    throw new AmaasError('INVALID_GRAPH', 'onnx: expected an input, got a computed value');
  return value.origin.name;
}

function opsets(graph: OnnxGraph): readonly OnnxOpset[] {
  const domains = new Set<string>();
  let version = ONNX_OPSET;
  const visit = ({ nodes }: OnnxGraph): void => {
    for (const { opType, domain, attributes } of nodes) {
      if (domain !== undefined) domains.add(domain);
      else version = Math.max(version, LATER_OPERATORS.get(opType) ?? 0);
      for (const { g } of attributes ?? []) if (g !== undefined) visit(g);
    }
  };
  visit(graph);
  return [{ version }, ...[...domains].map((domain) => ({ domain, version: OTHER_OPSETS.get(domain) ?? 1 }))];
}

/** Names that are unique in the whole model: a body may not reuse a name of the graph around it. */
class Naming {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  /** @throws INVALID_GRAPH when the name is taken, or empty: that is how ONNX writes what is left out */
  reserve(name: string): void {
    if (name === '') throw new AmaasError('INVALID_GRAPH', 'onnx: an input or output has no name');
    if (this.#taken.has(name)) throw new AmaasError('INVALID_GRAPH', `onnx: two inputs or outputs are named ${name}`);
    this.#taken.add(name);
  }

  create(stem: string): string {
    for (;;) {
      const count = this.#counts.get(stem) ?? 0;
      this.#counts.set(stem, count + 1);
      const name = `${stem}_${count}`;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}

class GraphWriter {
  readonly #naming: Naming;
  readonly #names: Map<Value, string>;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #integers = new Map<string, string>();

  constructor(naming: Naming, known: ReadonlyMap<Value, string>) {
    this.#naming = naming;
    this.#names = new Map(known);
  }

  write(outputs: readonly (readonly [string, Value])[]): OnnxGraph {
    const copies: OnnxNode[] = [];
    for (const [name, value] of outputs) {
      // Only a fresh node output can be named at will; everything else is copied under the wanted name.
      if (value.origin.kind === 'node' && !this.#names.has(value)) this.#names.set(value, name);
      else copies.push({ opType: 'Identity', inputs: [], outputs: [name] });
    }
    for (const node of sortNodes(outputs.map(([, value]) => value))) this.#writeNode(node);
    let next = 0;
    for (const [name, value] of outputs) {
      const copy = copies[next];
      if (copy?.outputs[0] !== name) continue;
      this.#nodes.push({ ...copy, inputs: [this.#nameOf(value)] });
      next++;
    }
    return { nodes: this.#nodes, initializers: this.#initializers, inputs: [], outputs: [] };
  }

  #nameOf(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    if (value.origin.kind !== 'constant') {
      throw new AmaasError('INVALID_GRAPH', 'onnx: a body uses a value from outside that is not among its inputs');
    }
    const name = this.#naming.create('constant');
    this.#initializers.push(onnxFromTensor(name, value.origin.tensor));
    this.#names.set(value, name);
    return name;
  }

  #writeNode(node: Node): void {
    const { operation, attributes } = node;
    const captures = operation.countCaptures?.(attributes) ?? 0;
    const inputs = node.inputs.map((value) => this.#nameOf(value));
    const captured = inputs.slice(inputs.length - captures);
    const operands: string[] = [];
    const places = operation.places?.(node.inputs);
    for (const [index, name] of inputs.slice(0, inputs.length - captures).entries()) {
      while (operands.length < (places?.[index] ?? index)) operands.push('');
      operands.push(name);
    }
    const written: OnnxAttribute[] = [];
    for (const [name, spec] of Object.entries(operation.attributes)) {
      const value = attributes[name];
      // What is left out keeps its place among the inputs, by an empty name.
      if (spec.asInput === true) operands.push(value === undefined ? '' : this.#integersFor(node, spec.kind, value));
      else if (value !== undefined) written.push(this.#attribute(name, spec.kind, { value, captured }));
    }
    while (operands.at(-1) === '') operands.pop();
    const outputs = node.outputs.map((value) => {
      const known = this.#names.get(value);
      if (known !== undefined) return known;
      const name = this.#naming.create(operation.name);
      this.#names.set(value, name);
      return name;
    });
    this.#nodes.push({
      opType: operation.name,
      inputs: operands,
      outputs,
      ...(written.length === 0 ? {} : { attributes: written }),
      ...(operation.domain === '' ? {} : { domain: operation.domain }),
    });
  }

  /** An attribute that ONNX takes as an input of integers; equal ones are stored once. */
  #integersFor(node: Node, kind: AttributeKind, value: AttributeValue): string {
    const numbers = kind === 'shape' ? runtimeShape(node) : typeof value === 'number' ? [value] : value;
    if (!isNumbers(numbers)) throw unwritable(node.operation.name, kind);
    const key = kind === 'int' ? `scalar ${value}` : numbers.join();
    const known = this.#integers.get(key);
    if (known !== undefined) return known;
    const name = this.#naming.create('integers');
    const data = BigInt64Array.from(numbers, BigInt);
    this.#initializers.push(onnxFromTensor(name, createTensor('int64', kind === 'int' ? [] : [data.length], data)));
    this.#integers.set(key, name);
    return name;
  }

  #attribute(
    name: string,
    kind: AttributeKind,
    { value, captured }: { readonly value: AttributeValue; readonly captured: readonly string[] },
  ): OnnxAttribute {
    switch (kind) {
      case 'int':
        if (typeof value === 'number') return intAttribute(name, value);
        break;
      case 'float':
        if (typeof value === 'number') return floatAttribute(name, value);
        break;
      case 'string':
        if (typeof value === 'string') return stringAttribute(name, value);
        break;
      case 'dtype':
        if (typeof value === 'string' && isDType(value)) return intAttribute(name, onnxCodeOf(value satisfies DType));
        break;
      case 'ints':
      case 'shape':
        if (isNumbers(value)) return intsAttribute(name, value);
        break;
      case 'floats':
        if (isNumbers(value)) return floatsAttribute(name, value);
        break;
      case 'strings':
        if (isTexts(value)) return stringsAttribute(name, value);
        break;
      case 'tensor':
        if (isTensor(value)) return tensorAttribute(name, onnxFromTensor('', value));
        break;
      case 'body':
        if (isBody(value)) return graphAttribute(name, this.#body(value, captured));
        break;
      default:
        kind satisfies never;
    }
    throw unwritable(name, kind);
  }

  #body(body: Body, captured: readonly string[]): OnnxGraph {
    const own = body.inputs.slice(0, body.inputs.length - captured.length);
    const names = new Map<Value, string>();
    for (const value of own) names.set(value, this.#naming.create('item'));
    for (const [index, value] of body.inputs.slice(own.length).entries()) names.set(value, captured[index] ?? '');
    const outputs = body.outputs.map((value) => [this.#naming.create('result'), value] as const);
    const graph = new GraphWriter(this.#naming, names).write(outputs);
    return {
      ...graph,
      name: 'body',
      inputs: own.map((value) => tensorValueInfo(names.get(value) ?? '', value.dtype, value.shape)),
      outputs: outputs.map(([name, value]) => tensorValueInfo(name, value.dtype, value.shape)),
    };
  }
}

/** A target shape as ONNX takes it: what keeps its place is 0 (Reshape) or 1 (Expand), one other unknown may be −1. */
function runtimeShape({ operation, inputs, outputs }: Node): readonly number[] {
  const from: Shape = inputs[0]?.shape ?? [];
  const to: Shape = outputs[0]?.shape ?? [];
  if (operation.name === 'Expand') {
    return to.map((size, axis) => {
      if (typeof size === 'number') return size;
      if (from[axis - to.length + from.length] === size) return 1;
      throw new AmaasError('INVALID_GRAPH', `Expand: size ${size} of ${formatShape(to)} is not known`);
    });
  }
  const numbers = to.map((size, axis) => (typeof size === 'number' ? size : from[axis] === size ? 0 : -1));
  if (numbers.filter((size) => size === -1).length > 1) {
    throw new AmaasError('INVALID_GRAPH', `Reshape: more than one size of ${formatShape(to)} is not known`);
  }
  return numbers;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number');
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value;
}

function unwritable(name: string, kind: AttributeKind): AmaasError {
  return new AmaasError('INVALID_GRAPH', `onnx: attribute ${name} does not hold ${kind}`);
}
