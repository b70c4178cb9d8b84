export { type CallerNames, inCallerNames } from './caller-names.ts';
export { Fields } from './fields.ts';
