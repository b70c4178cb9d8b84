// Moderations by OpenAI's own client, made by classifiers that take texts as they are or as tokens; texts reranked by a model
// that is made for it, as the arithmetic says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createTensor, type Manifest } from '@amaas/core';
import { intAttribute, onnxFromTensor, tensorValueInfo, writeModel } from '@amaas/learn/onnx';
import { readTokenizer } from '@amaas/learn/tokenize';
import OpenAI, { APIError } from 'openai';
import { createEncoderFile, ENCODER_PLACES, rankByHand } from '../packages/engines/llama/src/testing/encoder-model.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { deployFiles } from './testing/admin-call.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

const BERT = 'llm/tokenizers/minilm_bert_tokenizer.json';
const skip = skipWithoutSharedData(BERT);
const VOCABULARY = 30522;
const CATEGORIES = ['non-toxic', 'hate/threatening', 'self-harm'];
const PRIZE = 'WINNER!! You have won a free prize, call 0900 now';

let server: TestServer;
let client: OpenAI;

before(async () => {
  server = await startTestServer({ bundledModels: 'on' });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: ADMIN_KEY, maxRetries: 0 });
});
after(() => server?.stop());

function refused(status: number, code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof APIError, String(error));
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.match(error.message, message);
    return true;
  };
}

/** A probability of an id, in each of the columns. */
function chanceOf(id: number, column: number): number {
  return Math.fround(0.5 + 0.5 * Math.sin(id * 1.3 + column * 2.1));
}

/** y = the mean over the tokens of a table's rows, float32 [N,3], times `factor`. */
function chancesModel(factor = 1): Uint8Array<ArrayBuffer> {
  const columns = CATEGORIES.length;
  const table = Float32Array.from({ length: VOCABULARY * columns }, (_, at) => {
    return factor * chanceOf(Math.floor(at / columns), at % columns);
  });
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 17 }],
    graph: {
      name: 'chances',
      initializers: [
        onnxFromTensor('table', createTensor('float32', [VOCABULARY, columns], table)),
        onnxFromTensor('second', createTensor('int64', [1], BigInt64Array.of(1n))),
      ],
      nodes: [
        { opType: 'Gather', inputs: ['table', 'ids'], outputs: ['rows'] },
        {
          opType: 'ReduceSum',
          inputs: ['rows', 'second'],
          outputs: ['sum'],
          attributes: [intAttribute('keepdims', 0)],
        },
        { opType: 'Shape', inputs: ['ids'], outputs: ['shape'] },
        { opType: 'Gather', inputs: ['shape', 'second'], outputs: ['length'] },
        { opType: 'Cast', inputs: ['length'], outputs: ['count'], attributes: [intAttribute('to', 1)] },
        { opType: 'Div', inputs: ['sum', 'count'], outputs: ['y'] },
      ],
      inputs: [tensorValueInfo('ids', 'int64', ['N', 'T'])],
      outputs: [tensorValueInfo('y', 'float32', ['N', columns])],
    },
  });
}

async function deployTokens(name: string, more: Manifest, model = chancesModel()): Promise<void> {
  const manifest: Manifest = {
    preprocess: { ids: { kind: 'tokens', tokenizer: 'tok.json', maxTokens: 100 } },
    task: 'text-classification',
    ...more,
  };
  const files = { 'model.onnx': model, 'tok.json': readFileSync(sharedDataPath(BERT)) };
  const { status, text } = await deployFiles(server, name, files, { manifest });
  assert.equal(status, 201, text);
}

test('a classifier of texts moderates: one text, several, and the parts of one input', async () => {
  const { id, model, results } = await client.moderations.create({
    model: 'spam',
    input: [PRIZE, 'see you at lunch', ...Array.from({ length: 70 }, () => PRIZE)],
  });
  assert.match(id, /^modr-/);
  assert.equal(model, 'spam');
  assert.deepEqual(
    results.map(({ flagged }) => flagged),
    [true, false, ...Array.from({ length: 70 }, () => true)],
  );
  // What the model itself says to the same text, the class by which it says that all is well left out.
  const inputs = [{ name: 'text', shape: [1], datatype: 'BYTES', data: [PRIZE] }];
  const reply = await server.request('/v2/models/spam/infer', { method: 'POST', body: JSON.stringify({ inputs }) });
  const { outputs } = (await reply.json()) as { readonly outputs: readonly { readonly data: readonly number[] }[] };
  const [first] = results;
  assert.deepEqual(Object.keys(first?.category_scores ?? {}), ['spam']);
  const [score = Number.NaN] = Object.values(first?.category_scores ?? {});
  assert.ok(score > 0.9 && outputs.some(({ data }) => data.some((value) => Math.abs(Number(value) - score) < 1e-6)));
  assert.deepEqual({ ...first?.categories }, { spam: true });
  const parts = ['see you', PRIZE].map((text) => ({ type: 'text' as const, text }));
  const joined = await client.moderations.create({ model: 'spam', input: parts });
  assert.deepEqual(
    joined.results.map(({ flagged }) => flagged),
    [true],
  );
});

test('without a model the one that has the default as its label is asked', async () => {
  await assert.rejects(
    client.moderations.create({ input: 'x' }),
    refused(404, 'model_not_found', /there is no model "omni-moderation-latest".*amaas deploy/),
  );
  const label = '/admin/v1/models/spam/labels/omni-moderation-latest';
  const headers = { 'content-type': 'application/json' };
  assert.equal((await server.request(label, { method: 'PUT', headers, body: '{"version":1}' })).status, 200);
  const { model, results } = await client.moderations.create({ input: PRIZE });
  assert.deepEqual([model, results[0]?.flagged], ['spam', true]);
  const key = { name: 'other', scopes: ['infer'], models: ['other*'] };
  const made = await server.request('/admin/v1/keys', { method: 'POST', headers, body: JSON.stringify(key) });
  const { key: apiKey } = (await made.json()) as { readonly key: string }; // just created
  const other = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  for (const body of [{ input: 'x' }, { input: 'x', model: 'spam' }]) {
    await assert.rejects(other.moderations.create(body), refused(403, 'forbidden', /may not infer/));
  }
});

test('a classifier of tokens with several labels gives the scores that its table says', { skip }, async () => {
  await deployTokens('toxic', { labels: CATEGORIES });
  const tokenizer = readTokenizer(readFileSync(sharedDataPath(BERT), 'utf8'));
  const texts = ['Hello there, how are you?', 'a', 'Something else entirely, and longer than the others'];
  const { results } = await client.moderations.create({ model: 'toxic', input: texts });
  for (const [index, text] of texts.entries()) {
    const { ids } = tokenizer.encode(text, { truncation: null, padding: null });
    const expected = [1, 2].map((column) => ids.reduce((sum, id) => sum + chanceOf(id, column), 0) / ids.length);
    const result = results[index];
    assert.deepEqual(Object.keys(result?.category_scores ?? {}), CATEGORIES.slice(1));
    for (const [at, score] of Object.values(result?.category_scores ?? {}).entries()) {
      assert.ok(Math.abs(score - (expected[at] ?? Number.NaN)) < 1e-5, `${text}: ${score} and ${expected[at]}`);
    }
    assert.deepEqual(
      Object.values(result?.categories ?? {}),
      expected.map((each) => each >= 0.5),
    );
    assert.equal(
      result?.flagged,
      expected.some((each) => each >= 0.5),
    );
  }
});

test('models that cannot judge texts are refused with what they lack', { skip }, async () => {
  await deployTokens('unlabelled', {});
  await deployTokens('two-labels', { labels: ['a', 'b'] });
  await deployTokens('logits', { labels: CATEGORIES }, chancesModel(9));
  for (const [model, message] of [
    ['iris', /its input "float_input" takes float32/],
    ['unlabelled', /its manifest has no "labels"/],
    ['two-labels', /it gives 3 scores for 2 labels/],
    ['logits', /its scores are no probabilities/],
    ['story-teller', /is a language model/],
  ] as const) {
    await assert.rejects(
      client.moderations.create({ model, input: 'x' }),
      refused(400, 'unsupported_feature', message),
    );
  }
  const input = [{ type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } }];
  await assert.rejects(
    client.moderations.create({ model: 'spam', input }),
    refused(400, 'unsupported_feature', /image_url is not supported/),
  );
});

test('texts are put in the order in which a model made for it says that they answer', async () => {
  const language = { threads: 1, parallel: 2, contextTokens: ENCODER_PLACES };
  const deployed = await deployFiles(
    server,
    'judge',
    { 'model.gguf': createEncoderFile(4) },
    { manifest: { language } },
  );
  assert.equal(deployed.status, 201, deployed.text);
  const documents = ['the cat sat on the mat', 'a big red bird', 'the dog ran', 'red cat and red bird in the sky'];
  const rerank = async (more: object) => {
    const body = JSON.stringify({ model: 'judge', query: 'a red cat', documents, ...more });
    const headers = { 'content-type': 'application/json' };
    const reply = await server.request('/v1/rerank', { method: 'POST', headers, body });
    return { status: reply.status, body: (await reply.json()) as Reranked };
  };
  const expected = documents
    .map((text, index) => ({ index, score: rankByHand('a red cat', text), document: { text } }))
    .toSorted((a, b) => b.score - a.score);
  const { status, body } = await rerank({});
  assert.equal(status, 200);
  assert.deepEqual(
    body.results.map(({ index }) => index),
    expected.map(({ index }) => index),
  );
  for (const [at, { relevance_score, document }] of body.results.entries()) {
    assert.ok(Math.abs(relevance_score - (expected[at]?.score ?? Number.NaN)) < 1e-2);
    assert.equal(document, undefined);
  }
  assert.ok(body.usage.prompt_tokens > 30 && body.usage.prompt_tokens === body.usage.total_tokens);
  const two = await rerank({ top_n: 2, return_documents: true, documents: documents.map((text) => ({ text })) });
  assert.deepEqual(
    two.body.results.map(({ document }) => document),
    expected.slice(0, 2).map(({ document }) => document),
  );
  assert.equal((await rerank({ documents: [] })).status, 400);
  assert.equal((await rerank({ model: 'spam' })).status, 400);
  assert.equal((await rerank({ model: 'nobody' })).status, 404);
});

interface Reranked {
  readonly results: readonly {
    readonly index: number;
    readonly relevance_score: number;
    readonly document?: { readonly text: string };
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}
