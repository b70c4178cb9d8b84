// How good a model is on rows it has not seen: metrics, folds, slices, and a report as data, text and a page.
// Knows labels, scores and weights as plain arrays; no models, no data sets, no files.
export * from './confusion-matrix.ts';
export * from './folds.ts';
export * from './multiclass.ts';
export * from './probability-metrics.ts';
export * from './ranking.ts';
export * from './regression-metrics.ts';
