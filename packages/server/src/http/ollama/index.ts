export { createOllamaFamily, type OllamaParts } from './ollama-family.ts';
