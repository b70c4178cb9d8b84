// The messages of onnx.proto as tables: property → field number and kind.
// Source: onnx/onnx, onnx.proto (IR version 13).
import { type Descriptor, describeMessage } from './descriptor.ts';
import type {
  OnnxAttribute,
  OnnxDimension,
  OnnxElementType,
  OnnxEntry,
  OnnxFunction,
  OnnxGraph,
  OnnxMapType,
  OnnxModel,
  OnnxNode,
  OnnxOpaqueType,
  OnnxOpset,
  OnnxSegment,
  OnnxShape,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxTensorAnnotation,
  OnnxTensorType,
  OnnxTrainingInfo,
  OnnxType,
  OnnxValueInfo,
} from './model.ts';

const ENTRY: Descriptor<OnnxEntry> = describeMessage<OnnxEntry>('StringStringEntryProto', {
  key: [1, 'string', 'required'],
  value: [2, 'string', 'required'],
});

const OPSET: Descriptor<OnnxOpset> = describeMessage<OnnxOpset>('OperatorSetIdProto', {
  domain: [1, 'string'],
  version: [2, 'integer', 'required'],
});

const SEGMENT: Descriptor<OnnxSegment> = describeMessage<OnnxSegment>('TensorProto.Segment', {
  begin: [1, 'int64'],
  end: [2, 'int64'],
});

export const TENSOR: Descriptor<OnnxTensor> = describeMessage<OnnxTensor>('TensorProto', {
  dims: [1, 'integers', 'required'],
  dataType: [2, 'int32', 'required'],
  segment: [3, 'message', () => SEGMENT],
  floatData: [4, 'fixed32s'],
  int32Data: [5, 'varints'],
  stringData: [6, 'bytesList'],
  int64Data: [7, 'varints'],
  name: [8, 'string'],
  rawData: [9, 'bytes'],
  doubleData: [10, 'fixed64s'],
  uint64Data: [11, 'varints'],
  docString: [12, 'string'],
  externalData: [13, 'messages', () => ENTRY],
  dataLocation: [14, 'int32'],
  metadata: [16, 'messages', () => ENTRY],
});

const SPARSE_TENSOR: Descriptor<OnnxSparseTensor> = describeMessage<OnnxSparseTensor>('SparseTensorProto', {
  values: [1, 'message', () => TENSOR],
  indices: [2, 'message', () => TENSOR],
  dims: [3, 'integers', 'required'],
});

const DIMENSION: Descriptor<OnnxDimension> = describeMessage<OnnxDimension>(
  'TensorShapeProto.Dimension',
  {
    value: [1, 'integer'],
    param: [2, 'string'],
    denotation: [3, 'string'],
  },
  ['value', 'param'],
);

const SHAPE: Descriptor<OnnxShape> = describeMessage<OnnxShape>('TensorShapeProto', {
  dims: [1, 'messages', () => DIMENSION, 'required'],
});

const TENSOR_TYPE: Descriptor<OnnxTensorType> = describeMessage<OnnxTensorType>('TypeProto.Tensor', {
  elemType: [1, 'int32', 'required'],
  shape: [2, 'message', () => SHAPE],
});

const ELEMENT_TYPE: Descriptor<OnnxElementType> = describeMessage<OnnxElementType>('TypeProto.Sequence', {
  elemType: [1, 'message', () => TYPE],
});

const MAP_TYPE: Descriptor<OnnxMapType> = describeMessage<OnnxMapType>('TypeProto.Map', {
  keyType: [1, 'int32', 'required'],
  valueType: [2, 'message', () => TYPE],
});

const OPAQUE_TYPE: Descriptor<OnnxOpaqueType> = describeMessage<OnnxOpaqueType>('TypeProto.Opaque', {
  domain: [1, 'string'],
  name: [2, 'string'],
});

const TYPE: Descriptor<OnnxType> = describeMessage<OnnxType>(
  'TypeProto',
  {
    tensorType: [1, 'message', () => TENSOR_TYPE],
    sequenceType: [4, 'message', () => ELEMENT_TYPE],
    mapType: [5, 'message', () => MAP_TYPE],
    denotation: [6, 'string'],
    opaqueType: [7, 'message', () => OPAQUE_TYPE],
    sparseTensorType: [8, 'message', () => TENSOR_TYPE],
    optionalType: [9, 'message', () => ELEMENT_TYPE],
  },
  ['tensorType', 'sequenceType', 'mapType', 'opaqueType', 'sparseTensorType', 'optionalType'],
);

const VALUE_INFO: Descriptor<OnnxValueInfo> = describeMessage<OnnxValueInfo>('ValueInfoProto', {
  name: [1, 'string', 'required'],
  type: [2, 'message', () => TYPE],
  docString: [3, 'string'],
  metadata: [4, 'messages', () => ENTRY],
});

const ATTRIBUTE: Descriptor<OnnxAttribute> = describeMessage<OnnxAttribute>('AttributeProto', {
  name: [1, 'string', 'required'],
  f: [2, 'float'],
  i: [3, 'int64'],
  s: [4, 'bytes'],
  t: [5, 'message', () => TENSOR],
  g: [6, 'message', () => GRAPH],
  floats: [7, 'floats'],
  ints: [8, 'int64s'],
  strings: [9, 'bytesList'],
  tensors: [10, 'messages', () => TENSOR],
  graphs: [11, 'messages', () => GRAPH],
  docString: [13, 'string'],
  typeProto: [14, 'message', () => TYPE],
  typeProtos: [15, 'messages', () => TYPE],
  type: [20, 'int32'],
  refAttrName: [21, 'string'],
  sparseTensor: [22, 'message', () => SPARSE_TENSOR],
  sparseTensors: [23, 'messages', () => SPARSE_TENSOR],
});

const NODE: Descriptor<OnnxNode> = describeMessage<OnnxNode>('NodeProto', {
  inputs: [1, 'strings', 'required'],
  outputs: [2, 'strings', 'required'],
  name: [3, 'string'],
  opType: [4, 'string', 'required'],
  attributes: [5, 'messages', () => ATTRIBUTE],
  docString: [6, 'string'],
  domain: [7, 'string'],
  overload: [8, 'string'],
  metadata: [9, 'messages', () => ENTRY],
});

const TENSOR_ANNOTATION: Descriptor<OnnxTensorAnnotation> = describeMessage<OnnxTensorAnnotation>('TensorAnnotation', {
  tensorName: [1, 'string'],
  parameters: [2, 'messages', () => ENTRY],
});

const GRAPH: Descriptor<OnnxGraph> = describeMessage<OnnxGraph>('GraphProto', {
  nodes: [1, 'messages', () => NODE, 'required'],
  name: [2, 'string'],
  initializers: [5, 'messages', () => TENSOR, 'required'],
  docString: [10, 'string'],
  inputs: [11, 'messages', () => VALUE_INFO, 'required'],
  outputs: [12, 'messages', () => VALUE_INFO, 'required'],
  valueInfos: [13, 'messages', () => VALUE_INFO],
  quantizationAnnotations: [14, 'messages', () => TENSOR_ANNOTATION],
  sparseInitializers: [15, 'messages', () => SPARSE_TENSOR],
  metadata: [16, 'messages', () => ENTRY],
});

const FUNCTION: Descriptor<OnnxFunction> = describeMessage<OnnxFunction>('FunctionProto', {
  name: [1, 'string', 'required'],
  inputs: [4, 'strings', 'required'],
  outputs: [5, 'strings', 'required'],
  attributes: [6, 'strings'],
  nodes: [7, 'messages', () => NODE, 'required'],
  docString: [8, 'string'],
  opsetImports: [9, 'messages', () => OPSET],
  domain: [10, 'string'],
  attributeDefaults: [11, 'messages', () => ATTRIBUTE],
  valueInfos: [12, 'messages', () => VALUE_INFO],
  overload: [13, 'string'],
  metadata: [14, 'messages', () => ENTRY],
});

const TRAINING_INFO: Descriptor<OnnxTrainingInfo> = describeMessage<OnnxTrainingInfo>('TrainingInfoProto', {
  initialization: [1, 'message', () => GRAPH],
  algorithm: [2, 'message', () => GRAPH],
  initializationBinding: [3, 'messages', () => ENTRY],
  updateBinding: [4, 'messages', () => ENTRY],
});

export const MODEL: Descriptor<OnnxModel> = describeMessage<OnnxModel>('ModelProto', {
  irVersion: [1, 'integer', 'required'],
  producerName: [2, 'string'],
  producerVersion: [3, 'string'],
  domain: [4, 'string'],
  modelVersion: [5, 'int64'],
  docString: [6, 'string'],
  graph: [7, 'message', () => GRAPH, 'required'],
  opsetImports: [8, 'messages', () => OPSET, 'required'],
  metadata: [14, 'messages', () => ENTRY],
  trainingInfo: [20, 'messages', () => TRAINING_INFO],
  functions: [25, 'messages', () => FUNCTION],
});
