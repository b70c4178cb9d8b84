// Status and body of errors as Ollama writes them: a text, and nothing else.
import type { AmaasError, ErrorCode } from '@amaas/core';
import { type CallerNames, inCallerNames } from '../fields/index.ts';

/** HTTP status of every code. Ollama itself knows 400, 401, 403, 404, 500 and 503; what a model cannot do is 400 there. */
export const OLLAMA_STATUS: Readonly<Record<ErrorCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 503,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 400,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

const NAMES: CallerNames = new Map([
  ['maxTokens', 'options.num_predict'],
  ['temperature', 'options.temperature'],
  ['topK', 'options.top_k'],
  ['topP', 'options.top_p'],
  ['minP', 'options.min_p'],
  ['repeatPenalty', 'options.repeat_penalty'],
  ['presencePenalty', 'options.presence_penalty'],
  ['frequencyPenalty', 'options.frequency_penalty'],
  ['penaltyTokens', 'options.repeat_last_n'],
  ['seed', 'options.seed'],
  ['stop', 'options.stop'],
  ['logProbabilities.top', 'top_logprobs'],
]);

export function ollamaStatus(error: AmaasError): number {
  if (error.reason === 'REQUEST_TOO_LARGE') return 413;
  if (error.reason === 'METHOD_NOT_ALLOWED') return 405;
  if (error.reason === 'UNSUPPORTED_MEDIA_TYPE') return 415;
  return OLLAMA_STATUS[error.code];
}

/** Also the line that ends a stream which fails. */
export function encodeOllamaError(error: AmaasError): { readonly error: string } {
  return { error: inCallerNames(error, NAMES).publicMessage };
}
