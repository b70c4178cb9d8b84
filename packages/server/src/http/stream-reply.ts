// Replies that come in pieces over a while: the first piece decides between an error of its own status and a stream; what
// goes wrong later is said in the stream, in the protocol's words. What waits for a slow caller is what its socket holds:
// the next piece is asked for when that has gone.
import { type AmaasError, toAmaasError } from '@amaas/core';
import type { Exchange } from './exchange.ts';

export interface StreamReply {
  readonly contentType: string;
  /** What is sent, as it comes. Whatever it throws before the first piece is a usual error. */
  readonly pieces: AsyncIterable<string>;
  /** How an error is said once the stream has begun. */
  readonly errorPiece: (error: AmaasError) => string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends the stream; returns when all has been handed over, it was cut short or the caller has gone. @throws what comes before the first piece */
export async function sendPieces(exchange: Exchange, reply: StreamReply): Promise<void> {
  const { response } = exchange;
  const pieces = reply.pieces[Symbol.asyncIterator]();
  let next = await pieces.next();
  if (exchange.gone.aborted) {
    await pieces.return?.();
    return;
  }
  response.writeHead(200, {
    'content-type': reply.contentType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no', // nginx would hold pieces back
    'x-request-id': exchange.requestId,
    ...reply.headers,
  });
  try {
    while (!next.done && !exchange.gone.aborted) {
      if (!response.write(next.value)) await drained(exchange);
      next = await pieces.next();
    }
    if (!next.done && exchange.cutBy !== null) throw exchange.cutBy;
  } catch (thrown) {
    const error = exchange.cutBy ?? toAmaasError(thrown); // what is cut short fails as if its caller had gone
    if (error.reason !== 'CANCELLED') exchange.onLateError?.(error);
    if (!response.destroyed) response.write(reply.errorPiece(error));
  } finally {
    await pieces.return?.();
  }
  if (!response.destroyed) response.end();
}

/** Resolves when the caller has taken what was written, or the rest is not wanted any more. */
export function drained({ response, gone }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    gone.addEventListener('abort', done);
    if (gone.aborted) done();
  });
}
