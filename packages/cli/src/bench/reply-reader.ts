// Finds the ends of HTTP/1.1 replies in a byte stream, and their status; bodies are skipped, but for the beginning of one
// that reports a failure. For one request at a time. Knows no sockets. Source: RFC 9112 §6.3, §7.1.

/** A reply whose last byte has been seen. */
export interface FinishedReply {
  readonly status: number;
  /** Whether the server will close the connection. */
  readonly closes: boolean;
  /** The first bytes of the body when the status is not 2xx, as text; else empty. */
  readonly failureText: string;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** A head that is longer is no head. */
const MAX_HEAD_BYTES = 65_536;
const MAX_FAILURE_BYTES = 500;

/** How the rest of the body is counted. */
type BodyFraming = { kind: 'length'; left: number } | { kind: 'chunked'; left: number; ending: boolean };

export class ReplyReader {
  /** What has been read of a head that is not complete, or of a chunk's size line. */
  #pending: Buffer | null = null;
  #framing: BodyFraming | null = null;
  #status = 0;
  #closes = false;
  #failure: Buffer[] = [];

  /**
   * Takes the next bytes; returns the reply when they end it, else null.
   * @throws Error when the bytes are not HTTP/1.1, or more come than one reply
   */
  push(chunk: Buffer): FinishedReply | null {
    let bytes = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = null;
    while (this.#framing === null) {
      const end = bytes.indexOf(HEAD_END);
      if (end === -1) {
        if (bytes.length > MAX_HEAD_BYTES) throw new Error('the head of the reply does not end');
        this.#pending = bytes;
        return null;
      }
      this.#readHead(bytes.toString('latin1', 0, end + 2));
      bytes = bytes.subarray(end + 4);
    }
    return this.#framing.kind === 'length'
      ? this.#readLength(this.#framing, bytes)
      : this.#readChunks(this.#framing, bytes);
  }

  #readHead(head: string): void {
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
    if (status === undefined) throw new Error(`the reply is not HTTP/1.1: ${JSON.stringify(head.slice(0, 40))}`);
    this.#status = Number(status);
    if (this.#status < 200) return; // 100 Continue and its like precede the reply
    this.#closes = /\r\nconnection: *close/i.test(head);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#framing = { kind: 'chunked', left: 0, ending: false };
    else if (length !== undefined) this.#framing = { kind: 'length', left: Number(length) };
    else if (this.#status === 204 || this.#status === 304) this.#framing = { kind: 'length', left: 0 };
    else throw new Error('the reply has neither a length nor chunks');
  }

  #readLength(framing: { left: number }, bytes: Buffer): FinishedReply | null {
    if (bytes.length > framing.left) throw new Error('bytes follow the end of the reply');
    this.#keepFailure(bytes);
    framing.left -= bytes.length;
    return framing.left === 0 ? this.#finish() : null;
  }

  #readChunks(framing: { left: number; ending: boolean }, bytes: Buffer): FinishedReply | null {
    let rest = bytes;
    for (;;) {
      if (framing.left > 0) {
        // `left` counts the line break after the chunk too.
        const part = rest.subarray(0, framing.left);
        this.#keepFailure(part);
        framing.left -= part.length;
        rest = rest.subarray(part.length);
        if (framing.left > 0) return null;
      }
      const lineEnd = rest.indexOf('\r\n');
      if (lineEnd === -1) {
        if (rest.length > MAX_HEAD_BYTES) throw new Error('a chunk of the reply has no size');
        this.#pending = rest;
        return null;
      }
      const line = rest.toString('latin1', 0, lineEnd);
      rest = rest.subarray(lineEnd + 2);
      if (framing.ending) {
        if (line !== '') continue; // a trailer
        if (rest.length > 0) throw new Error('bytes follow the end of the reply');
        return this.#finish();
      }
      const size = /^[0-9a-f]{1,12}/i.exec(line)?.[0];
      if (size === undefined) throw new Error(`a chunk of the reply has no size: ${JSON.stringify(line.slice(0, 40))}`);
      const chunkBytes = Number.parseInt(size, 16);
      if (chunkBytes === 0) framing.ending = true;
      else framing.left = chunkBytes + 2;
    }
  }

  #keepFailure(bytes: Buffer): void {
    if (this.#status >= 200 && this.#status < 300) return;
    if (bytes.length > 0 && this.#failure.length < 16) this.#failure.push(bytes.subarray(0, MAX_FAILURE_BYTES));
  }

  #finish(): FinishedReply {
    const failureText =
      this.#failure.length === 0 ? '' : Buffer.concat(this.#failure).toString().slice(0, MAX_FAILURE_BYTES).trim();
    const reply = { status: this.#status, closes: this.#closes, failureText };
    this.#framing = null;
    this.#failure = [];
    return reply;
  }
}
