// Reading request bodies: bounded, decompressed, and laid out so that tensors behind a JSON header can be used in place.
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AmaasError } from '@amaas/core';
import { allowLongArrival } from './slow-clients.ts';

export interface BodyOptions {
  /** Most bytes accepted, after decompression. */
  readonly maxBytes: number;
  /**
   * Bytes of the JSON part in front of binary tensors, where the caller announced it: the body is then placed so that
   * what follows the header starts on an 8-byte border.
   */
  readonly headerLength?: number | null;
}

/** Widest element of any dtype, in bytes. */
const ALIGNMENT = 8;
/** First buffer for a body of unknown length; one read from a socket fills at most 64 KiB. */
const FIRST_CHUNK_BYTES = 64 * 1024;
/**
 * Most bytes set aside on a caller's word. Larger bodies get their whole announced space once this much of them is there:
 * claims cost a header each, and a thousand of 64 MiB kept the garbage collector busy for seconds.
 */
const MAX_TRUSTED_BYTES = 1024 * 1024;

/** A body that has arrived. */
export interface ReceivedBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the buffer behind `bytes` is the request's alone, so that it may be handed to a thread. */
  readonly isOwned: boolean;
}

/**
 * Reads the whole body. One that came in a single piece, as small ones do, is taken as it is; others are gathered in a
 * buffer of their own.
 * @throws REQUEST_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE for an unknown content encoding, MALFORMED_REQUEST for a body that
 *   does not decompress, CANCELLED when the caller goes away before the end.
 */
export function readBody(request: IncomingMessage, options: BodyOptions): Promise<ReceivedBody> {
  const encoding = request.headers['content-encoding'];
  const announced = announcedBytes(request, options.maxBytes);
  if (encoding === undefined || encoding === 'identity') return readStream(request, { ...options, announced });
  const decoder = decoderOf(encoding);
  pipeline(request, decoder, () => {}); // a failure of either surfaces as an 'error' or 'close' of the decoder, handled there
  return readStream(decoder, { ...options, announced: null });
}

/**
 * Streams the body, counting. It may take as long as it keeps coming.
 * @throws REQUEST_TOO_LARGE, from the iteration.
 */
export async function* streamBody(request: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  announcedBytes(request, maxBytes);
  allowLongArrival(request);
  let received = 0;
  // An IncomingMessage without an encoding yields Buffers.
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    received += chunk.byteLength;
    if (received > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/** The announced length, null where there is none. A claim beyond the limit is refused before a byte is read. */
function announcedBytes(request: IncomingMessage, maxBytes: number): number | null {
  const header = request.headers['content-length'];
  if (header === undefined) return null;
  const bytes = Number(header);
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new AmaasError('MALFORMED_REQUEST', `Content-Length must be a whole number, got ${JSON.stringify(header)}`);
  }
  if (bytes > maxBytes) throw tooLarge(maxBytes, bytes);
  return bytes;
}

function tooLarge(maxBytes: number, bytes?: number): AmaasError {
  const got = bytes === undefined ? 'more' : `${bytes}`;
  return new AmaasError('REQUEST_TOO_LARGE', `the request body may have at most ${maxBytes} bytes, got ${got}`, {
    details: { maxBytes },
  });
}

function decoderOf(encoding: string): NodeJS.ReadWriteStream {
  switch (encoding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new AmaasError(
        'UNSUPPORTED_MEDIA_TYPE',
        `Content-Encoding must be gzip, deflate, br or identity, got ${JSON.stringify(encoding.slice(0, 40))}`,
      );
  }
}

interface StreamOptions extends BodyOptions {
  readonly announced: number | null;
}

function readStream(stream: NodeJS.ReadableStream, options: StreamOptions): Promise<ReceivedBody> {
  const { headerLength, announced, maxBytes } = options;
  const padding = headerLength ? (ALIGNMENT - (headerLength % ALIGNMENT)) % ALIGNMENT : 0;
  let target: Uint8Array<ArrayBuffer> | null = null;
  let end = padding;
  let whole: Uint8Array<ArrayBuffer> | null = null;
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const fail = (error: AmaasError): void => {
      if (isSettled) return;
      isSettled = true;
      stream.pause();
      reject(error);
    };
    stream.on('data', (chunk: Uint8Array<ArrayBuffer>) => {
      if (isSettled) return;
      if (chunk.byteLength === announced && announced <= maxBytes) {
        whole = chunk;
        return;
      }
      const needed = end + chunk.byteLength;
      if (needed - padding > maxBytes) {
        fail(tooLarge(maxBytes));
        return;
      }
      target ??= new Uint8Array(padding + Math.min(announced ?? FIRST_CHUNK_BYTES, MAX_TRUSTED_BYTES));
      if (needed > target.byteLength) {
        const wanted = announced === null ? Math.max(needed, target.byteLength * 2) : padding + announced;
        target = moved(target.subarray(0, end), Math.min(wanted, padding + maxBytes));
      }
      target.set(chunk, end);
      end = needed;
    });
    stream.on('end', () => {
      if (isSettled) return;
      isSettled = true;
      if (whole !== null) resolve({ bytes: whole, isOwned: false });
      else resolve({ bytes: target?.subarray(padding, end) ?? new Uint8Array(), isOwned: true });
    });
    stream.on('error', (cause) => {
      const wasAborted = 'code' in cause && cause.code === 'ECONNRESET';
      fail(
        wasAborted
          ? new AmaasError('CANCELLED', 'the caller went away while sending', { cause })
          : new AmaasError('MALFORMED_REQUEST', 'the request body could not be decompressed', { cause }),
      );
    });
    stream.on('close', () => {
      if (!isSettled) fail(new AmaasError('CANCELLED', 'the caller went away while sending'));
    });
  });
}

/** The same bytes at the start of a buffer of `byteLength`. */
function moved(bytes: Uint8Array, byteLength: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(byteLength);
  target.set(bytes);
  return target;
}
