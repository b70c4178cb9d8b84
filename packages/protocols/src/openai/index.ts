export {
  type ChatReplyOptions,
  ChatStream,
  encodeChatReply,
} from './chat-reply.ts';
export { type ChatRequest, decodeChatRequest } from './chat-request.ts';
export { type CompletionReplyOptions, CompletionStream, encodeCompletionReply } from './completion-reply.ts';
export { type CompletionRequest, decodeCompletionRequest } from './completion-request.ts';
export { type EmbeddingReplyOptions, encodeEmbeddingReply, shortenVectors } from './embedding-reply.ts';
export { decodeEmbeddingRequest, type EmbeddingRequest } from './embedding-request.ts';
export { encodeOpenAiError, encodeOpenAiErrorChunk, type OpenAiError, type OpenAiErrorReply } from './errors.ts';
export { encodeGeneratedToken } from './log-probabilities.ts';
export { encodeTokenUsage, type ReplyHead, type WholeAnswer } from './reply.ts';
export { choiceOf, type ReplySettings } from './settings.ts';
export type { TextOrTokens } from './token-inputs.ts';
