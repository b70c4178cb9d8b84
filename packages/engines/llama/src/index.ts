export { LlamaEngine, LlamaServerEngine } from './engine.ts';
