import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonWriter, quoteJson } from './index.ts';
import { createRandom } from './testing/random.ts';

test('JsonWriter joins what it is given, whatever the lengths', () => {
  const random = createRandom(8);
  for (let round = 0; round < 60; round++) {
    const writer = new JsonWriter();
    let expected = '';
    for (let part = 0; part < 60; part++) {
      const text = random.pick(['x', 'é', '漢', '😀']).repeat(random.pick([0, 1, 10, 22, 23, 24, 300, 22_000, 30_000]));
      const kind = random.integer(0, 2);
      if (kind === 0) {
        writer.string(text);
        expected += JSON.stringify(text);
      } else if (kind === 1) {
        const bytes = new TextEncoder().encode(text);
        writer.base64(bytes);
        expected += `"${Buffer.from(bytes).toString('base64')}"`;
      } else {
        writer.raw(text).uint32(round);
        expected += `${text}${round}`;
      }
    }
    assert.equal(Buffer.from(writer.takeBytes()).toString(), expected);
    assert.equal(writer.takeBytes().length, 0);
  }
});

test('JsonWriter gives pieces with buffers of their own', () => {
  const writer = new JsonWriter();
  for (let index = 0; index < 50_000; index++) writer.uint32(index);
  const pieces = writer.takePieces();
  assert.ok(pieces.length > 1);
  assert.equal(new Set(pieces.map((piece) => piece.buffer)).size, pieces.length);
});

test('quoteJson escapes halves of surrogate pairs', () => {
  assert.equal(quoteJson('a"\ud800\n'), '"a\\"\\ud800\\n"');
});
