// Reads an ONNX model as a graph, so that a foreign model can be evaluated by the reference, differentiated and trained
// further. What a model computes from sizes and constants alone is computed here, once. Converters by operator are in the
// from-onnx-*.ts files.
import { AmaasError, elementCount, type ErrorReason, type Tensor } from '@amaas/core';
import { constant, input, isFloat, isStatic, type Node, type Shape, type Value } from '../graph/index.ts';
import {
  DTYPE_BY_ONNX_CODE,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
  tensorFromOnnx,
  walkModel,
} from '../onnx/index.ts';
import { evaluate, tensorFromArray } from '../reference/index.ts';
import { CONTROL } from './from-onnx-control.ts';
import { ELEMENTWISE } from './from-onnx-elementwise.ts';
import { type Bound, type Converter, constantSizes, isSizes, NodeContext } from './from-onnx-node.ts';
import { RECURRENT } from './from-onnx-recurrent.ts';
import { FUSED_PRODUCTS, REDUCTIONS } from './from-onnx-reductions.ts';
import { SELECTION } from './from-onnx-selection.ts';
import { SHAPING } from './from-onnx-shaping.ts';
import { CLASSICAL, MICROSOFT_TEXT, TEXT } from './from-onnx-text.ts';
import { WINDOWS } from './from-onnx-windows.ts';

/** Converters by domain ('' is ONNX's own) and operator. */
const CONVERTERS: ReadonlyMap<string, ReadonlyMap<string, Converter>> = new Map([
  [
    '',
    new Map(
      Object.entries({
        ...ELEMENTWISE,
        ...SHAPING,
        ...REDUCTIONS,
        ...SELECTION,
        ...WINDOWS,
        ...TEXT,
        ...CONTROL,
        ...RECURRENT,
      }),
    ),
  ],
  ['com.microsoft', new Map(Object.entries({ ...FUSED_PRODUCTS, ...MICROSOFT_TEXT }))],
  ['ai.onnx.ml', new Map(Object.entries(CLASSICAL))],
]);

/** What is worked out when the model is read may be this large on the way. */
const FOLDED_ON_THE_WAY = 2 ** 20;

/** Results of constants up to this many elements are worked out when the model is read; larger ones stay operations. */
const FOLDED_ELEMENTS = 4096;

export interface FromOnnxOptions {
  /**
   * Whether a stored float tensor becomes an input of the graph, to be trained, instead of a constant. Asked once per
   * tensor; default: none does.
   */
  readonly isParameter?: (name: string, tensor: Tensor) => boolean;
  /** Shapes of inputs by name, instead of those the model declares: numbers where it has symbols. */
  readonly shapes?: ReadonlyMap<string, Shape>;
}

export interface ImportedParameter {
  /** An input named as the stored tensor. */
  readonly value: Value;
  readonly tensor: Tensor;
}

export interface ImportedGraph {
  /** What the model asks its callers for, in its order. */
  readonly inputs: readonly Value[];
  readonly outputs: ReadonlyMap<string, Value>;
  /** The stored tensors that became inputs, in the model's order. */
  readonly parameters: ReadonlyMap<string, ImportedParameter>;
}

/**
 * A model as a graph.
 *
 * Symbols among the sizes are kept; sizes without a name get one. Operators the graph lacks are composed of others
 * where that is exact; dropout is left out, as in inference.
 * @throws UNSUPPORTED_FEATURE naming operator, domain and node for what the graph does not know, or what would need a size
 *   that is not known; INVALID_MODEL where the model breaks ONNX's rules.
 */
export function fromOnnx(model: OnnxModel, options: FromOnnxOptions = {}): ImportedGraph {
  return new Importer(model, options).read();
}

/**
 * Checks that there is a converter for every node, those of branches and loops included.
 * @throws UNSUPPORTED_FEATURE naming operator, domain and node.
 */
export function assertOperatorsKnown(model: OnnxModel): void {
  walkModel(model, {
    node(node) {
      if (converterOf(node) === undefined) throw unknownOperator(node);
    },
  });
}

function converterOf(node: OnnxNode): Converter | undefined {
  return CONVERTERS.get(standardDomain(node.domain))?.get(node.opType);
}

function unknownOperator(node: OnnxNode): AmaasError {
  const domain = standardDomain(node.domain);
  const context = new NodeContext(node, { opset: 1, operands: [], convertGraph: () => [] });
  const owner = domain === '' ? 'of ONNX' : `of ${domain}`;
  return context.unsupported(`cannot be read: there is no operator ${node.opType} ${owner} in graphs`);
}

/** Names in sight: those of a graph, then those of the graphs around it. */
class Scope {
  readonly #bound = new Map<string, Bound>();
  readonly #around: Scope | null;

  constructor(around: Scope | null) {
    this.#around = around;
  }

  bind(name: string, bound: Bound): void {
    this.#bound.set(name, bound);
  }

  find(name: string): Bound | undefined {
    return this.#bound.get(name) ?? this.#around?.find(name);
  }
}

class Importer {
  readonly #model: OnnxModel;
  readonly #options: FromOnnxOptions;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #parameters = new Map<string, ImportedParameter>();
  readonly #ofConstants = new Map<Node, boolean>();

  constructor(model: OnnxModel, options: FromOnnxOptions) {
    this.#model = model;
    this.#options = options;
    this.#opsets = new Map(model.opsetImports.map(({ domain, version }) => [standardDomain(domain), version]));
  }

  read(): ImportedGraph {
    const { graph } = this.#model;
    const scope = new Scope(null);
    this.#bindStored(graph, scope, true);
    const inputs: Value[] = [];
    for (const info of graph.inputs) {
      if (scope.find(info.name) !== undefined) continue; // has a stored value
      const value = this.#inputOf(info);
      inputs.push(value);
      scope.bind(info.name, value);
    }
    const results = this.#convert(graph, scope);
    const outputs = new Map(
      graph.outputs.map(({ name, type }, index) => {
        if (type !== undefined && type.tensorType === undefined) {
          throw new AmaasError('UNSUPPORTED_FEATURE', `onnx: output "${name}" is not a tensor`);
        }
        return [name, results[index] ?? missingOutput(name)] as const;
      }),
    );
    return { inputs, outputs, parameters: this.#parameters };
  }

  #inputOf({ name, type }: OnnxValueInfo): Value {
    const tensorType = type?.tensorType;
    const dtype = DTYPE_BY_ONNX_CODE.get(tensorType?.elemType ?? 0);
    const shape = this.#options.shapes?.get(name) ?? declaredShape(name, tensorType?.shape?.dims);
    if (tensorType === undefined || dtype === undefined || shape === null) {
      const what = tensorType === undefined ? 'is not a tensor' : dtype === undefined ? 'has no dtype' : 'has no rank';
      throw new AmaasError('UNSUPPORTED_FEATURE', `onnx: input "${name}" ${what}`);
    }
    return input(name, dtype, shape);
  }

  #bindStored(graph: OnnxGraph, scope: Scope, mayBeParameters: boolean): void {
    for (const stored of graph.initializers) {
      const name = stored.name ?? '';
      const tensor = tensorFromOnnx(stored);
      const isParameter =
        mayBeParameters && isFloat(tensor.dtype) && this.#options.isParameter?.(name, tensor) === true;
      const value = isParameter ? input(name, tensor.dtype, tensor.shape) : constant(tensor);
      if (isParameter) this.#parameters.set(name, { value, tensor });
      scope.bind(name, value);
    }
    const [sparse] = graph.sparseInitializers ?? [];
    if (sparse !== undefined) {
      throw new AmaasError('UNSUPPORTED_FEATURE', `onnx: tensor "${sparse.values?.name ?? ''}" is stored sparsely`);
    }
  }

  #convert(graph: OnnxGraph, scope: Scope): readonly Value[] {
    for (const node of graph.nodes) this.#convertNode(node, scope);
    return graph.outputs.map(({ name }) => {
      const bound = scope.find(name);
      const value = bound !== undefined && isSizes(bound) ? constantSizes(bound) : bound;
      if (value === null) {
        throw new AmaasError('UNSUPPORTED_FEATURE', `onnx: output "${name}" is a size that is not known: give it`);
      }
      return value ?? missingOutput(name);
    });
  }

  #convertNode(node: OnnxNode, scope: Scope): void {
    const converter = converterOf(node);
    if (converter === undefined) throw unknownOperator(node);
    const operands = node.inputs.map((name) => {
      const bound = name === '' ? undefined : scope.find(name);
      if (bound === undefined && name !== '') {
        throw new AmaasError('INVALID_MODEL', `onnx: ${node.opType} reads "${name}", which nothing gives`);
      }
      return bound;
    });
    const context = new NodeContext(node, {
      opset: this.#opsets.get(standardDomain(node.domain)) ?? 1,
      operands,
      convertGraph: (graph, given) => {
        const inner = new Scope(scope);
        this.#bindStored(graph, inner, false);
        for (const [name, bound] of given) inner.bind(name, bound);
        return this.#convert(graph, inner);
      },
    });
    const results = refusing(context, () => {
      const converted = converter(context);
      return (isList(converted) ? converted : [converted]).map((bound) =>
        isSizes(bound) ? (constantSizes(bound) ?? bound) : this.#fold(bound),
      );
    });
    for (const [index, name] of node.outputs.entries()) {
      const bound = results[index];
      if (name !== '' && bound !== undefined) scope.bind(name, bound);
    }
  }

  /** What depends on constants alone and is small becomes one: the arithmetic of shapes. */
  #fold(value: Value): Value {
    const { origin, shape } = value;
    if (origin.kind !== 'node' || !this.#isOfConstants(origin.node)) return value;
    if (!isStatic(shape) || elementCount(shape) > FOLDED_ELEMENTS) return value;
    const [array] = evaluate([value], new Map());
    return array === undefined ? value : constant(tensorFromArray(array));
  }

  /** One converter may make several nodes, so that the way to known ones can be a few steps long. */
  #isOfConstants(node: Node): boolean {
    const known = this.#ofConstants.get(node);
    if (known !== undefined) return known;
    const isSmall = node.outputs.every(({ shape }) => isStatic(shape) && elementCount(shape) <= FOLDED_ON_THE_WAY);
    const found =
      isSmall &&
      node.inputs.every(
        ({ origin }) => origin.kind === 'constant' || (origin.kind === 'node' && this.#isOfConstants(origin.node)),
      );
    this.#ofConstants.set(node, found);
    return found;
  }
}

/** What graphs and the reference refuse, in terms of the model and the node. */
function refusing<T>(context: NodeContext, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof RangeError) throw context.invalid(`asks for sizes that cannot be: ${error.message}`);
    if (!(error instanceof AmaasError) || !GRAPH_REASONS.has(error.reason)) throw error;
    // The model's fault where all sizes are known, else it may be for want of them.
    const open = context.operands.some(
      (bound) => bound !== undefined && !isSizes(bound) && bound.shape.some((size) => typeof size === 'string'),
    );
    throw open
      ? context.unsupported(`cannot be read: ${error.message}`)
      : context.invalid(`is wrong: ${error.message}`);
  }
}

const GRAPH_REASONS: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  'INVALID_GRAPH',
  'INVALID_SHAPE',
  'INPUT_MISMATCH',
]);

function isList(converted: Bound | readonly Bound[]): converted is readonly Bound[] {
  return Array.isArray(converted);
}

function declaredShape(name: string, dims: readonly { value?: number; param?: string }[] | undefined): Shape | null {
  if (dims === undefined) return null;
  return dims.map(
    // Some exporters write −1 for a size that is not known.
    ({ value = -1, param = '' }, axis) => (value >= 0 ? value : param === '' ? `${name}:${axis}` : param),
  );
}

function standardDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

function missingOutput(name: string): never {
  throw new AmaasError('INVALID_MODEL', `onnx: output "${name}" is not computed by any node`);
}
