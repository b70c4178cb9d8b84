export { recorded } from './answers.ts';
export { newId } from './new-id.ts';
export { resolveLanguageFor } from './resolve-language.ts';
