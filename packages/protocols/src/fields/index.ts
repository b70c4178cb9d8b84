export { type CallerNames, inCallerNames } from './caller-names.ts';
export { Fields, unsupported } from './fields.ts';
export { parseJsonObject } from './json-object.ts';
export { readTopK } from './top-k.ts';
export { withoutUndefined } from './without-undefined.ts';
