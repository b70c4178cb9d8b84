// Server-sent events: the text of one, and the stream of them on a reply. What waits for a slow caller is what its socket
// holds: the next event is asked for when that has gone.
// Source: HTML Living Standard, section 9.2 "Server-sent events".
import type { Exchange } from '../exchange.ts';
import { drained } from '../stream-reply.ts';

export interface ServerSentEvent {
  /** What a caller that comes back goes on after; null for what cannot be gone on after. */
  readonly id: number | null;
  readonly type: string;
  /** Sent as JSON, which has no line breaks. */
  readonly data: unknown;
}

/** Proxies cut connections on which nothing comes for a minute or so. */
const KEEP_ALIVE_MS = 15_000;

export async function sendEventStream(exchange: Exchange, events: AsyncIterable<ServerSentEvent>): Promise<void> {
  const { response } = exchange;
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no', // nginx would hold events back
    'x-request-id': exchange.requestId,
  });
  if (exchange.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  const timer = setInterval(() => {
    if (response.writableLength === 0 && !response.destroyed) response.write(': still here\n\n');
  }, KEEP_ALIVE_MS);
  try {
    for await (const event of events) {
      if (exchange.gone.aborted) return;
      if (!response.write(eventText(event))) await drained(exchange);
    }
    if (!exchange.gone.aborted) response.end();
  } finally {
    clearInterval(timer);
  }
}

/** One event as it goes over the wire. */
export function eventText({ id, type, data }: ServerSentEvent): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
