// Contents of a file as the body of a request that counts what has been sent.
import type { CallBody } from './transport.ts';

/**
 * Contents of a file: bytes, a Blob, or a function that opens a new stream of them each time it is called (to digest, to
 * upload, to upload again). Browsers send streams over HTTP/2 only; give them a Blob.
 */
export type FileContent = Uint8Array<ArrayBuffer> | Blob | (() => ReadableStream<Uint8Array>);

/** The body; `counted` hears the bytes of a stream sent so far, from the beginning each time it is sent. */
export function uploadBody(content: FileContent, counted: (sentBytes: number) => void): CallBody {
  if (typeof content !== 'function') return content; // with a length, and in browsers without HTTP/2 too
  return () => {
    let sentBytes = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        sentBytes += chunk.length;
        counted(sentBytes);
        controller.enqueue(chunk);
      },
    });
    return content().pipeThrough(count);
  };
}
