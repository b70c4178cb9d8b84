// Having the server pull a model from a hub, and hearing how far it is.
import { AmaasError, isErrorReason } from '@amaas/core';
import type { PullDone, PullProgress, PullRequest, PullStarted } from '@amaas/protocols/admin';
import { isRecord } from './replies.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

export interface PullOptions extends PullRequest {
  /** Ends it with CANCELLED; what has come is kept for the next pull of the same. */
  readonly signal?: AbortSignal;
}

/** What happens while the server pulls. */
export type PullEvent =
  | ({ readonly type: 'started' } & PullStarted)
  | ({ readonly type: 'progress' } & PullProgress)
  /** The last event. */
  | ({ readonly type: 'done' } & PullDone);

/** Has the server pull a model; gives what it says until it is done. @throws as {@link AmaasClient.pull} */
export async function* pull(transport: Transport, { signal, ...request }: PullOptions): AsyncGenerator<PullEvent> {
  const response = await transport.open({
    operation: 'pull',
    method: 'POST',
    path: '/admin/v1/pulls',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(request),
    repeatable: false, // the server has tried again itself
    signal,
    timeoutMs: Number.POSITIVE_INFINITY, // the head comes with the first event; the server watches for stalls
  });
  try {
    for await (const { type, data } of readServerSentEvents(response.body ?? new ReadableStream())) {
      const event = readEvent(type, JSON.parse(data));
      if (event !== null) yield event;
      if (event?.type === 'done') return;
    }
  } catch (thrown) {
    if (thrown instanceof AmaasError && !signal?.aborted) throw thrown;
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'pull: cancelled by the caller');
    throw lost(transport, thrown);
  }
  throw lost(transport, undefined);
}

/** An event as the server says it; null for a kind of a newer one. @throws what the server says went wrong */
function readEvent(type: string, body: unknown): PullEvent | null {
  if (!isRecord(body)) return null;
  if (type === 'error') {
    const { reason, message, details, retryable } = body;
    throw new AmaasError(isErrorReason(reason) ? reason : 'INTERNAL', String(message), {
      details: isRecord(details) ? details : {},
      retryable: retryable === true,
    });
  }
  if (type !== 'started' && type !== 'progress' && type !== 'done') return null;
  return { type, ...body } as PullEvent; // the schemas of the events; the server's tests hold it to them
}

function lost(transport: Transport, cause: unknown): AmaasError {
  return new AmaasError(
    'TRANSPORT_FAILED',
    `pull: the connection to ${transport.baseUrl} ended before the model was here; the same call goes on where it was`,
    { details: { url: transport.baseUrl }, cause },
  );
}
