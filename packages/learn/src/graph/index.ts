// Typed tensor graphs: operations named as ONNX's operators, shape inference, and derivatives as graphs. Computes
// nothing: `compile` writes graphs as ONNX, `reference` evaluates them in float64.
export * from './gradients.ts';
export * from './operations/index.ts';
export * from './shape.ts';
export * from './traverse.ts';
export * from './value.ts';
export { isBody, verifyGraph } from './verify.ts';
