// Writes small ONNX models for tests, field by field as onnx.proto numbers them. Only what the tests need.
// Source: onnx/onnx, onnx.proto (IR version 13).

/** ONNX's numbers of element types. */
export const ONNX_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
} as const;

export type OnnxType = keyof typeof ONNX_TYPE;

/** A dim: a size, a symbol, or null for unknown; a null shape has no declared rank. */
export type OnnxShape = readonly (number | string | null)[] | null;

type Bytes = Uint8Array;

function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

function join(...parts: readonly Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

function number(field: number, value: number | bigint): Bytes {
  return join(varint(field << 3), varint(value));
}

function bytes(field: number, value: Bytes | string): Bytes {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return join(varint((field << 3) | 2), varint(content.byteLength), content);
}

/** An input or output of a graph. */
export function tensorInfo(name: string, type: OnnxType, shape: OnnxShape): Bytes {
  const dims = (shape ?? []).map((dim) =>
    bytes(1, typeof dim === 'number' ? number(1, dim) : dim === null ? new Uint8Array(0) : bytes(2, dim)),
  );
  const tensor = join(number(1, ONNX_TYPE[type]), ...(shape === null ? [] : [bytes(2, join(...dims))]));
  return join(bytes(1, name), bytes(2, bytes(1, tensor)));
}

/** An input or output that is a sequence of tensors. */
export function sequenceInfo(name: string, type: OnnxType): Bytes {
  return join(bytes(1, name), bytes(2, bytes(4, bytes(1, bytes(1, number(1, ONNX_TYPE[type]))))));
}

/** A stored tensor; `data` is taken as its little-endian bytes. */
export function initializer(name: string, type: OnnxType, dims: readonly number[], data: ArrayBufferView): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return join(...dims.map((dim) => number(1, dim)), number(2, ONNX_TYPE[type]), bytes(8, name), bytes(9, raw));
}

/** A stored tensor whose bytes lie in another file. */
export function externalInitializer(name: string, dims: readonly number[], location: string): Bytes {
  const entry = join(bytes(1, 'location'), bytes(2, location));
  return join(...dims.map((dim) => number(1, dim)), number(2, 1), bytes(8, name), bytes(13, entry), number(14, 1));
}

export type Attribute =
  | { readonly name: string; readonly int: number }
  | { readonly name: string; readonly graph: Bytes };

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly Attribute[];
}

export interface GraphSpec {
  readonly nodes: readonly NodeSpec[];
  readonly inputs: readonly Bytes[];
  readonly outputs: readonly Bytes[];
  readonly initializers?: readonly Bytes[];
}

function node({ op, inputs, outputs, attributes = [] }: NodeSpec): Bytes {
  return join(
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...attributes.map((attribute) => bytes(5, attributeBytes(attribute))),
  );
}

function attributeBytes(attribute: Attribute): Bytes {
  if ('int' in attribute) return join(bytes(1, attribute.name), number(3, attribute.int), number(20, 2));
  return join(bytes(1, attribute.name), bytes(6, attribute.graph), number(20, 5));
}

export function graph({ nodes, inputs, outputs, initializers = [] }: GraphSpec): Bytes {
  return join(
    ...nodes.map((spec) => bytes(1, node(spec))),
    bytes(2, 'g'),
    ...initializers.map((tensor) => bytes(5, tensor)),
    ...inputs.map((info) => bytes(11, info)),
    ...outputs.map((info) => bytes(12, info)),
  );
}

/** A whole model file. Opset 18 and IR 9 unless told otherwise. */
export function model(spec: GraphSpec, { opset = 18, ir = 9 } = {}): Bytes {
  return join(number(1, ir), bytes(7, graph(spec)), bytes(8, number(2, opset)));
}
