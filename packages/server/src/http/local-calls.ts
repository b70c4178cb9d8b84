// Requests that the server makes to itself, for work that callers left with it: through the very handler that serves the
// network, over a connection in memory. Who they are made for is said here and checked there, as for everybody.
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { duplexPair } from 'node:stream';
import type { Principal } from '../gateway/index.ts';
import type { Handler } from './handler.ts';

export interface LocalCall {
  readonly path: string;
  /** JSON text; it is sent by POST. */
  readonly body: string;
  /** Says in whose name, when the request is let in. What it throws is answered as a refused key is. */
  readonly identify: () => Principal;
  /** Ends the call, and the work for it, as a caller's going away does. */
  readonly signal: AbortSignal;
}

export interface LocalReply {
  readonly status: number;
  readonly requestId: string;
  readonly body: string;
  /** Whether the same call may succeed a little later. */
  readonly isRetryable: boolean;
  /** Why it failed, a word of the catalogue of errors; null where it did not. */
  readonly reason: string | null;
}

export class LocalCalls {
  /** It never listens: connections are handed to it. */
  readonly #server: Server;
  readonly #callers = new WeakMap<object, () => Principal>();

  constructor(handle: Handler) {
    // No limits in time: what is sent comes from this process.
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (incoming, response) => {
      const identify = this.#callers.get(incoming.socket);
      if (identify === undefined) throw new TypeError('local call: a connection nobody made');
      handle(incoming, response, identify);
    });
  }

  /** Rejects only when the signal fires or the connection is cut, as a handler does that fails in the middle of a reply. */
  call({ path, body, identify, signal }: LocalCall): Promise<LocalReply> {
    const [ours, theirs] = duplexPair();
    this.#callers.set(theirs, identify);
    this.#server.emit('connection', theirs);
    const bytes = Buffer.from(body);
    const headers = { 'content-type': 'application/json', 'content-length': bytes.byteLength };
    return new Promise((resolve, reject) => {
      const outgoing = request({ method: 'POST', path, headers, signal, createConnection: () => ours }, (reply) => {
        readReply(reply).then(resolve, reject);
      });
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  }
}

async function readReply(reply: IncomingMessage): Promise<LocalReply> {
  const pieces: Uint8Array[] = [];
  // An IncomingMessage without an encoding yields Buffers.
  for await (const piece of reply as AsyncIterable<Uint8Array>) pieces.push(piece);
  const { 'x-request-id': requestId, 'x-amaas-reason': reason, 'retry-after': retryAfter } = reply.headers;
  return {
    status: reply.statusCode ?? 0,
    requestId: typeof requestId === 'string' ? requestId : '',
    body: Buffer.concat(pieces).toString('utf8'),
    isRetryable: retryAfter !== undefined,
    reason: typeof reason === 'string' ? reason : null,
  };
}
