export { callOf, decodeChat, type OllamaChat } from './decode-chat.ts';
export { decodeEmbed, decodeEmbeddings, type OllamaEmbed } from './decode-embed.ts';
export { decodeGenerate, generateInput, type OllamaGenerate, type OllamaPrompt } from './decode-generate.ts';
export { decodeDelete, decodePull, decodeShow, type OllamaPull } from './decode-models.ts';
export {
  encodeAnswer,
  encodeEmbeddings,
  encodeNoAnswer,
  type OllamaAnswerForm,
  type OllamaAnswerHead,
  OllamaAnswerStream,
} from './encode-answer.ts';
export {
  encodeListed,
  encodeRunning,
  encodeShown,
  type OllamaModel,
  type OllamaRunningModel,
} from './encode-models.ts';
export { OllamaPullStream, type OllamaPullEvent } from './encode-pull.ts';
export { encodeOllamaError, OLLAMA_STATUS, ollamaStatus } from './errors.ts';
export { formatOllamaModel, parseOllamaModel } from './model-name.ts';
export type { OllamaAnswerSettings, OllamaTarget } from './settings.ts';
