// From graphs to ONNX models and back, and the passes that make graphs fast.
export { simplify } from './simplify.ts';
export { compileToOnnx, ONNX_OPSET, type OnnxOptions, toOnnx } from './to-onnx.ts';
