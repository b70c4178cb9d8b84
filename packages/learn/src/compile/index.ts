// From graphs to ONNX models and back, and the passes that make graphs fast.
export { type FromOnnxOptions, fromOnnx, type ImportedGraph, type ImportedParameter } from './from-onnx.ts';
export { lowerConvolutions } from './lower-convolutions.ts';
export { createReferenceExecutor } from './reference-executor.ts';
export { simplify } from './simplify.ts';
export { compileToOnnx, ONNX_OPSET, type OnnxOptions, toOnnx } from './to-onnx.ts';
