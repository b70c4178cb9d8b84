export { createOrtEngine, type OrtEngineOptions } from './engine.ts';
