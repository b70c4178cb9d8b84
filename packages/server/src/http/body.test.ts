import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { AmaasError, toAmaasError } from '@amaas/core';
import { type BodyOptions, readBody } from './body.ts';

type Outcome = { readonly bytes: Buffer; readonly byteOffset: number } | AmaasError;

/** One request to a real server whose handler reads the body with `options`. */
const pending: { options: BodyOptions; resolve: (outcome: Outcome) => void }[] = [];
const server = createServer((request: IncomingMessage, response) => {
  const next = pending.shift();
  if (next === undefined) return;
  Promise.resolve()
    .then(() => readBody(request, next.options)) // it may throw before it has anything to wait for
    .then(
      ({ bytes }) => next.resolve({ bytes: Buffer.from(bytes), byteOffset: bytes.byteOffset }),
      (error: unknown) => next.resolve(toAmaasError(error)),
    )
    .finally(() => response.end());
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo; // a server listening on TCP has one
after(() => {
  server.close();
  server.closeAllConnections();
});

function send(options: BodyOptions, head: string, ...pieces: readonly (string | Uint8Array)[]): Promise<Outcome> {
  return new Promise((resolve) => {
    pending.push({ options, resolve });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n`);
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece === undefined) return;
      if (piece === 'HANG UP') socket.destroy();
      else socket.write(piece, () => setTimeout(() => next(index + 1), 10));
    };
    setTimeout(() => next(0), 10);
  });
}

const isReason = (outcome: Outcome, reason: string): boolean =>
  outcome instanceof AmaasError && outcome.reason === reason;

function bytesOf(outcome: Outcome): Buffer {
  assert.ok(!(outcome instanceof AmaasError), String(outcome));
  return outcome.bytes;
}

test('readBody puts together what comes in pieces, announced or chunked', async () => {
  assert.equal(bytesOf(await send({ maxBytes: 100 }, 'content-length: 10', 'hello', 'world')).toString(), 'helloworld');
  assert.equal(
    bytesOf(
      await send({ maxBytes: 100 }, 'transfer-encoding: chunked', '5\r\nhello\r\n', '2\r\n!!\r\n0\r\n\r\n'),
    ).toString(),
    'hello!!',
  );
  assert.equal(bytesOf(await send({ maxBytes: 100 }, 'content-length: 0')).length, 0);
});

test('readBody places the part behind a header on an 8-byte border', async () => {
  for (const headerLength of [1, 7, 8, 13]) {
    const outcome = await send({ maxBytes: 1000, headerLength }, 'content-length: 40', 'x'.repeat(15), 'y'.repeat(25));
    assert.ok(!(outcome instanceof AmaasError));
    assert.equal((outcome.byteOffset + headerLength) % 8, 0);
    assert.equal(outcome.bytes.toString(), 'x'.repeat(15) + 'y'.repeat(25));
  }
});

test('readBody refuses a claim beyond the limit before a byte of it, and the bytes themselves without a claim', async () => {
  const claimed = await send({ maxBytes: 10 }, 'content-length: 1000000000');
  assert.ok(isReason(claimed, 'REQUEST_TOO_LARGE'));
  assert.ok(
    isReason(
      await send({ maxBytes: 10 }, 'transfer-encoding: chunked', 'b\r\n01234567890\r\n', '0\r\n\r\n'),
      'REQUEST_TOO_LARGE',
    ),
  );
  assert.equal(bytesOf(await send({ maxBytes: 10 }, 'content-length: 10', '0123456789')).length, 10);
});

test('readBody decompresses, counts the bytes that come out, and refuses what it does not know', async () => {
  const zeros = Buffer.alloc(5000);
  const gzip = gzipSync(zeros);
  const head = (encoding: string, body: Uint8Array) =>
    `content-encoding: ${encoding}\r\ncontent-length: ${body.length}`;
  assert.equal(bytesOf(await send({ maxBytes: 5000 }, head('gzip', gzip), gzip)).compare(zeros), 0);
  const deflate = deflateSync(zeros);
  assert.equal(bytesOf(await send({ maxBytes: 5000 }, head('deflate', deflate), deflate)).length, 5000);
  assert.ok(isReason(await send({ maxBytes: 4999 }, head('gzip', gzip), gzip), 'REQUEST_TOO_LARGE'));
  assert.ok(
    isReason(
      await send(
        { maxBytes: 5000 },
        head('gzip', gzip),
        Buffer.from('not gzip at all, but just as long as announced.'.padEnd(gzip.length)),
      ),
      'MALFORMED_REQUEST',
    ),
  );
  assert.ok(isReason(await send({ maxBytes: 5000 }, head('zstd', gzip), gzip), 'UNSUPPORTED_MEDIA_TYPE'));
});

test('readBody notices that the caller hung up in the middle', async () => {
  assert.ok(isReason(await send({ maxBytes: 100 }, 'content-length: 10', 'hello', 'HANG UP'), 'CANCELLED'));
});
