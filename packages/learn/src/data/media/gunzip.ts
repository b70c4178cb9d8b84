// Unpacking gzip with a bound on what comes out, through the platform's DecompressionStream: browsers have it as Node does.
import { AmaasError } from '@amaas/core';

export interface UnpackOptions {
  /** Names the data in messages. */
  readonly name: string;
  /** Most bytes that may come out; default 2 GiB, beyond which typed arrays get no single buffer everywhere. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_MAX_BYTES = 2 ** 31;

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The contents of a gzip file.
 * @throws INVALID_DATA when it is damaged or cut short, REQUEST_TOO_LARGE beyond `maxBytes`, CANCELLED.
 */
export async function gunzip(bytes: Uint8Array, options: UnpackOptions): Promise<Uint8Array> {
  const { name, maxBytes = DEFAULT_MAX_BYTES, signal } = options;
  // The platform's types want a plain buffer behind the bytes; a shared one is read all the same.
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const reader = source.pipeThrough(new DecompressionStream('gzip')).getReader();
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', `gzip: unpacking ${name} was called off`);
      const { done, value } = await reader.read();
      if (done) break;
      total += value.byteLength;
      if (total > maxBytes)
        throw new AmaasError('REQUEST_TOO_LARGE', `gzip: ${name} unpacks to more than ${maxBytes} bytes`);
      pieces.push(value);
    }
  } catch (thrown) {
    reader.cancel().catch(() => {}); // a stream that failed cannot be cancelled, and need not be
    if (thrown instanceof AmaasError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : 'unknown';
    throw new AmaasError('INVALID_DATA', `gzip: ${name} is damaged or cut short: ${why}`, { cause: thrown });
  }
  return concatenate(pieces, total);
}

/** The contents of a gzip file, or the bytes themselves where they are none. @throws as {@link gunzip} */
export async function gunzipIfPacked(bytes: Uint8Array, options: UnpackOptions): Promise<Uint8Array> {
  return isGzip(bytes) ? gunzip(bytes, options) : bytes;
}

function concatenate(pieces: readonly Uint8Array[], total: number): Uint8Array {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const all = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}
