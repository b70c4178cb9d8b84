import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { encodeModerations, readModerationOrder } from './moderations.ts';
import { encodeRerank, readRerankOrder } from './rerank.ts';

function refused(reason: string, field: string) {
  return (error: unknown) => {
    assert.ok(error instanceof AmaasError, String(error));
    assert.deepEqual([error.reason, error.details['field']], [reason, field]);
    return true;
  };
}

test('readModerationOrder takes a text, texts, and the parts of one input', () => {
  assert.deepEqual(readModerationOrder({ input: 'a' }), { model: 'omni-moderation-latest', inputs: [['a']] });
  assert.deepEqual(readModerationOrder({ input: ['a', ''], model: 'm' }), { model: 'm', inputs: [['a'], ['']] });
  const parts = ['a', 'b'].map((text) => ({ type: 'text', text }));
  assert.deepEqual(readModerationOrder({ input: parts }).inputs, [['a', 'b']]);
});

test('readModerationOrder refuses by name', () => {
  const image = { type: 'image_url', image_url: { url: 'data:' } };
  assert.throws(() => readModerationOrder({}), refused('INVALID_ARGUMENT', 'input'));
  assert.throws(() => readModerationOrder({ input: [] }), refused('INVALID_ARGUMENT', 'input'));
  assert.throws(() => readModerationOrder({ input: 7 }), refused('INVALID_ARGUMENT', 'input'));
  assert.throws(() => readModerationOrder({ input: [7] }), refused('INVALID_ARGUMENT', 'input[0]'));
  const mixed = ['a', { type: 'text', text: 'b' }];
  assert.throws(() => readModerationOrder({ input: mixed }), refused('INVALID_ARGUMENT', 'input'));
  const parts = [{ type: 'text', text: 'b' }, image];
  assert.throws(() => readModerationOrder({ input: parts }), refused('UNSUPPORTED_FEATURE', 'input[1]'));
  assert.throws(() => readModerationOrder({ input: 'a', user: 'b' }), refused('INVALID_ARGUMENT', 'user'));
});

test('encodeModerations keeps categories of any name', () => {
  const categories = [
    { name: 'hate/threatening', score: 0.75, isFlagged: true },
    { name: '__proto__', score: 0.25, isFlagged: false },
  ];
  const encoded = JSON.stringify(encodeModerations([{ isFlagged: true, categories }], { id: 'modr-1', model: 'm' }));
  assert.equal(
    encoded,
    '{"id":"modr-1","model":"m","results":[{"flagged":true,"categories":{"hate/threatening":true,"__proto__":false},' +
      '"category_scores":{"hate/threatening":0.75,"__proto__":0.25},' +
      '"category_applied_input_types":{"hate/threatening":["text"],"__proto__":["text"]}}]}',
  );
});

test('readRerankOrder takes texts of both forms and refuses by name', () => {
  const order = { model: 'm', query: 'q', documents: ['a', { text: 'b' }] };
  const read = { model: 'm', query: 'q', documents: ['a', 'b'], topN: null, returnDocuments: false };
  assert.deepEqual(readRerankOrder(order), read);
  const more = { ...order, top_n: 1, return_documents: true };
  assert.deepEqual(readRerankOrder(more), { ...read, topN: 1, returnDocuments: true });
  for (const [field, body] of [
    ['model', { ...order, model: undefined }],
    ['query', { ...order, query: null }],
    ['documents', { ...order, documents: [] }],
    ['documents', { ...order, documents: Array.from({ length: 1001 }, () => 'a') }],
    ['documents[1]', { ...order, documents: ['a', 1] }],
    ['documents[0].title', { ...order, documents: [{ text: 'a', title: 'b' }] }],
    ['top_n', { ...order, top_n: 0 }],
    ['max_chunks_per_doc', { ...order, max_chunks_per_doc: 2 }],
  ] as const) {
    assert.throws(() => readRerankOrder(body), refused('INVALID_ARGUMENT', field), field);
  }
});

test('encodeRerank gives the best first, equal ones in their order', () => {
  const order = { model: 'm', query: 'q', documents: ['a', 'b', 'c', 'd'], topN: 3, returnDocuments: true };
  assert.deepEqual(encodeRerank(order, { scores: [-2, 5.5, -2, 7], promptTokens: 21 }, 'rerank-1'), {
    id: 'rerank-1',
    object: 'list',
    model: 'm',
    results: [
      { index: 3, relevance_score: 7, document: { text: 'd' } },
      { index: 1, relevance_score: 5.5, document: { text: 'b' } },
      { index: 0, relevance_score: -2, document: { text: 'a' } },
    ],
    usage: { prompt_tokens: 21, total_tokens: 21 },
  });
  const bare = { ...order, topN: null, returnDocuments: false };
  assert.deepEqual(
    (encodeRerank(bare, { scores: [1, 2, 3, 4], promptTokens: 0 }, '') as { readonly results: object }).results, // as above
    [3, 2, 1, 0].map((index) => ({ index, relevance_score: index + 1 })),
  );
  assert.throws(() => encodeRerank(bare, { scores: [1], promptTokens: 0 }, ''), /4 documents got 1 scores/);
});
