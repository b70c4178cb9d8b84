export { createOrtWebExecutor, type OrtWebExecutorOptions } from './executor.ts';
