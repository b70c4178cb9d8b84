// The front door of `learn`: what a program that builds and trains a model by hand needs. Everything else is entered
// through its room: `@amaas/learn/graph`, `/data`, `/evaluate`, `/pipelines`, ….
export * from './layers/index.ts';
export * from './model/index.ts';
export { createRandom } from './statistics/index.ts';
export * from './train/index.ts';
