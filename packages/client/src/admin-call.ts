// One JSON call of the management API: what all its groups share.
import { jsonOf } from './replies.ts';
import type { Call, Transport } from './transport.ts';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Longest the call may take, retries included, in milliseconds; default the client's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

export interface AdminCallArguments extends CallOptions {
  readonly operation: string;
  readonly method: Call['method'];
  readonly path: string;
  /** Sent as the JSON body. */
  readonly json?: unknown;
  /** Default: whether HTTP calls the method idempotent. */
  readonly repeatable?: boolean;
}

/** Makes a call and returns the JSON object of its reply, an empty one for 204. */
export type AdminCall = (call: AdminCallArguments) => Promise<Readonly<Record<string, unknown>>>;

const IDEMPOTENT: ReadonlySet<Call['method']> = new Set<Call['method']>(['GET', 'HEAD', 'PUT', 'DELETE']);

export function createAdminCall(transport: Transport): AdminCall {
  return async ({ json, repeatable, ...call }) => {
    const reply = await transport.request({
      ...call,
      repeatable: repeatable ?? IDEMPOTENT.has(call.method),
      ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }),
    });
    return reply.status === 204 || reply.bytes.length === 0 ? {} : jsonOf(call.operation, reply);
  };
}
