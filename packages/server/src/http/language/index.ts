export { type Answer, collectAnswer, recorded } from './answers.ts';
export { resolveLanguageFor } from './resolve-language.ts';
