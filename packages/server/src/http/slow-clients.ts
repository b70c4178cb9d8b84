// Callers that send or read too slowly: found by a look at all connections now and then, so that a request costs next to
// nothing for it. Node's own requestTimeout cannot tell a model file that keeps coming from a request that trickles, nor
// its socket timeout a caller who does not read from one who waits for a long run. Says who is too slow; others act.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface SlowClientLimits {
  /** Longest a request may take to arrive; for one that may take long: longest it may pause. */
  readonly requestTimeoutMs: number;
  /** Longest a caller may take nothing of a reply that waits for it. */
  readonly idleTimeoutMs: number;
  /** A request has run out of time. Told again at the next look while the connection lives. */
  readonly onRequestTimeout: (socket: Socket) => void;
}

/** The last request on a connection and its reply. */
interface Turn {
  request: IncomingMessage;
  response: ServerResponse;
  sinceMs: number;
  bytesRead: number;
  /** Whether the socket's own timer watches that the caller reads. */
  isTimed: boolean;
}

/** How often connections are looked at; the limits are exact to this. */
const LOOK_INTERVAL_MS = 1000;

/** Requests that may take as long as they keep coming; gone with the request. */
const longRequests = new WeakSet<IncomingMessage>();

/** Says that a request may take longer than others to arrive, as a model file does. */
export function allowLongArrival(request: IncomingMessage): void {
  longRequests.add(request);
}

/** Watches the connections of one server until {@link SlowClients.stop}. */
export class SlowClients {
  readonly #limits: SlowClientLimits;
  readonly #turns = new Map<Socket, Turn>();
  readonly #timer: NodeJS.Timeout;

  constructor(limits: SlowClientLimits) {
    this.#limits = limits;
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Notes that a request has begun. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const sinceMs = performance.now();
    const turn = this.#turns.get(socket);
    if (turn === undefined) {
      this.#turns.set(socket, { request, response, sinceMs, bytesRead: 0, isTimed: false });
      socket.once('close', () => this.#turns.delete(socket));
    } else {
      turn.request = request;
      turn.response = response;
      turn.sinceMs = sinceMs;
      turn.isTimed = false; // Node sets the timer of a kept connection anew
    }
  }

  /** The last reply begun on a connection. */
  replyOn(socket: Socket): ServerResponse | undefined {
    return this.#turns.get(socket)?.response;
  }

  /** Makes every reply under way the last on its connection, which would stay open for more requests otherwise. */
  endAfterReplies(): void {
    for (const [socket, { response }] of this.#turns) {
      if (response.writableFinished) continue;
      if (response.headersSent) response.once('finish', () => socket.end());
      else response.setHeader('connection', 'close');
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [socket, turn] of this.#turns) {
      if (!turn.request.complete) this.#lookAtRequest(socket, turn, nowMs);
      else if (!turn.response.writableFinished) this.#lookAtReply(socket, turn);
    }
  }

  #lookAtRequest(socket: Socket, turn: Turn, nowMs: number): void {
    if (longRequests.has(turn.request) && socket.bytesRead !== turn.bytesRead) {
      turn.bytesRead = socket.bytesRead;
      turn.sinceMs = nowMs;
    } else if (nowMs - turn.sinceMs > this.#limits.requestTimeoutMs) {
      this.#limits.onRequestTimeout(socket);
    }
  }

  /** A socket's timer ends it unless it writes or reads, or what waits in it shrinks. */
  #lookAtReply(socket: Socket, turn: Turn): void {
    const isWaiting = socket.writableLength > 0;
    if (isWaiting === turn.isTimed) return;
    socket.setTimeout(isWaiting ? this.#limits.idleTimeoutMs : 0);
    turn.isTimed = isWaiting;
  }
}
