// Status and body of errors as Anthropic writes them. Its SDK makes its classes from the status; `type` says the same in a word.
import type { AmaasError, ErrorCode, ErrorReason } from '@amaas/core';
import { encodeSseEvent } from '../answers/index.ts';
import { type CallerNames, inCallerNames } from '../fields/index.ts';

type Described = readonly [status: number, type: string];

/** A model that is not ready, or a process being replaced, is Anthropic's overload: wait a little and ask again. */
export const ANTHROPIC_STATUS: Readonly<Record<ErrorCode, Described>> = {
  INVALID_ARGUMENT: [400, 'invalid_request_error'],
  FAILED_PRECONDITION: [400, 'invalid_request_error'],
  OUT_OF_RANGE: [400, 'invalid_request_error'],
  UNIMPLEMENTED: [400, 'invalid_request_error'],
  UNAUTHENTICATED: [401, 'authentication_error'],
  PERMISSION_DENIED: [403, 'permission_error'],
  NOT_FOUND: [404, 'not_found_error'],
  ALREADY_EXISTS: [409, 'conflict_error'],
  ABORTED: [409, 'conflict_error'],
  RESOURCE_EXHAUSTED: [429, 'rate_limit_error'],
  CANCELLED: [499, 'api_error'],
  UNKNOWN: [500, 'api_error'],
  INTERNAL: [500, 'api_error'],
  DATA_LOSS: [500, 'api_error'],
  DEADLINE_EXCEEDED: [504, 'timeout_error'],
  UNAVAILABLE: [529, 'overloaded_error'],
};

/** Where HTTP or Anthropic has a word of its own. */
const BY_REASON: Readonly<Partial<Record<ErrorReason, Described>>> = {
  METHOD_NOT_ALLOWED: [405, 'invalid_request_error'],
  REQUEST_TOO_LARGE: [413, 'request_too_large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'invalid_request_error'],
  QUEUE_FULL: [529, 'overloaded_error'],
};

const NAMES: CallerNames = new Map([
  ['maxTokens', 'max_tokens'],
  ['topK', 'top_k'],
  ['topP', 'top_p'],
  ['stop', 'stop_sequences'],
  ['format', 'output_config.format'],
  ['toolChoice', 'tool_choice'],
]);

export interface AnthropicErrorReply {
  readonly status: number;
  readonly body: object;
}

/** Only what a caller may read goes out. */
export function encodeAnthropicError(error: AmaasError, requestId: string): AnthropicErrorReply {
  const [status, type] = BY_REASON[error.reason] ?? ANTHROPIC_STATUS[error.code];
  return { status, body: errorBody(type, error, requestId) };
}

/** An error in a stream that has begun. */
export function encodeErrorEvent(error: AmaasError, requestId: string): string {
  const [, type] = BY_REASON[error.reason] ?? ANTHROPIC_STATUS[error.code];
  return encodeSseEvent(errorBody(type, error, requestId));
}

function errorBody(type: string, error: AmaasError, requestId: string) {
  return { type: 'error', error: { type, message: inCallerNames(error, NAMES).publicMessage }, request_id: requestId };
}
