export { createOrtEngine, type OrtEngineOptions } from './engine.ts';
export { createOrtNodeExecutor, type OrtNodeExecutorOptions } from './executor.ts';
