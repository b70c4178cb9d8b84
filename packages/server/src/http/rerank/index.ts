export { createRerankFamily, type RerankParts } from './rerank-family.ts';
