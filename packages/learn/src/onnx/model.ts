// The messages of an ONNX file as plain readonly objects, good to write by hand and to rewrite by spreading.
// Optional fields are absent where the file does not hold them; weights are views into the file, never copies.
// Device placement (IR 11's DeviceConfigurationProto and sharding) is carried along unread, as unknown fields.
// Source: onnx/onnx, onnx.proto (IR version 13).

/** What every message may carry. */
export interface OnnxMessage {
  /** Fields this version of amaas does not know, tag and payload as they were; written back unchanged. */
  readonly unknownFields?: readonly Uint8Array[];
}

export interface OnnxModel extends OnnxMessage {
  readonly irVersion: number;
  readonly opsetImports: readonly OnnxOpset[];
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly domain?: string;
  readonly modelVersion?: bigint;
  readonly docString?: string;
  readonly graph: OnnxGraph;
  readonly metadata?: readonly OnnxEntry[];
  readonly trainingInfo?: readonly OnnxTrainingInfo[];
  readonly functions?: readonly OnnxFunction[];
}

/** An operator set the model is written against; no domain, `''` and `ai.onnx` all mean ONNX's own. */
export interface OnnxOpset extends OnnxMessage {
  readonly domain?: string;
  readonly version: number;
}

export interface OnnxEntry extends OnnxMessage {
  readonly key: string;
  readonly value: string;
}

export interface OnnxGraph extends OnnxMessage {
  readonly name?: string;
  /** Sorted so that every node comes after the nodes it reads from. */
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers?: readonly OnnxSparseTensor[];
  /** Types of values inside the graph, where the exporter wrote them down. */
  readonly valueInfos?: readonly OnnxValueInfo[];
  readonly docString?: string;
  readonly quantizationAnnotations?: readonly OnnxTensorAnnotation[];
  readonly metadata?: readonly OnnxEntry[];
}

export interface OnnxNode extends OnnxMessage {
  readonly opType: string;
  /** Names of the values read; `''` stands for an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly OnnxAttribute[];
  readonly domain?: string;
  readonly name?: string;
  readonly overload?: string;
  readonly docString?: string;
  readonly metadata?: readonly OnnxEntry[];
}

/** ONNX's numbers for what an attribute holds. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  typeProto: 13,
  typeProtos: 14,
} as const;

/** An attribute; `type` (an {@link ATTRIBUTE_TYPE}) says which value field counts. The builders set both. */
export interface OnnxAttribute extends OnnxMessage {
  readonly name: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: bigint;
  readonly s?: Uint8Array;
  readonly t?: OnnxTensor;
  readonly g?: OnnxGraph;
  readonly sparseTensor?: OnnxSparseTensor;
  readonly typeProto?: OnnxType;
  readonly floats?: Float32Array;
  readonly ints?: BigInt64Array;
  readonly strings?: readonly Uint8Array[];
  readonly tensors?: readonly OnnxTensor[];
  readonly graphs?: readonly OnnxGraph[];
  readonly sparseTensors?: readonly OnnxSparseTensor[];
  readonly typeProtos?: readonly OnnxType[];
  /** Inside a function: the function's attribute this one takes its value from. */
  readonly refAttrName?: string;
  readonly docString?: string;
}

export interface OnnxValueInfo extends OnnxMessage {
  readonly name: string;
  readonly type?: OnnxType;
  readonly docString?: string;
  readonly metadata?: readonly OnnxEntry[];
}

/** A type; at most one of the `…Type` fields is set. */
export interface OnnxType extends OnnxMessage {
  readonly tensorType?: OnnxTensorType;
  readonly sequenceType?: OnnxElementType;
  readonly mapType?: OnnxMapType;
  readonly optionalType?: OnnxElementType;
  readonly sparseTensorType?: OnnxTensorType;
  readonly opaqueType?: OnnxOpaqueType;
  readonly denotation?: string;
}

export interface OnnxTensorType extends OnnxMessage {
  /** A number of {@link DTYPE_BY_ONNX_CODE}. */
  readonly elemType: number;
  /** Absent where even the rank is unknown. */
  readonly shape?: OnnxShape;
}

export interface OnnxElementType extends OnnxMessage {
  readonly elemType?: OnnxType;
}

export interface OnnxMapType extends OnnxMessage {
  readonly keyType: number;
  readonly valueType?: OnnxType;
}

export interface OnnxOpaqueType extends OnnxMessage {
  readonly domain?: string;
  readonly name?: string;
}

export interface OnnxShape extends OnnxMessage {
  readonly dims: readonly OnnxDimension[];
}

/** One dim: a size, a symbol, or neither where nothing is known. */
export interface OnnxDimension extends OnnxMessage {
  readonly value?: number;
  readonly param?: string;
  readonly denotation?: string;
}

/** What `dataLocation` says when the data lies in another file. */
export const EXTERNAL_DATA = 1;

/** A stored tensor. Its data lies in `rawData` or in the one typed field its dtype uses; `tensorFromOnnx` reads both. */
export interface OnnxTensor extends OnnxMessage {
  readonly name?: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Elements little-endian and row-major; not for strings. */
  readonly rawData?: Uint8Array;
  /** The typed fields, as the packed payload that protobuf stores (4 or 8 bytes or a varint per value). */
  readonly floatData?: Uint8Array;
  readonly doubleData?: Uint8Array;
  readonly int32Data?: Uint8Array;
  readonly int64Data?: Uint8Array;
  readonly uint64Data?: Uint8Array;
  readonly stringData?: readonly Uint8Array[];
  /** {@link EXTERNAL_DATA} or absent (or 0): in this file. */
  readonly dataLocation?: number;
  readonly externalData?: readonly OnnxEntry[];
  readonly segment?: OnnxSegment;
  readonly docString?: string;
  readonly metadata?: readonly OnnxEntry[];
}

export interface OnnxSegment extends OnnxMessage {
  readonly begin?: bigint;
  readonly end?: bigint;
}

export interface OnnxSparseTensor extends OnnxMessage {
  readonly values?: OnnxTensor;
  readonly indices?: OnnxTensor;
  readonly dims: readonly number[];
}

export interface OnnxTensorAnnotation extends OnnxMessage {
  readonly tensorName?: string;
  readonly parameters?: readonly OnnxEntry[];
}

export interface OnnxFunction extends OnnxMessage {
  readonly name: string;
  readonly domain?: string;
  readonly overload?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes without a default. */
  readonly attributes?: readonly string[];
  readonly attributeDefaults?: readonly OnnxAttribute[];
  readonly nodes: readonly OnnxNode[];
  readonly opsetImports?: readonly OnnxOpset[];
  readonly valueInfos?: readonly OnnxValueInfo[];
  readonly docString?: string;
  readonly metadata?: readonly OnnxEntry[];
}

export interface OnnxTrainingInfo extends OnnxMessage {
  readonly initialization?: OnnxGraph;
  readonly algorithm?: OnnxGraph;
  readonly initializationBinding?: readonly OnnxEntry[];
  readonly updateBinding?: readonly OnnxEntry[];
}
