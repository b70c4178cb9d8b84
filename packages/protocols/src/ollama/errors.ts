// Status and body of errors as Ollama writes them: a text, and nothing else.
import type { AmaasError, ErrorCode } from '@amaas/core';

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

export function ollamaStatus(error: AmaasError): number {
  if (error.reason === 'REQUEST_TOO_LARGE') return 413;
  if (error.reason === 'METHOD_NOT_ALLOWED') return 405;
  if (error.reason === 'UNSUPPORTED_MEDIA_TYPE') return 415;
  return OLLAMA_STATUS[error.code];
}

/** Also the line that ends a stream which fails. */
export function encodeOllamaError(error: AmaasError): { readonly error: string } {
  return { error: error.publicMessage };
}
