// Status, headers and body of errors as OpenAI's clients read them.
// Source: OpenAI's API description 2.3.0, Error; the retries of openai-node 6 and 7.
import type { AmaasError, ErrorCode, ErrorReason } from '@amaas/core';
import { encodeSse } from '../answers/index.ts';
import { type CallerNames, inCallerNames } from '../fields/index.ts';

/** HTTP status and OpenAI's error type per code. */
const BY_CODE: Readonly<Record<ErrorCode, readonly [status: number, type: string]>> = {
  INVALID_ARGUMENT: [400, 'invalid_request_error'],
  FAILED_PRECONDITION: [400, 'invalid_request_error'],
  OUT_OF_RANGE: [400, 'invalid_request_error'],
  UNAUTHENTICATED: [401, 'authentication_error'],
  PERMISSION_DENIED: [403, 'permission_error'],
  NOT_FOUND: [404, 'invalid_request_error'],
  ALREADY_EXISTS: [409, 'invalid_request_error'],
  ABORTED: [409, 'invalid_request_error'],
  RESOURCE_EXHAUSTED: [429, 'rate_limit_error'],
  CANCELLED: [499, 'invalid_request_error'],
  UNIMPLEMENTED: [501, 'invalid_request_error'],
  UNKNOWN: [500, 'server_error'],
  INTERNAL: [500, 'server_error'],
  DATA_LOSS: [500, 'server_error'],
  UNAVAILABLE: [503, 'server_error'],
  DEADLINE_EXCEEDED: [504, 'server_error'],
};

/** Where HTTP has a word of its own, or where 5xx would make clients try in vain again. */
const BY_REASON: ReadonlyMap<ErrorReason, number> = new Map<ErrorReason, number>([
  ['METHOD_NOT_ALLOWED', 405],
  ['REQUEST_TOO_LARGE', 413],
  ['UNSUPPORTED_MEDIA_TYPE', 415],
  ['UNSUPPORTED_FEATURE', 400],
  ['INVALID_NAME', 404], // names of other servers' models follow other rules: what has such a name is not there
]);

/** Codes that clients look at; of other errors it is the reason in small letters. */
const CODES: ReadonlyMap<ErrorReason, string> = new Map<ErrorReason, string>([
  ['MODEL_NOT_FOUND', 'model_not_found'],
  ['VERSION_NOT_FOUND', 'model_not_found'],
  ['LABEL_NOT_FOUND', 'model_not_found'],
  ['INVALID_NAME', 'model_not_found'],
  ['CONTEXT_OVERFLOW', 'context_length_exceeded'],
  ['MISSING_KEY', 'invalid_api_key'],
  ['INVALID_KEY', 'invalid_api_key'],
]);

/** Of fields that have more names than one, OpenAI's or the one that most servers of its protocol take. */
const NAMES: CallerNames = new Map([
  ['maxTokens', 'max_tokens'],
  ['topK', 'top_k'],
  ['topP', 'top_p'],
  ['minP', 'min_p'],
  ['repeatPenalty', 'repeat_penalty'],
  ['presencePenalty', 'presence_penalty'],
  ['frequencyPenalty', 'frequency_penalty'],
  ['penaltyTokens', 'repeat_last_n'],
  ['logitBias', 'logit_bias'],
  ['logProbabilities.top', 'top_logprobs'],
  ['format', 'response_format'],
  ['toolChoice', 'tool_choice'],
  ['continueLast', 'continue_final_message'],
]);

export interface OpenAiErrorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: OpenAiError };
}

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  /** The field of the request that is wrong. */
  readonly param: string | null;
  readonly code: string;
}

export function encodeOpenAiError(thrown: AmaasError): OpenAiErrorReply {
  const error = inCallerNames(thrown, NAMES);
  const [usual, type] = BY_CODE[error.code];
  const status = BY_REASON.get(error.reason) ?? usual;
  const { field } = error.details;
  const param = typeof field === 'string' && field !== '' ? field : null;
  const code = CODES.get(error.reason) ?? error.reason.toLowerCase();
  // Clients repeat 409, 429 and 5xx unless they are told that it is of no use.
  const isRepeated = status === 409 || status === 429 || status >= 500;
  return {
    status,
    headers: isRepeated && !error.retryable ? { 'x-should-retry': 'false' } : {},
    body: { error: { message: error.publicMessage, type, param, code } },
  };
}

/** What a stream that cannot go on ends with. */
export function encodeOpenAiErrorChunk(error: AmaasError): string {
  return encodeSse(encodeOpenAiError(error).body);
}
