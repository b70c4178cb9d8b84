export { LlamaEngine } from './engine.ts';
