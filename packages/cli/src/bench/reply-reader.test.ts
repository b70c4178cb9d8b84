import assert from 'node:assert/strict';
import test from 'node:test';
import { type FinishedReply, ReplyReader } from './reply-reader.ts';

const plain = 'HTTP/1.1 200 OK\r\nContent-Type: x/y\r\ncontent-length: 11\r\nKeep-Alive: 5\r\n\r\nhello world';
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10;ext=1\r\n\r\n0\r\nx\r\n\r\n\r\n2345\r\n0\r\nTrailer: t\r\n\r\n';
const failure = 'HTTP/1.1 429 Too Many\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{"error":"full"}';
const empty = 'HTTP/1.1 204 No Content\r\n\r\n';
const continued = `HTTP/1.1 100 Continue\r\n\r\n${plain}`;

const expected: ReadonlyMap<string, FinishedReply> = new Map([
  [plain, { status: 200, closes: false, failureText: '' }],
  [chunked, { status: 200, closes: false, failureText: '' }],
  [failure, { status: 429, closes: true, failureText: '{"error":"full"}' }],
  [empty, { status: 204, closes: false, failureText: '' }],
  [continued, { status: 200, closes: false, failureText: '' }],
]);

test('ReplyReader finds the end of a reply however the bytes are cut', () => {
  for (const [text, reply] of expected) {
    const bytes = Buffer.from(text, 'latin1');
    const reader = new ReplyReader(); // one reader for all cuts: it must start afresh after every reply
    for (let first = 0; first <= bytes.length; first++) {
      for (const second of [first, Math.min(bytes.length, first + 1), Math.min(bytes.length, first + 7)]) {
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        const results = parts.filter((part) => part.length > 0).map((part) => reader.push(part));
        assert.deepEqual(results.at(-1), reply, `cut at ${first} and ${second}`);
        assert.ok(results.slice(0, -1).every((result) => result === null));
      }
    }
  }
});

test('ReplyReader refuses what is not one HTTP/1.1 reply', () => {
  for (const text of [
    'SSH-2.0-x\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\nno length',
    `${plain}HTTP/1.1 200 OK`,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  ]) {
    assert.throws(() => new ReplyReader().push(Buffer.from(text)), Error, text);
  }
});
