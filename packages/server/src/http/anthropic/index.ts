export { type AnthropicParts, createAnthropicFamily } from './anthropic-family.ts';
