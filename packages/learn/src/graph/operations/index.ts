// One function per operation.
export * from './activations.ts';
export * from './arithmetic.ts';
export { type AttentionOptions, maskedSoftmax, scaledDotProductAttention } from './attention.ts';
export * from './categories.ts';
export * from './comparison.ts';
export * from './constants.ts';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
} from './convolution.ts';
export { einsum } from './einsum.ts';
export * from './elements.ts';
export { loop, type LoopOptions, type LoopStep } from './loop.ts';
export * from './matrix.ts';
export * from './normalization.ts';
export { col2Im, gatherPatches, im2col, type PatchGrid } from './patches.ts';
export * from './pooling.ts';
export * from './recurrent.ts';
export * from './recurrent-loop.ts';
export * from './reduction.ts';
export { scan, type ScanOptions, type ScanResult, type ScanStep } from './scan.ts';
export { joinScans } from './scan-join.ts';
export * from './selection.ts';
export * from './shaping.ts';
export {
  expand,
  type ReduceOptions,
  reduceSum,
  reductionAttributes,
  sumToShape,
} from './summation.ts';
export * from './text.ts';
export * from './text-rules.ts';
export { countWindows, type Padding, resolveWindows, type WindowOptions, type Windows } from './windows.ts';
export { withGradient } from './with-gradient.ts';
