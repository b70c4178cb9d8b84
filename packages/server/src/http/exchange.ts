// One HTTP request and its reply, as routes see them. Knows no protocol.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AmaasError, Cancellation, Clock } from '@amaas/core';
import type { Principal } from '../gateway/index.ts';

/** Replies up to this size leave in one write; larger ones are not worth copying together. */
const JOIN_BELOW_BYTES = 64 * 1024;
/** Up to this size a reply leaves in one piece with its head: Node joins the head to a latin1 string, but not to a Buffer. */
const ONE_PIECE_BYTES = 4 * 1024;

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** The path as sent: not decoded, without the query. */
  readonly path: string;
  readonly requestId: string;
  /** Set once authenticated; routes run only then, or are public. */
  principal: Principal | null = null;
  /** Told of what goes wrong once the reply has begun, where the protocol itself has a word for it. */
  onLateError: ((error: AmaasError) => void) | null = null;
  /** Whether a served version's recorder has been told of this request. */
  isRecorded = false;
  readonly #queryText: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #gone: CalledOff | null = null;
  #cutBy: AmaasError | null = null;
  #controller: AbortController | null = null;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    identity: { readonly requestId: string; readonly clock: Clock },
  ) {
    this.request = request;
    this.response = response;
    this.method = request.method ?? 'GET';
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.#queryText = mark === -1 ? '' : url.slice(mark + 1);
    this.requestId = identity.requestId;
    this.#clock = identity.clock;
    this.#startedMs = identity.clock.nowMs();
  }

  /** Milliseconds since the header had arrived. */
  elapsedMs(): number {
    return this.#clock.nowMs() - this.#startedMs;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#queryText);
  }

  /** Says when the reply is not wanted any more before it is complete: the caller goes away, or it is cut short. */
  get gone(): Cancellation {
    return this.#calledOff;
  }

  get #calledOff(): CalledOff {
    this.#gone ??= new CalledOff(this.response);
    return this.#gone;
  }

  /** Why the reply was cut short, for a caller who is still there; null: it was not. */
  get cutBy(): AmaasError | null {
    return this.#cutBy;
  }

  /** Ends the work for a reply that is not complete. Saying why is left to who sends the reply. */
  cutShort(why: AmaasError): void {
    this.#cutBy = why;
    this.#calledOff.end();
  }

  /** The same as a real AbortSignal, which costs a few microseconds more, for what takes nothing else. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.gone.aborted) controller.abort();
      else this.gone.addEventListener('abort', () => controller.abort());
    }
    return this.#controller.signal;
  }

  /** A request header that comes at most once. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  sendJson(status: number, value: unknown): void {
    this.send(status, 'application/json', [Buffer.from(JSON.stringify(value))]);
  }

  sendText(status: number, contentType: string, text: string): void {
    this.send(status, contentType, [Buffer.from(text)]);
  }

  sendEmpty(status: number): void {
    if (this.response.destroyed || this.response.headersSent) return;
    this.#writeHead(status, { 'content-length': '0' });
    this.response.end();
  }

  /** Sends a complete reply made of `parts`. */
  send(
    status: number,
    contentType: string,
    parts: readonly Uint8Array[],
    headers: Readonly<Record<string, string>> = {},
  ): void {
    if (this.response.destroyed || this.response.headersSent) return;
    let bytes = 0;
    for (const part of parts) bytes += part.byteLength;
    this.#writeHead(status, { 'content-type': contentType, 'content-length': String(bytes), ...headers });
    if (this.method === 'HEAD') {
      this.response.end();
    } else if (bytes <= ONE_PIECE_BYTES) {
      this.response.end(Buffer.concat(parts, bytes).toString('latin1'), 'latin1');
    } else if (parts.length === 1) {
      this.response.end(parts[0]);
    } else if (bytes <= JOIN_BELOW_BYTES) {
      this.response.end(Buffer.concat(parts, bytes));
    } else {
      this.response.cork();
      for (const part of parts) this.response.write(part);
      this.response.end();
    }
  }

  #writeHead(status: number, headers: Record<string, string>): void {
    headers['x-request-id'] = this.requestId;
    this.response.writeHead(status, headers);
  }
}

/** Watches the connection of one reply. */
class CalledOff implements Cancellation {
  aborted: boolean;
  #listeners: readonly (() => void)[] = [];

  constructor(response: ServerResponse) {
    this.aborted = response.destroyed;
    response.once('close', () => {
      if (!response.writableFinished) this.end();
    });
  }

  end(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((known) => known !== listener);
  }
}
