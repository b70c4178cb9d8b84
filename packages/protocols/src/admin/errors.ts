// Error bodies of the management API: every code mapped once.
import type { AmaasError, ErrorCode } from '@amaas/core';
import type { ErrorBody } from './schemas.ts';

/** HTTP status of every code (google.rpc's canonical mapping, but 413, 405 and 415 where HTTP has a word of its own). */
export const ADMIN_STATUS: Readonly<Record<ErrorCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 422,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** Status and body for an error. */
export function encodeAdminError(
  error: AmaasError,
  requestId?: string,
): { readonly status: number; readonly body: ErrorBody } {
  return {
    status: statusOf(error),
    body: {
      error: {
        code: error.code,
        reason: error.reason,
        message: error.publicMessage,
        details: { ...error.details },
        retryable: error.retryable,
        ...(requestId === undefined ? {} : { requestId }),
      },
    },
  };
}

function statusOf(error: AmaasError): number {
  if (error.reason === 'REQUEST_TOO_LARGE') return 413;
  if (error.reason === 'METHOD_NOT_ALLOWED') return 405;
  if (error.reason === 'UNSUPPORTED_MEDIA_TYPE') return 415;
  if (error.reason === 'STORAGE_FULL') return 507;
  return ADMIN_STATUS[error.code];
}
