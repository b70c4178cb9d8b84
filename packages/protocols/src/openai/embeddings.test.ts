import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEmbeddingReply, shortenVectors } from './embedding-reply.ts';
import { decodeEmbeddingRequest } from './embedding-request.ts';

function bodyOf(...parts: Parameters<typeof encodeEmbeddingReply>) {
  return JSON.parse(Buffer.concat(encodeEmbeddingReply(...parts)).toString('utf8'));
}

const VECTORS = [Float32Array.of(0.1, -0.2, 1e-9, 3), Float32Array.of(0, 0, 0, 1)];

test('decodeEmbeddingRequest reads texts and tokens', () => {
  assert.deepEqual(decodeEmbeddingRequest({ model: 'e', input: ['a', 'b'], user: 'u', dimensions: 2 }), {
    model: 'e',
    texts: [[{ text: 'a', special: false }], [{ text: 'b', special: false }]],
    encoding: 'float',
    dimensions: 2,
  });
  const { texts, encoding } = decodeEmbeddingRequest({ model: 'e', input: [4, 5], encoding_format: 'base64' });
  assert.deepEqual([texts, encoding], [[[{ tokens: [4, 5] }]], 'base64']);
});

test('decodeEmbeddingRequest names what is wrong', () => {
  const refuses = (more: object, message: string): void =>
    assert.throws(() => decodeEmbeddingRequest({ model: 'e', input: 'a', ...more }), {
      reason: 'INVALID_ARGUMENT',
      message,
      details: { field: message.split(': ', 1)[0] },
    });
  refuses({ input: '' }, 'input: is empty');
  refuses({ input: ['a', ''] }, 'input[1]: is empty');
  refuses({ input: Array.from({ length: 2049 }, () => 'a') }, 'input: expected 1 to 2048 texts, got 2049');
  refuses({ encoding_format: 'hex' }, 'encoding_format: expected one of "float", "base64", got "hex"');
  refuses({ dimensions: 0 }, 'dimensions: expected a whole number of at least 1, got 0');
  refuses({ truncate: true }, 'truncate: is not supported');
});

test('encodeEmbeddingReply writes numbers with the digits of float32, or their bytes', () => {
  const embeddings = { vectors: VECTORS, promptTokens: 6 };
  const reply = bodyOf(embeddings, { model: 'e@2', encoding: 'float' });
  assert.deepEqual(reply, {
    object: 'list',
    data: [
      { object: 'embedding', index: 0, embedding: [0.1, -0.2, 1e-9, 3] },
      { object: 'embedding', index: 1, embedding: [0, 0, 0, 1] },
    ],
    model: 'e@2',
    usage: { prompt_tokens: 6, total_tokens: 6 },
  });
  const { data } = bodyOf(embeddings, { model: 'e', encoding: 'base64' });
  const bytes = Buffer.from(data[0].embedding, 'base64');
  assert.deepEqual([bytes.length, bytes.readFloatLE(0), bytes.readFloatLE(12)], [16, Math.fround(0.1), 3]);
});

test('shortenVectors brings what is left to length 1', () => {
  const [short, zero] = shortenVectors([Float32Array.of(3, 4, 12), Float32Array.of(0, 0, 1)], 2);
  assert.deepEqual([...(short ?? [])], [Math.fround(0.6), Math.fround(0.8)]);
  assert.deepEqual([...(zero ?? [])], [0, 0]);
});
