// Random numbers and estimates from samples; knows no data sets and no models.
export * from './bootstrap.ts';
export * from './correlation.ts';
export * from './counts.ts';
export * from './histogram.ts';
export * from './interval.ts';
export * from './moments.ts';
export * from './normal-distribution.ts';
export * from './paired.ts';
export * from './permutation.ts';
export * from './quantile.ts';
export * from './random.ts';
