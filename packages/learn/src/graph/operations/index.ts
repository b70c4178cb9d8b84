// One function per operation.
export * from './arithmetic.ts';
export * from './comparison.ts';
export * from './constants.ts';
export * from './matrix.ts';
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
