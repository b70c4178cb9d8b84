// Choosing settings: search spaces, samplers, schedulers and studies; comparing candidates. The objective is a function
// given by the caller; nothing here knows what is trained.
export { decodeConfiguration, encodeConfiguration } from './axis.ts';
export * from './compare.ts';
export * from './definition.ts';
export * from './importance.ts';
export * from './journal.ts';
export * from './parse-space.ts';
export * from './run-study.ts';
export * from './search-space.ts';
export { sampleConfiguration } from './simple-samplers.ts';
export * from './study.ts';
export * from './study-table.ts';
export * from './trial.ts';
