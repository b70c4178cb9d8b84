import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { boundaryOf, type Part, readMultipart, readText } from './multipart.ts';

const CONTENT = Buffer.from('one\r\n--x\r\n--bo\r\n--bordo\r\0\xff\r\n', 'latin1'); // whatever looks like a border and is none

function form(parts: readonly (readonly [header: string, content: Uint8Array | string])[], end = '--\r\n'): Buffer {
  const pieces = parts.flatMap(([header, content]) => [
    Buffer.from(`--border\r\n${header}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--border${end}`)]);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.byteLength; from += size) yield bytes.subarray(from, from + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return pieces;
}

async function readAll(source: AsyncIterable<Uint8Array>) {
  const parts = [];
  for await (const { name, fileName, body } of readMultipart(source, 'border')) {
    parts.push({ name, fileName, content: Buffer.concat(await collect(body)) });
  }
  return parts;
}

const GOOD = form([
  ['Content-Disposition: form-data; name="purpose"', 'batch'],
  ['content-type: text/plain\r\nContent-Disposition: form-data; name=file; filename="a \\"b\\" %22c.jsonl"', CONTENT],
  ['Content-Disposition: form-data; filename=""; name="empty"', ''],
]);

test('readMultipart gives the parts whole, in pieces of any size', async () => {
  for (const size of [1, 2, 3, 5, 7, 11, 64, GOOD.byteLength]) {
    assert.deepEqual(
      await readAll(inPieces(GOOD, size)),
      [
        { name: 'purpose', fileName: null, content: Buffer.from('batch') },
        { name: 'file', fileName: 'a "b" "c.jsonl', content: CONTENT },
        { name: 'empty', fileName: '', content: Buffer.alloc(0) },
      ],
      `pieces of ${size}`,
    );
  }
});

test('readMultipart reads what FormData of this runtime writes', async () => {
  const data = new FormData();
  data.set('file', new File([CONTENT], 'ünï "q".jsonl'));
  data.set('expires_after[seconds]', '3600');
  const response = new Response(data);
  const boundary = boundaryOf(response.headers.get('content-type') ?? '');
  const seen = [];
  assert.ok(response.body !== null);
  for await (const part of readMultipart(response.body, boundary)) {
    seen.push([part.name, part.fileName, Buffer.concat(await collect(part.body)).toString('latin1')]);
  }
  assert.deepEqual(seen, [
    ['file', 'ünï "q".jsonl', CONTENT.toString('latin1')],
    ['expires_after[seconds]', null, '3600'],
  ]);
});

test('readMultipart goes on behind parts that nobody read, and behind those that were left in the middle', async () => {
  const names = [];
  for await (const part of readMultipart(inPieces(GOOD, 4), 'border')) {
    names.push(part.name);
    if (part.name === 'purpose') for await (const _piece of part.body) break;
  }
  assert.deepEqual(names, ['purpose', 'file', 'empty']);
});

test('readMultipart refuses what is not well-formed, wherever it is cut', async () => {
  const field = 'Content-Disposition: form-data; name="a"';
  const cases: readonly Buffer[] = [
    Buffer.from(`preamble\r\n${form([[field, '']])}`),
    Buffer.from(`\r\n${form([[field, '']])}`),
    form([[field, '']], ' --'),
    form([['', '']]),
    form([['Content-Disposition: attachment; name="a"', '']]),
    form([['Content-Disposition: form-data; filename="a"', '']]),
    form([[`${field}\r\nno colon`, '']]),
    form([[`${field}\r\nContent-Transfer-Encoding: base64`, '']]),
    form([[`${field}\r\nx: ${'y'.repeat(17_000)}`, '']]),
    form(Array.from({ length: 65 }, () => [field, ''] as const)),
    ...Array.from({ length: GOOD.byteLength - 4 }, (_, cut) => GOOD.subarray(0, cut)),
  ];
  for (const bytes of cases) {
    await assert.rejects(
      readAll(inPieces(bytes, 1000)),
      (error) => error instanceof AmaasError && error.reason === 'MALFORMED_REQUEST',
      bytes.toString('latin1').slice(0, 200),
    );
  }
});

test('readMultipart holds no more of a part than a border takes', async () => {
  let made = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--border\r\nContent-Disposition: form-data; name="a"\r\n\r\n');
    for (; made < 1000; made++) yield Buffer.alloc(1000, 'x');
    yield Buffer.from('\r\n--border--');
  }
  let read = 0;
  for await (const part of readMultipart(endless(), 'border')) {
    for await (const piece of part.body) {
      read += piece.byteLength;
      assert.ok(made * 1000 - read < 2100, `${made} pieces made, ${read} bytes read`);
    }
  }
  assert.equal(read, 1_000_000);
});

test('boundaryOf finds the boundary and refuses other types', () => {
  assert.equal(boundaryOf('multipart/form-data; boundary=----WebKit7'), '----WebKit7');
  assert.equal(boundaryOf('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b:c"'), 'a b:c');
  const reasons = (text: string | undefined) => {
    try {
      return boundaryOf(text);
    } catch (error) {
      return error instanceof AmaasError ? error.reason : error;
    }
  };
  for (const text of [
    undefined,
    '',
    'application/json',
    'multipart/mixed; boundary=a',
    'multipart/form-datax; boundary=a',
  ]) {
    assert.equal(reasons(text), 'UNSUPPORTED_MEDIA_TYPE', text);
  }
  for (const boundary of ['', '""', `"${'x'.repeat(71)}"`, '"a "', '"a\tb"', 'ü']) {
    assert.equal(reasons(`multipart/form-data; boundary=${boundary}`), 'MALFORMED_REQUEST', boundary);
  }
});

test('readText bounds fields', async () => {
  const part = (text: string): Part => ({ name: 'a', fileName: null, body: inPieces(Buffer.from(text), 3) });
  assert.equal(await readText(part('ünï'), 6), 'ünï');
  await assert.rejects(readText(part('ünï'), 4), /field "a" has more than 4 bytes/);
});
