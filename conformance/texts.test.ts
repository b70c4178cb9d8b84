// Texts sent as they are, for models of token ids that declare their tokenizer: the same answers as with ids, over every
// protocol, alone and in company; and ids that become texts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@amaas/client';
import { createTensor, type Manifest } from '@amaas/core';
import { readTokenizer, type Tokenizer } from '@amaas/learn/tokenize';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { binaryBody, frameBytes, outputOf, readInferReply } from './testing/oip-body.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployFiles, echoIdsModel, meanModel, meanOf } from './testing/text-models.ts';
import { callTfs } from './testing/tfs-call.ts';

const BERT = 'llm/tokenizers/minilm_bert_tokenizer.json';
const GPT2 = 'llm/tokenizers/gpt2_tokenizer.json';
const skip = skipWithoutSharedData(BERT, GPT2);
const PLAIN = { truncation: null, padding: null } as const;
const BERT_SIZE = 30522;
const GPT2_SIZE = 50257;

let server: TestServer;
let bertFile: Uint8Array;
let gpt2File: Uint8Array;
let bert: Tokenizer;
let gpt2: Tokenizer;

/** Deploys a model with its tokenizer; fails the test when the server refuses. */
async function deploy(name: string, model: Uint8Array, manifest: Manifest, tokenizer = bertFile): Promise<void> {
  const reply = await deployFiles(server, name, { 'model.onnx': model, 'tok.json': tokenizer, 'amaas.json': manifest });
  assert.equal(reply.status, 201, reply.text);
}

before(async () => {
  if (skip !== false) return;
  bertFile = readFileSync(sharedDataPath(BERT));
  gpt2File = readFileSync(sharedDataPath(GPT2));
  bert = readTokenizer(Buffer.from(bertFile).toString());
  gpt2 = readTokenizer(Buffer.from(gpt2File).toString());
  server = await startTestServer();
  const tokens = { kind: 'tokens', tokenizer: 'tok.json' } as const;
  const masked = { vocabularySize: BERT_SIZE, mask: 'int64' } as const;
  await deploy('fixed', meanModel({ ...masked, tokens: 12, typeIds: true }), {
    preprocess: { ids: { ...tokens, mask: 'mask', typeIds: 'types' } },
  });
  await deploy('longest', meanModel({ ...masked, tokens: 'T', mask: 'float32' }), {
    preprocess: { ids: { ...tokens, maxTokens: 20, mask: 'mask', truncate: 'end' } },
  });
  await deploy(
    'exact',
    meanModel({ vocabularySize: GPT2_SIZE, tokens: 'T' }),
    { preprocess: { ids: { ...tokens, maxTokens: 10_000 } } },
    gpt2File,
  );
  await deploy('start', meanModel({ ...masked, tokens: 7, mask: 'bool' }), {
    preprocess: { ids: { ...tokens, mask: 'mask', truncate: 'start' } },
  });
  await deploy('pairs', meanModel({ ...masked, tokens: 12, typeIds: true }), {
    preprocess: { ids: { ...tokens, pair: true, mask: 'mask', typeIds: 'types', truncate: 'end' } },
  });
  await deploy(
    'echo',
    echoIdsModel('T'),
    {
      preprocess: { ids: { ...tokens, maxTokens: 100 } },
      postprocess: { reply: { kind: 'text', tokenizer: 'tok.json', endTokens: ['<|endoftext|>'] } },
    },
    gpt2File,
  );
});

after(() => server?.stop());

function inferJson(model: string, ...inputs: readonly object[]): Promise<Response> {
  return server.request(`/v2/models/${model}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
}

function strings(data: readonly string[], shape: readonly number[] = [data.length], name = 'ids'): object {
  return { name, datatype: 'BYTES', shape, data };
}

function int64(name: string, rows: readonly (readonly number[])[]): object {
  return { name, datatype: 'INT64', shape: [rows.length, rows[0]?.length ?? 0], data: rows };
}

/** The rows of `y`. */
async function answers(response: Response | Promise<Response>): Promise<readonly (readonly number[])[]> {
  const { shape, data = [] } = outputOf(await readInferReply(await response), 'y');
  const values = data as readonly number[]; // float32 in JSON
  return Array.from({ length: shape[0] ?? 0 }, (_, row) => values.slice(row * 3, row * 3 + 3));
}

async function ask(model: string, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
  return answers(inferJson(model, strings(texts)));
}

function assertClose(
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  what = '',
): void {
  assert.equal(actual.length, expected.length, what);
  for (const [row, values] of expected.entries())
    for (const [column, value] of values.entries()) {
      const got = actual[row]?.[column] ?? Number.NaN;
      assert.ok(
        Math.abs(got - value) <= 2e-5 * Math.max(1, Math.abs(value)),
        `${what} row ${row}: ${got} for ${value}`,
      );
    }
}

async function refused(response: Response | Promise<Response>, status: number, message: RegExp): Promise<void> {
  const reply = await response;
  const text = await reply.text();
  assert.match(text, message);
  assert.equal(reply.status, status, text);
}

/** What the models answer for a text, by the tokenizer alone. */
function expected(tokenizer: Tokenizer, text: string): number[] {
  return meanOf([...tokenizer.encode(text, PLAIN).ids]);
}

const TEXTS = ['Hello world!', 'a much longer text, of more words', '', 'né\u0301 à 東京 🙂', 'Hello world!'];

test('texts get the answers of their ids, in every form that carries strings, alone and together', {
  skip,
}, async () => {
  const rows = TEXTS.map((text) => expected(bert, text));
  const oip = await ask('fixed', TEXTS);
  assertClose(oip, rows);
  assert.deepEqual(await answers(inferJson('fixed', strings(TEXTS, [5, 1]))), oip);
  // To the last bit but one: kernels for one row and for many add up in another order.
  for (const [index, text] of TEXTS.entries()) assertClose(await ask('fixed', [text]), [oip[index] ?? []], text);

  const encodings = bert.encodeBatch(TEXTS, { ...PLAIN, padding: { id: 0, token: '[PAD]', length: 12 } });
  const table = (pick: (encoding: (typeof encodings)[number]) => Int32Array) =>
    encodings.map((each) => [...pick(each)]);
  const ids = [
    int64(
      'ids',
      table((each) => each.ids),
    ),
    int64(
      'mask',
      table((each) => each.attentionMask),
    ),
    int64(
      'types',
      table((each) => each.typeIds),
    ),
  ];
  assert.deepEqual(await answers(inferJson('fixed', ...ids)), oip, 'ids go on as they did');

  const part = frameBytes(...TEXTS);
  const header = {
    inputs: [{ name: 'ids', datatype: 'BYTES', shape: [5], parameters: { binary_data_size: part.byteLength } }],
  };
  const { body, headers } = binaryBody(header, part);
  const binary = server.request('/v2/models/fixed/infer', { method: 'POST', body, headers });
  assert.deepEqual(await answers(binary), oip);

  const predict = async (request: object) => {
    const reply = await callTfs(server.url, { path: '/v1/models/fixed:predict', body: JSON.stringify(request) });
    assert.equal(reply.status, 200, reply.text);
    const { predictions, outputs } = JSON.parse(reply.text) as Record<string, number[][]>;
    return predictions ?? outputs;
  };
  assert.deepEqual(await predict({ instances: TEXTS }), oip);
  assert.deepEqual(await predict({ instances: TEXTS.map((text) => [text]) }), oip);
  assert.deepEqual(await predict({ instances: TEXTS.map((text) => ({ ids: text })) }), oip);
  assert.deepEqual(await predict({ inputs: { ids: TEXTS } }), oip);
  const encoded = TEXTS.map((text) => ({ b64: Buffer.from(text).toString('base64') }));
  assert.deepEqual(await predict({ instances: encoded }), oip);

  const client = createClient({ url: server.url, apiKey: ADMIN_KEY });
  const data = TEXTS.map((text) => new TextEncoder().encode(text));
  const { outputs } = await client.infer('fixed', new Map([['ids', createTensor('string', [5], data)]]));
  assert.deepEqual(outputs.get('y')?.data, Float32Array.from(oip.flat()));
  const plain = await client.infer('fixed', { ids: TEXTS });
  assert.deepEqual(plain.outputs, outputs);
});

test('texts of different lengths are filled up under a mask, and answered as alone', { skip }, async () => {
  const together = await ask('longest', TEXTS);
  assertClose(
    together,
    TEXTS.map((text) => expected(bert, text)),
  );
  for (const [index, text] of TEXTS.entries()) assertClose(await ask('longest', [text]), [together[index] ?? []], text);
  const many = await Promise.all(Array.from({ length: 30 }, (_, index) => ask('longest', [TEXTS[index % 5] ?? ''])));
  for (const [index, answer] of many.entries()) assertClose(answer, [together[index % 5] ?? []], 'joined with others');
});

test('texts of different lengths run apart without a mask: no padding reaches the model', { skip }, async () => {
  const texts = ['one two', 'three', 'four five', ' and six seven eight', 'nine'];
  const rows = texts.map((text) => meanOf([...gpt2.encode(text, PLAIN).ids]));
  const together = await ask('exact', texts);
  assertClose(together, rows);
  for (const [index, text] of texts.entries()) assertClose(await ask('exact', [text]), [together[index] ?? []]);
  const many = await Promise.all(Array.from({ length: 40 }, (_, index) => ask('exact', [texts[index % 5] ?? ''])));
  for (const [index, answer] of many.entries()) assertClose(answer, [rows[index % 5] ?? []], 'joined with others');
  await refused(
    inferJson('exact', strings(['fine', ''])),
    400,
    /text 1 of 2 for input \\"ids\\" of model \\"exact\\" has no token; rows of it are not filled up/,
  );
});

interface Detail {
  readonly serving: { readonly batching: object; readonly paddingOff?: string };
}

async function detailOf(model: string): Promise<Detail> {
  return (await (await server.request(`/admin/v1/models/${model}/versions/1`)).json()) as Detail; // its use checks it
}

test('a declared mask is believed only when the model looks at it', { skip }, async () => {
  await deploy('blind', meanModel({ vocabularySize: BERT_SIZE, tokens: 'T', mask: 'int64', isBlind: true }), {
    preprocess: { ids: { kind: 'tokens', tokenizer: 'tok.json', maxTokens: 50, mask: 'mask' } },
  });
  assertClose(
    await ask('blind', TEXTS),
    TEXTS.map((text) => expected(bert, text)),
  );
  assert.match(
    (await detailOf('blind')).serving.paddingOff ?? '',
    /^output "y" of a text is \S+ by itself and \S+ when it is filled up$/,
  );
  assert.equal((await detailOf('longest')).serving.paddingOff, undefined);
});

test('quarantine tries a model on the texts of its example, or on made-up ones', { skip }, async () => {
  for (const model of ['fixed', 'longest', 'exact', 'pairs', 'echo'])
    assert.ok('maxSize' in (await detailOf(model)).serving.batching, `rows of "${model}" were proven to be joinable`);
  const model = meanModel({ vocabularySize: BERT_SIZE, tokens: 8, mask: 'int64' });
  const preprocess = { ids: { kind: 'tokens', tokenizer: 'tok.json', mask: 'mask' } } as const;
  const files = (texts: readonly string[]) => ({
    'model.onnx': model,
    'tok.json': bertFile,
    'example.json': JSON.stringify({ inputs: [strings(texts)] }),
    'amaas.json': { preprocess, example: 'example.json' },
  });
  const good = await deployFiles(server, 'example', files(['an example', 'and one more']));
  assert.equal(good.status, 201, good.text);
  const bad = await deployFiles(server, 'bad-example', files(['one two three four five six seven']));
  assert.equal(bad.status, 400, bad.text);
  assert.match(bad.text, /the text for input \\"ids\\" of model \\"bad-example\\" has 9 tokens; at most 8 are taken/);
});

test('texts are cut off at the declared end, or refused with their number of tokens', { skip }, async () => {
  const long =
    'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
  const cut = (maxLength: number, side: 'left' | 'right') =>
    meanOf([...bert.encode(long, { padding: null, truncation: { maxLength, side } }).ids]);
  assertClose(await ask('longest', [long, 'short']), [cut(20, 'right'), expected(bert, 'short')]);
  assertClose(await ask('start', [long]), [cut(7, 'left')]);
  await refused(
    inferJson('fixed', strings(['short', long])),
    400,
    /text: text 1 of 2 for input \\"ids\\" of model \\"fixed\\" has 21 tokens; at most 12 are taken/,
  );
});

test('special tokens in a text are what the tokenizer reads them as', { skip }, async () => {
  const text = 'a [SEP] b [MASK]';
  assert.ok([...bert.encode(text, PLAIN).ids].includes(103), 'the tokenizer sees [MASK]');
  assertClose(await ask('fixed', [text]), [expected(bert, text)]);
  assertClose(await ask('exact', ['x<|endoftext|>y']), [meanOf([...gpt2.encode('x<|endoftext|>y', PLAIN).ids])]);
});

test('pairs are two texts with their type ids, the longer one cut', { skip }, async () => {
  const pairs = [
    ['who?', 'she was here'],
    ['is it long?', 'yes it is rather long and goes on and on'],
  ] as const;
  const rows = pairs.map(([text, pair]) => {
    const { ids, typeIds } = bert.encode(text, { pair, padding: null, truncation: { maxLength: 12 } });
    return meanOf([...ids], { typeIds: [...typeIds] });
  });
  assertClose(await answers(inferJson('pairs', strings(pairs.flat(), [2, 2]))), rows);
  const reply = await callTfs(server.url, {
    path: '/v1/models/pairs:predict',
    body: JSON.stringify({ instances: pairs }),
  });
  assertClose((JSON.parse(reply.text) as { predictions: number[][] }).predictions, rows);
  await refused(
    inferJson('pairs', strings(['a', 'b'])),
    400,
    /pairs of texts for input \\"ids\\" of model \\"pairs\\" must have shape \[N,2\] with N ≥ 1, got \[2\]/,
  );
});

test('what is no text, too much of it, or sent twice is refused by name, and nothing else suffers', {
  skip,
}, async () => {
  const bytes = async (...elements: readonly Uint8Array[]) => {
    const part = frameBytes(...elements);
    const input = {
      name: 'ids',
      datatype: 'BYTES',
      shape: [elements.length],
      parameters: { binary_data_size: part.byteLength },
    };
    const { body, headers } = binaryBody({ inputs: [input] }, part);
    return server.request('/v2/models/fixed/infer', { method: 'POST', body, headers });
  };
  const what = 'input \\\\"ids\\\\" of model \\\\"fixed\\\\"';
  const is = (message: string) => new RegExp(message.replace('WHAT', what));
  await refused(
    bytes(Buffer.from('fine'), Uint8Array.of(0x61, 0xff)),
    400,
    is('text 1 of 2 for WHAT is not valid UTF-8'),
  );
  await refused(
    bytes(Buffer.alloc(600_000, 'a ')),
    413,
    is('the text for WHAT has 600000 bytes; at most 524288 are taken'),
  );
  await refused(
    bytes(...Array.from({ length: 5 }, () => Buffer.alloc(500_000, 'a '))),
    413,
    is('the texts for WHAT have 2500000 bytes; at most 2097152 are taken in one request'),
  );
  await refused(
    inferJson('fixed', strings(new Array(4097).fill('a'))),
    413,
    is('4097 texts for WHAT; at most 4096 are taken in one request'),
  );
  await refused(
    inferJson('fixed', strings(['a', 'b'], [1, 2])),
    400,
    is('texts for WHAT must have shape \\[N\\] with N ≥ 1, got \\[1,2\\]'),
  );
  await refused(inferJson('fixed', strings([], [0])), 400, is('must have shape \\[N\\]'));
  const mask = int64('mask', [new Array(12).fill(1)]);
  await refused(
    inferJson('fixed', strings(['a']), mask),
    400,
    /input \\"mask\\" of model \\"fixed\\" is made from the texts for \\"ids\\"; send it with ids only/,
  );
  await refused(
    inferJson('fixed', int64('ids', [new Array(12).fill(1)])),
    400,
    /missing required input\(s\) \['mask','types'\]/,
  );
  await refused(inferJson('exact', strings(['a'.repeat(400_000)])), 400, /has 100000 tokens; at most 10000 are taken/);
  assertClose(await ask('fixed', ['still here']), [expected(bert, 'still here')]);
});

test('ids become texts in every answer, and the descriptions say so', { skip }, async () => {
  const texts = ['Hello there, 東京', 'two', ' cut<|endoftext|> off'];
  const reply = await readInferReply(await inferJson('echo', strings(texts)));
  const wanted = ['Hello there, 東京', 'two', ' cut'];
  const { shape, datatype, data } = outputOf(reply, 'reply');
  assert.deepEqual([shape, datatype, data], [[3], 'BYTES', wanted]);
  assert.deepEqual(
    outputOf(reply, 'count').data,
    texts.map((text) => gpt2.encode(text, PLAIN).ids.filter((id) => id > 0).length),
  );

  const ids = [...gpt2.encode('by ids', PLAIN).ids];
  const sent = await readInferReply(await inferJson('echo', int64('ids', [ids])));
  assert.deepEqual(outputOf(sent, 'reply').data, ['by ids']);

  const asked = { inputs: [strings(['only'])], outputs: [{ name: 'reply', parameters: { binary_data: true } }] };
  const binary = await readInferReply(
    await server.request('/v2/models/echo/infer', { method: 'POST', body: JSON.stringify(asked) }),
  );
  assert.deepEqual(binary.order, ['reply']);
  assert.deepEqual(outputOf(binary, 'reply').bytes, frameBytes('only'));

  const predict = await callTfs(server.url, {
    path: '/v1/models/echo:predict',
    body: JSON.stringify({ instances: texts }),
  });
  const { predictions } = JSON.parse(predict.text) as { predictions: { reply: string }[] };
  assert.deepEqual(
    predictions.map((row) => row.reply),
    wanted,
  );

  const oip = (await (await server.request('/v2/models/echo')).json()) as { inputs: object[]; outputs: object[] };
  assert.deepEqual(oip.inputs, [{ name: 'ids', datatype: 'INT64', shape: [-1, -1] }]);
  assert.deepEqual(oip.outputs[0], { name: 'reply', datatype: 'BYTES', shape: [-1] });
  const tfs = await callTfs(server.url, { method: 'GET', path: '/v1/models/echo/metadata' });
  assert.match(
    tfs.text,
    /"reply":\s*\{\s*"dtype":\s*"DT_STRING",\s*"tensor_shape":\s*\{\s*"dim":\s*\[\s*\{\s*"size":\s*"-1",\s*"name":\s*"[^"]*"\s*\}\s*\]/,
  );
  const detail = await (await server.request('/admin/v1/models/echo/versions/1')).json();
  const { signatures } = detail as { signatures: Record<string, { outputs: object[] }> };
  assert.deepEqual(signatures['serving_default']?.outputs[0], { name: 'reply', dtype: 'string', shape: ['N'] });
});

test('texts are taken and given again after a restart, without another quarantine', { skip }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-texts-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const manifest: Manifest = {
    preprocess: { ids: { kind: 'tokens', tokenizer: 'tok.json', maxTokens: 100 } },
    postprocess: { reply: { kind: 'text', tokenizer: 'tok.json' } },
  };
  const files = { 'model.onnx': echoIdsModel('T'), 'tok.json': gpt2File, 'amaas.json': manifest };
  const replies: unknown[] = [];
  for (const start of [1, 2]) {
    const again = await startTestServer({ dataDir });
    try {
      if (start === 1) assert.equal((await deployFiles(again, 'echo', files)).status, 201);
      const body = JSON.stringify({ inputs: [strings(['one', 'two three'])] });
      const reply = await again.request('/v2/models/echo/infer', { method: 'POST', body });
      replies.push(outputOf(await readInferReply(reply), 'reply').data);
      const metrics = await (await again.request('/metrics')).text();
      const tried = /^amaas_quarantine_verdicts_total\{verdict="admitted"\} (\d+)/m.exec(metrics)?.[1] ?? '0';
      assert.equal(tried, start === 1 ? '1' : '0', 'what admission tried is remembered under the same conditions');
    } finally {
      await again.stop();
    }
  }
  assert.deepEqual(replies, [
    ['one', 'two three'],
    ['one', 'two three'],
  ]);
});

test('a declaration that does not fit the model or its files is refused by field', { skip }, async () => {
  const model = meanModel({ vocabularySize: 1000, tokens: 8, mask: 'int64' });
  const free = meanModel({ vocabularySize: BERT_SIZE, tokens: 'T' });
  const tokens = { kind: 'tokens', tokenizer: 'tok.json' } as const;
  const cases: readonly (readonly [file: Uint8Array, manifest: object, message: RegExp])[] = [
    [model, { preprocess: { ids: { ...tokens, tokens: 5 } } }, /\/preprocess\/ids\/tokens is not a known field, got 5/],
    [
      model,
      { preprocess: { ids: { ...tokens, kind: 'words' } } },
      /\/preprocess\/ids\/kind must be equal to one of .*"image","tokens".* got "words"/,
    ],
    [model, { preprocess: { ids: { ...tokens, maxTokens: 0 } } }, /\/preprocess\/ids\/maxTokens must be >= 1, got 0/],
    [model, { preprocess: { text: tokens } }, /preprocess."text": the model has no input "text", only "ids", "mask"/],
    [
      model,
      { preprocess: { ids: { ...tokens, mask: 'masks' } } },
      /preprocess."ids".mask: the model has no input "masks"/,
    ],
    [model, { preprocess: { ids: { ...tokens, mask: 'ids' } } }, /input "ids" has two declared sources/],
    [model, { preprocess: { ids: { ...tokens, maxTokens: 9 } } }, /maxTokens is 9, but the model takes rows of 8/],
    [
      model,
      { preprocess: { ids: { ...tokens, length: 'exact' } } },
      /length is "exact", but the model takes rows of 8 tokens/,
    ],
    [
      model,
      { preprocess: { ids: { ...tokens, maxTokens: 2 } } },
      /maxTokens is 2, which leaves no room beside 2 special tokens/,
    ],
    [
      model,
      { preprocess: { ids: { ...tokens, tokenizer: 'no.json' } } },
      /names the file "no.json", which is not beside the model/,
    ],
    [
      model,
      { preprocess: { ids: { ...tokens, tokenizer: 'bad.json' } } },
      /bad.json cannot be read: tokenizer.json: model expects an object, got nothing/,
    ],
    [
      model,
      { preprocess: { ids: { ...tokens, mask: 'mask' } } },
      /its ids go up to 30521, but the model looks them up in a table of 1000 rows/,
    ],
    [free, { preprocess: { ids: tokens } }, /needs maxTokens: nothing else bounds rows of the model's T tokens/],
    [free, { preprocess: { ids: { ...tokens, maxTokens: 9, length: 'longest' } } }, /"longest", which needs a mask/],
    [
      free,
      { postprocess: { y: { kind: 'text', tokenizer: 'tok.json' } } },
      /output "y" must be int32, int64 \[…,T\], but the model has float32 \[N,3\]/,
    ],
    [
      echoIdsModel('T'),
      { postprocess: { reply: { kind: 'text', tokenizer: 'tok.json', endTokens: ['</s>'] } } },
      /endTokens: tok.json has no token "<\/s>"/,
    ],
    [
      echoIdsModel(4),
      { preprocess: { ids: { ...tokens, tokenizer: 'gpt2.json' } } },
      /needs padding, the id that rows are filled up with: gpt2.json says none/,
    ],
  ];
  for (const [file, manifest, message] of cases) {
    const files = {
      'model.onnx': file,
      'tok.json': bertFile,
      'gpt2.json': gpt2File,
      'bad.json': '{}',
      'amaas.json': JSON.stringify(manifest),
    };
    const { status, text } = await deployFiles(server, 'refused', files);
    assert.equal(status, 400, text);
    const { error } = JSON.parse(text) as { error: { message: string; reason: string } };
    assert.match(error.message, message);
    assert.equal(error.reason, 'INVALID_CONFIG');
  }
});
