export { type Answer, collectAnswer, recorded } from './answers.ts';
