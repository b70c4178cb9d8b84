export { createOllamaFamily } from './ollama-family.ts';
