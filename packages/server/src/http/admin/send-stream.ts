// Replies too large to hold in memory: blobs and logs.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BlobStore, Digest } from '../../artifacts/index.ts';
import type { Exchange } from '../exchange.ts';

/** Sends what comes, as it comes. A caller that goes away ends it; a source that fails cuts the connection. */
export async function sendStream(
  exchange: Exchange,
  source: AsyncIterable<Uint8Array>,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { response, method } = exchange;
  response.writeHead(200, { ...headers, 'x-request-id': exchange.requestId });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  try {
    await pipeline(Readable.from(source), response);
  } catch (error) {
    if (!exchange.gone.aborted) throw error;
  }
}

/** Sends a blob; with `fileName` for saving rather than showing. @throws ARTIFACT_NOT_FOUND */
export async function sendBlob(
  exchange: Exchange,
  blobs: BlobStore,
  file: { readonly digest: Digest; readonly sizeBytes: number; readonly mediaType: string; readonly fileName?: string },
): Promise<void> {
  const { digest, sizeBytes, mediaType, fileName } = file;
  await sendStream(exchange, await blobs.openRead(digest), {
    'content-type': mediaType,
    'content-length': String(sizeBytes),
    etag: `"${digest}"`,
    'x-content-type-options': 'nosniff',
    ...(fileName === undefined ? {} : { 'content-disposition': attachment(fileName) }),
  });
}

/** A file name as headers take it. Source: RFC 6266 section 4.3, RFC 8187 section 3.2. */
function attachment(fileName: string): string {
  const plain = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(fileName).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
