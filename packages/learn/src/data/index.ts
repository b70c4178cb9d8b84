// Data as the trainer sees it: tables and the port they come through, a look at them, splits, outliers; and media as
// bytes. Where bytes come from (files, DuckDB, image codecs) stays outside.
export * from './describe/index.ts';
export * from './findings.ts';
export * from './media/index.ts';
export {
  fitOutlierLimits,
  findOutlierRows,
  type OutlierLimits,
  type OutlierPolicy,
  type OutlierRule,
  treatOutliers,
} from './outliers.ts';
export * from './source.ts';
export * from './split/index.ts';
export * from './table/index.ts';
