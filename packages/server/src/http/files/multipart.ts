// Reads multipart/form-data as it comes, part by part, holding no more than one border's length of a body. Strict: what is
// not well-formed is refused, and so is a preamble, which no client of forms sends. Knows no routes.
// Source: RFC 7578, RFC 2046 section 5.1.
import { AmaasError } from '@amaas/core';

export interface Part {
  readonly name: string;
  /** null for a plain field. */
  readonly fileName: string | null;
  /** The next part comes when it has been read to its end. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Far more than a name takes. */
const MOST_HEADER_BYTES = 16 * 1024;
/** No form here has more fields than a few. */
const MOST_PARTS = 64;
/** RFC 2046 allows 70 characters. */
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{1,70}$/;
const CRLF = Buffer.from('\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');

/** The boundary that a Content-Type names. @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_REQUEST */
export function boundaryOf(contentType: string | undefined): string {
  const text = contentType ?? '';
  if (!/^multipart\/form-data\s*(;|$)/i.test(text)) {
    const got = JSON.stringify(text.slice(0, 60));
    throw new AmaasError('UNSUPPORTED_MEDIA_TYPE', `expected Content-Type multipart/form-data, got ${got}`);
  }
  const match = /;\s*boundary=(?:"([^"]*)"|([^\s;"]+))/i.exec(text);
  const boundary = match?.[1] ?? match?.[2] ?? '';
  if (BOUNDARY.test(boundary) && !boundary.endsWith(' ')) return boundary;
  throw malformed('the Content-Type names no usable boundary');
}

/**
 * The source is not closed when reading ends early: closing that of a request cuts the connection, and no reply would come.
 * @throws MALFORMED_REQUEST, and whatever the source throws
 */
export async function* readMultipart(source: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const input = new Input(source);
  await input.expect(Buffer.from(`--${boundary}`));
  const border = Buffer.from(`\r\n--${boundary}`);
  for (let count = 1; ; count++) {
    if (await input.startsWith(Buffer.from('--'))) break;
    await input.expect(CRLF);
    if (count > MOST_PARTS) throw malformed(`a form may have at most ${MOST_PARTS} parts`);
    const { name, fileName } = parseHeader(await input.readHeader());
    const body = input.readUntil(border);
    // Without a way to end it early: a consumer that leaves would take the border with it.
    yield { name, fileName, body: { [Symbol.asyncIterator]: () => ({ next: () => body.next() }) } };
    // What the consumer has left.
    for (let rest = await body.next(); !rest.done; rest = await body.next());
  }
  await input.drain();
}

/** The bytes of a part as UTF-8. @throws MALFORMED_REQUEST beyond `maxBytes` */
export async function readText({ name, body }: Part, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw malformed(`field ${JSON.stringify(name)} has more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);
  #hasEnded = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether the next bytes are these, which are taken then. */
  async startsWith(bytes: Buffer): Promise<boolean> {
    while (this.#held.byteLength < bytes.byteLength && (await this.#fill()));
    if (!this.#held.subarray(0, bytes.byteLength).equals(bytes)) return false;
    this.#take(bytes.byteLength);
    return true;
  }

  async expect(bytes: Buffer): Promise<void> {
    if (await this.startsWith(bytes)) return;
    throw malformed(`expected ${JSON.stringify(bytes.toString('latin1'))} between the parts`);
  }

  /** The header of a part without the empty line that ends it. */
  async readHeader(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(HEADER_END);
      if (end !== -1 && end <= MOST_HEADER_BYTES) {
        const header = this.#take(end).toString('utf8');
        this.#take(HEADER_END.byteLength);
        return header;
      }
      if (this.#held.byteLength > MOST_HEADER_BYTES) {
        throw malformed(`the header of a part has more than ${MOST_HEADER_BYTES} bytes`);
      }
      if (!(await this.#fill())) throw malformed('it ends within the header of a part');
    }
  }

  /** What comes before the border, which is taken as well. */
  async *readUntil(border: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(border);
      if (at !== -1) {
        if (at > 0) yield this.#take(at);
        this.#take(border.byteLength);
        return;
      }
      const safe = this.#held.byteLength - border.byteLength + 1;
      if (safe > 0) yield this.#take(safe);
      if (!(await this.#fill())) throw malformed('it ends before its last border');
    }
  }

  /** Reads on to the end, for what comes behind the last border means nothing. */
  async drain(): Promise<void> {
    do this.#held = Buffer.alloc(0);
    while (await this.#fill());
  }

  #take(bytes: number): Buffer {
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** False at the end. */
  async #fill(): Promise<boolean> {
    if (this.#hasEnded) return false;
    const next = await this.#source.next();
    if (next.done) {
      this.#hasEnded = true;
      return false;
    }
    const { buffer, byteOffset, byteLength } = next.value;
    const piece = Buffer.from(buffer, byteOffset, byteLength); // the same bytes
    this.#held = this.#held.byteLength === 0 ? piece : Buffer.concat([this.#held, piece]);
    return true;
  }
}

function parseHeader(header: string): { readonly name: string; readonly fileName: string | null } {
  let disposition: string | null = null;
  for (const line of header.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('a part has a line in its header that is none');
    const field = line.slice(0, colon).toLowerCase();
    if (field === 'content-disposition') disposition = line.slice(colon + 1).trim();
    if (field === 'content-transfer-encoding' && !/^\s*(binary|8bit|7bit)\s*$/i.test(line.slice(colon + 1))) {
      throw malformed('Content-Transfer-Encoding is not used in forms');
    }
  }
  if (disposition === null || !/^form-data\s*;/i.test(disposition)) {
    throw malformed('a part has no Content-Disposition: form-data');
  }
  const name = parameterOf(disposition, 'name');
  if (name === null) throw malformed('a part has no name');
  return { name, fileName: parameterOf(disposition, 'filename') };
}

function parameterOf(disposition: string, wanted: string): string | null {
  const rest = /;\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;
  for (const [, key = '', quoted, plain] of disposition.matchAll(rest)) {
    if (key.toLowerCase() !== wanted) continue;
    return quoted === undefined ? (plain ?? '') : unescaped(quoted);
  }
  return null;
}

/** Browsers write three characters as percent escapes and backslashes as themselves; others escape quotes with backslashes. */
function unescaped(text: string): string {
  return text
    .replace(/\\(["\\])/g, '$1')
    .replace(/%22/g, '"')
    .replace(/%0D/gi, '\r')
    .replace(/%0A/gi, '\n');
}

function malformed(problem: string): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `multipart/form-data: ${problem}`);
}
