// llama.cpp's file format: metadata and tensors, read, written, quantised. Knows no models: which keys and tensors a file
// must have is their business.
// Source: ggml, docs/gguf.md (version 3).
export {
  type GgufArray,
  type GgufMetadata,
  type GgufScalar,
  type GgufType,
  type GgufValue,
  ggufNumber,
  ggufNumbers,
  ggufText,
  ggufTexts,
} from './metadata.ts';
export { dequantize, isStoredType, quantize, type ReadableType, type StoredType } from './quantize.ts';
export { type ByteSource, GgufFile, readGguf } from './read.ts';
export { TENSOR_TYPES, type TensorInfo, type TensorTypeName } from './tensor-types.ts';
export { createGguf, type GgufContents, type GgufTensor, ggufByteLength, writeGguf } from './write.ts';
