export { createResponsesFamily } from './responses-family.ts';
