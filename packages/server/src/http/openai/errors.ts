// Errors as OpenAI's clients expect them, for every family that speaks OpenAI's protocols.
import type { AmaasError, ErrorCode } from '@amaas/core';
import Type from 'typebox';
import type { Exchange } from '../exchange.ts';

export const OpenAiError = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: Type.Union([Type.String({ description: 'The field that is wrong.' }), Type.Null()]),
    code: Type.String(),
  }),
});

/** HTTP status and OpenAI's error type per code. */
const ERRORS: Readonly<Record<ErrorCode, readonly [status: number, type: string]>> = {
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

/** Where a reason means more to clients than its code: they try again on every status from 500 on. */
const STATUSES: ReadonlyMap<string, readonly [status: number, type: string]> = new Map([
  ['METHOD_NOT_ALLOWED', [405, 'invalid_request_error']],
  ['UNSUPPORTED_FEATURE', [400, 'invalid_request_error']],
]);

/** Codes that OpenAI has words for. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['MODEL_NOT_FOUND', 'model_not_found'],
  ['CONTEXT_OVERFLOW', 'context_length_exceeded'],
]);

/** The body of an error, also where it comes in the midst of a stream. */
export function openAiError(error: AmaasError): { readonly status: number; readonly body: object } {
  const [status, type] = STATUSES.get(error.reason) ?? ERRORS[error.code];
  const code = CODES.get(error.reason) ?? error.reason.toLowerCase();
  const { field } = error.details;
  const param = typeof field === 'string' && field !== '' ? field : null;
  return { status, body: { error: { message: error.publicMessage, type, param, code } } };
}

export function sendOpenAiError(exchange: Exchange, error: AmaasError): void {
  const { status, body } = openAiError(error);
  exchange.sendJson(status, body);
}
