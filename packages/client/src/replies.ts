// Reads replies: failures become AmaasError, whoever wrote them (the management API's error body, the `{"error": "text"}`
// of the inference protocols, a proxy's page of HTML); successes become JSON objects.
import { AmaasError, isErrorReason } from '@amaas/core';
import { decodeOipError } from '@amaas/protocols/oip';

/** A reply, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** The error that a reply outside 200–299 stands for. `details.status` always holds the status. */
export function errorFromReply(reply: Reply): AmaasError {
  const { status } = reply;
  const body = parseJsonOrNull(reply.bytes);
  const said = isRecord(body) && isRecord(body['error']) ? body['error'] : null;
  const byStatus = decodeOipError(status, reply.bytes);
  if (said === null || typeof said['message'] !== 'string') {
    const named = reply.headers.get('x-amaas-reason'); // the inference protocols' bodies have no room for it
    if (isErrorReason(named)) return new AmaasError(named, byStatus.message, { details: { status } });
    if (status !== 502) return byStatus;
    return new AmaasError('TRANSPORT_FAILED', byStatus.message, { details: { status } }); // only gateways answer 502
  }
  const reason = said['reason'] ?? reply.headers.get('x-amaas-reason'); // OpenAI's body has no room for it
  const known = isErrorReason(reason);
  return new AmaasError(known ? reason : byStatus.reason, said['message'], {
    details: {
      ...(isRecord(said['details']) ? said['details'] : {}),
      status,
      ...(known ? {} : { serverReason: reason }), // a newer server knows more reasons than this client
      ...(typeof said['requestId'] === 'string' ? { requestId: said['requestId'] } : {}),
    },
    ...(typeof said['retryable'] === 'boolean' ? { retryable: said['retryable'] } : {}),
  });
}

/**
 * The JSON object of a reply that reports success.
 * @throws TRANSPORT_FAILED when it is not one, which means that something other than amaas answered.
 */
export function jsonOf(operation: string, reply: Reply): Readonly<Record<string, unknown>> {
  const body = parseJsonOrNull(reply.bytes);
  if (isRecord(body)) return body;
  const type = reply.headers.get('content-type') ?? 'a reply without a content type';
  throw new AmaasError(
    'TRANSPORT_FAILED',
    `${operation}: expected a JSON object, got ${type}; is this the address of an amaas server?`,
    { details: { status: reply.status }, retryable: false },
  );
}

/** Whether `value` is an object with string keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJsonOrNull(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null; // not JSON: the caller says what that means
  }
}
