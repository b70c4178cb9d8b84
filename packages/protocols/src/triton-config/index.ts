// Triton's model configuration: config.pbtxt in, the JSON of the model configuration extension out.
export { decodeTritonConfig, type TritonConfig, type TritonVersionPolicy } from './decode.ts';
export { encodeTritonConfig, type TritonConfigJson, type TritonConfigSource } from './encode.ts';
