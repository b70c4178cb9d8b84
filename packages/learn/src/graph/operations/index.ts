// One function per operation.
export * from './arithmetic.ts';
export * from './comparison.ts';
export * from './constants.ts';
export * from './matrix.ts';
export * from './reduction.ts';
export * from './selection.ts';
export * from './shaping.ts';
export {
  expand,
  type ReduceOptions,
  reduceSum,
  reductionAttributes,
  sumToShape,
} from './summation.ts';
