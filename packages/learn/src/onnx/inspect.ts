// What a server wants to know of a model without running it: inputs and outputs, operators, sizes, outside files.
// Judges nothing: whether control flow or a sequence output is acceptable is decided elsewhere.
import {
  AmaasError,
  byteSize,
  type Dim,
  type DType,
  elementCount,
  formatShape,
  type TensorSpec,
  tensorByteLength,
} from '@amaas/core';
import { DTYPE_BY_ONNX_CODE } from './dtype-codes.ts';
import { type ExternalData, externalDataOf } from './external-data.ts';
import type { OnnxModel, OnnxNode, OnnxShape, OnnxTensor, OnnxTensorType, OnnxType, OnnxValueInfo } from './model.ts';
import { tensorFromOnnx } from './tensor-proto.ts';
import { initializerNames } from './initializers.ts';
import { subgraphsOf, walkModel } from './walk.ts';

/** An input or output that is a tensor. */
export interface InspectedTensor extends TensorSpec {
  readonly kind: 'tensor';
}

/** An input or output that is something else; `description` is like `seq(map(int64,tensor(float32)))`. */
export interface InspectedOther {
  readonly kind: 'sequence' | 'map' | 'optional' | 'sparse' | 'opaque' | 'unknown';
  readonly name: string;
  readonly description: string;
  readonly optional?: true;
}

export type InspectedValue = InspectedTensor | InspectedOther;

export interface ModelInspection {
  readonly irVersion: number;
  /** Name and version of the exporter, `pytorch 2.4`; `''` when the file does not say. */
  readonly producer: string;
  /** Version by domain; ONNX's own domain is `''`. */
  readonly opsets: ReadonlyMap<string, number>;
  /** What a caller has to give, in the file's order: graph inputs without an initializer of the same name. */
  readonly inputs: readonly InspectedValue[];
  /**
   * Inputs with an initializer as their default (since IR 4). Kept apart because ONNX Runtime's Node binding ignores
   * values given for them; many exporters list every weight here. `freezeInitializers` removes them.
   */
  readonly overridableInputs: readonly InspectedValue[];
  readonly outputs: readonly InspectedValue[];
  /** Sorted: If, Loop, Scan, SequenceMap and whatever else holds a subgraph, at any depth. */
  readonly controlFlowOperators: readonly string[];
  readonly externalData: readonly ExternalData[];
  /** Nodes of the graph, its subgraphs and local functions (each function counted once). */
  readonly operatorCount: number;
  /** How many nodes of each type, sorted by name; types outside ONNX's own domain as `ai.onnx.ml.ZipMap`. */
  readonly operatorTypes: ReadonlyMap<string, number>;
  /** Elements of all stored tensors: initializers, and constants in attributes. Lists of numbers in attributes (tree ensembles) are not counted. */
  readonly parameterCount: number;
  /** Bytes those tensors take in memory, external data included. */
  readonly weightBytes: number;
}

const CONTROL_FLOW: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/** Before this IR version an initializer had to be listed as an input and could not be overridden. */
const IR_WITH_OPTIONAL_INPUTS = 4;

/**
 * Reports on a model.
 * @throws INVALID_MODEL when a stored tensor's dims or its reference to external data make no sense.
 */
export function inspectModel(model: OnnxModel): ModelInspection {
  const controlFlow = new Set<string>();
  const externalData: ExternalData[] = [];
  const operators = new Map<string, number>();
  let operatorCount = 0;
  let parameterCount = 0;
  let weightBytes = 0;
  walkModel(model, {
    node(node) {
      operatorCount++;
      const type = qualifiedType(node);
      operators.set(type, (operators.get(type) ?? 0) + 1);
      if (CONTROL_FLOW.has(type) || holdsGraph(node)) controlFlow.add(type);
    },
    tensor(tensor, place) {
      const external = externalDataOf(tensor, place);
      if (external !== null) externalData.push(external);
      const elements = countElements(tensor, place);
      parameterCount += elements;
      weightBytes += measureBytes(tensor, elements);
    },
  });
  const { inputs } = model.graph;
  const withDefault = initializerNames(model.graph);
  return {
    irVersion: model.irVersion,
    producer: [model.producerName, model.producerVersion].filter((part) => part).join(' '),
    opsets: new Map(model.opsetImports.map((opset) => [ownDomain(opset.domain), opset.version])),
    inputs: inputs.filter(({ name }) => !withDefault.has(name)).map(inspectValue),
    overridableInputs:
      model.irVersion < IR_WITH_OPTIONAL_INPUTS
        ? []
        : inputs.filter(({ name }) => withDefault.has(name)).map((info) => ({ ...inspectValue(info), optional: true })),
    outputs: model.graph.outputs.map(inspectValue),
    controlFlowOperators: [...controlFlow].sort(),
    externalData,
    operatorCount,
    operatorTypes: new Map([...operators].sort(([a], [b]) => (a < b ? -1 : 1))),
    parameterCount,
    weightBytes,
  };
}

/** What an input or output is. */
export function inspectValue({ name, type }: OnnxValueInfo): InspectedValue {
  const description = describeType(type);
  if (type?.tensorType !== undefined) {
    const dtype = DTYPE_BY_ONNX_CODE.get(type.tensorType.elemType);
    if (dtype === undefined) return { kind: 'unknown', name, description };
    return { kind: 'tensor', name, dtype, shape: dimsOf(type.tensorType.shape) };
  }
  if (type?.sequenceType !== undefined) return { kind: 'sequence', name, description };
  if (type?.mapType !== undefined) return { kind: 'map', name, description };
  if (type?.optionalType !== undefined) return { kind: 'optional', name, description };
  if (type?.sparseTensorType !== undefined) return { kind: 'sparse', name, description };
  if (type?.opaqueType !== undefined) return { kind: 'opaque', name, description };
  return { kind: 'unknown', name, description };
}

function dimsOf(shape: OnnxShape | undefined): readonly Dim[] | null {
  if (shape === undefined) return null;
  return shape.dims.map(({ value, param }) => {
    // Some exporters write −1 for an unknown dim; ONNX Runtime reads it so too.
    if (value !== undefined) return value >= 0 ? value : null;
    return param === undefined || param === '' ? null : param;
  });
}

function describeType(type: OnnxType | undefined): string {
  if (type?.tensorType !== undefined) return describeTensorType('tensor', type.tensorType);
  if (type?.sparseTensorType !== undefined) return describeTensorType('sparse_tensor', type.sparseTensorType);
  if (type?.sequenceType !== undefined) return `seq(${describeType(type.sequenceType.elemType)})`;
  if (type?.optionalType !== undefined) return `optional(${describeType(type.optionalType.elemType)})`;
  if (type?.mapType !== undefined) {
    return `map(${dtypeName(type.mapType.keyType)},${describeType(type.mapType.valueType)})`;
  }
  if (type?.opaqueType !== undefined) return `opaque(${type.opaqueType.domain ?? ''},${type.opaqueType.name ?? ''})`;
  return 'no type';
}

function describeTensorType(word: string, { elemType, shape }: OnnxTensorType): string {
  const dims = dimsOf(shape);
  return `${word}(${dtypeName(elemType)}${dims === null || dims.length === 0 ? '' : ` ${formatShape(dims)}`})`;
}

function dtypeName(code: number): DType | `element type ${number}` {
  return DTYPE_BY_ONNX_CODE.get(code) ?? `element type ${code}`;
}

/** Whether a domain is ONNX's own, which has two spellings. */
function ownDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

/** The operator's name, with its domain where that is not ONNX's own. */
export function qualifiedType(node: OnnxNode): string {
  const domain = ownDomain(node.domain);
  return domain === '' ? node.opType : `${domain}.${node.opType}`;
}

function holdsGraph(node: OnnxNode): boolean {
  return (node.attributes ?? []).some((attribute) => subgraphsOf(attribute).length > 0);
}

function countElements(tensor: OnnxTensor, place: string): number {
  try {
    return elementCount(tensor.dims);
  } catch (error) {
    throw new AmaasError('INVALID_MODEL', `onnx: ${place} has dims ${formatShape(tensor.dims)}, which no tensor can`, {
      cause: error,
    });
  }
}

function measureBytes(tensor: OnnxTensor, elements: number): number {
  const dtype = DTYPE_BY_ONNX_CODE.get(tensor.dataType);
  if (dtype === undefined) return 0;
  if (dtype !== 'string') return byteSize(dtype, elements);
  return tensorByteLength(tensorFromOnnx(tensor));
}
