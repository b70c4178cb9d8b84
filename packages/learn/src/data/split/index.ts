// Splits of rows into parts.
export { findSharedRows, type SharedRows, type SharedRowsOptions } from './duplicates.ts';
export { type Split, type SplitOptions, type SplitPart, type SplitStrategy, splitRows } from './split.ts';
