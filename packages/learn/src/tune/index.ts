// Choosing settings: search spaces, samplers, schedulers and studies. The objective is a function given by the caller;
// nothing here knows what is trained.
export * from './axis.ts';
export * from './definition.ts';
export * from './journal.ts';
export * from './parse-space.ts';
export * from './run-study.ts';
export * from './search-space.ts';
export * from './study.ts';
export * from './trial.ts';
export * from './importance.ts';
export * from './study-table.ts';
