// Status and body of errors as Triton writes them, and the way back for clients.
// Source: the error map of triton-inference-server/server `http_server.cc`, extended by the codes Triton has no word for.
import { AmaasError, type ErrorCode, type ErrorReason } from '@amaas/core';
import { type CallerNames, inCallerNames } from '../fields/index.ts';
import { type JsonValue, parseJson, quoteJson } from '../json/index.ts';

/**
 * HTTP status of every code. Triton's own: INTERNAL, NOT_FOUND, UNAVAILABLE, UNIMPLEMENTED, UNKNOWN, INVALID_ARGUMENT,
 * ALREADY_EXISTS. Ours where Triton lumps things under 400 or has no such code: CANCELLED and the rest.
 */
export const OIP_STATUS: Readonly<Record<ErrorCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 400,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 400,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** Parameters of `generate`. */
const NAMES: CallerNames = new Map([
  ['maxTokens', 'max_tokens'],
  ['topK', 'top_k'],
  ['topP', 'top_p'],
  ['minP', 'min_p'],
  ['repeatPenalty', 'repetition_penalty'],
  ['presencePenalty', 'presence_penalty'],
  ['frequencyPenalty', 'frequency_penalty'],
]);

/** An error as it goes over the wire; the content type is `application/json`. */
export interface OipErrorReply {
  readonly status: number;
  readonly body: Uint8Array;
}

const encoder = new TextEncoder();

/** Status and body `{"error": text}` for an error; only what a caller may read goes out. */
export function encodeOipError(error: AmaasError): OipErrorReply {
  return {
    status: statusOf(error),
    body: encoder.encode(`{"error":${quoteJson(inGenerateNames(error).publicMessage)}}`),
  };
}

/** An error of a generation that names the parameter as `generate` has it. */
export function inGenerateNames(error: AmaasError): AmaasError {
  return inCallerNames(error, NAMES);
}

function statusOf(error: AmaasError): number {
  if (error.reason === 'REQUEST_TOO_LARGE') return 413;
  if (error.reason === 'METHOD_NOT_ALLOWED') return 405;
  if (error.reason === 'UNSUPPORTED_MEDIA_TYPE') return 415;
  return OIP_STATUS[error.code];
}

/** The most general reason of each status; a client cannot know more from `{"error": text}`. */
const REASON_BY_STATUS: ReadonlyMap<number, ErrorReason> = new Map<number, ErrorReason>([
  [400, 'INVALID_ARGUMENT'],
  [401, 'INVALID_KEY'],
  [403, 'FORBIDDEN'],
  [404, 'MODEL_NOT_FOUND'],
  [405, 'METHOD_NOT_ALLOWED'],
  [413, 'REQUEST_TOO_LARGE'],
  [415, 'UNSUPPORTED_MEDIA_TYPE'],
  [429, 'QUEUE_FULL'],
  [499, 'CANCELLED'],
  [501, 'UNSUPPORTED_FEATURE'],
  [503, 'MODEL_NOT_READY'],
  [504, 'DEADLINE_EXCEEDED'],
]);

/**
 * The error a client read from a reply with a status other than 2xx. Never throws: a body that is not ours
 * (a proxy's HTML page) is quoted, cut to 200 characters.
 */
export function decodeOipError(status: number, body: Uint8Array): AmaasError {
  const text = errorText(body);
  if (status === 404 && text === 'Not Found') return new AmaasError('ROUTE_NOT_FOUND', text);
  const known = REASON_BY_STATUS.get(status);
  const reason = known ?? (status >= 400 && status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
  return new AmaasError(reason, text === '' ? `the server answered ${status} without a message` : text, {
    details: { status },
  });
}

function errorText(body: Uint8Array): string {
  let root: JsonValue;
  try {
    root = parseJson(body, { maxDepth: 8 });
  } catch {
    root = null;
  }
  const text = root instanceof Map ? root.get('error') : undefined;
  return typeof text === 'string' ? text : new TextDecoder().decode(body.subarray(0, 800)).slice(0, 200).trim();
}
