// Anthropic's Messages against a real server, by Anthropic's own client.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { sharedDataPath } from '../tools/test-data.ts';
import { deployFiles } from './testing/admin-call.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { deployStories, publishedStory, skipWithoutStories } from './testing/stories.ts';
import { biasModel } from './testing/models.ts';

const skip = skipWithoutStories;
let server: TestServer;
let client: Anthropic;
let published = '';

/** Knows of tools, in few words: the model sees 512 tokens. */
const TOOL_TEMPLATE = `{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}{% for message in messages %}\
{{ message.content }}{% for call in message.tool_calls or [] %}<tool_call>{"name": "{{ call.function.name }}", \
"arguments": {{ call.function.arguments | tojson }}}</tool_call>{% endfor %}{% endfor %}`;

before(async () => {
  if (skip) return;
  server = await startTestServer();
  await deployStories(server);
  const files = {
    'model.gguf': await readFile(sharedDataPath('llm/stories260K.gguf')),
    'chat.jinja': new TextEncoder().encode(TOOL_TEMPLATE),
  };
  const language = { threads: 1, parallel: 2, contextTokens: 512, chatTemplate: 'chat.jinja' };
  assert.equal((await deployFiles(server, 'caller', files, { manifest: { language } })).status, 201);
  client = new Anthropic({ baseURL: server.url, apiKey: ADMIN_KEY, maxRetries: 0 });
  published = await publishedStory();
});
after(() => server?.stop());

const GREEDY = { model: 'stories', temperature: 0 } as const;

function user(content: string): { readonly messages: Anthropic.MessageParam[] } {
  return { messages: [{ role: 'user', content }] };
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

test('messages: greedy text is the published one, streamed and not, alone and in a full batch', { skip }, async () => {
  const request = { ...GREEDY, max_tokens: 200, ...user('') };
  const alone = await client.messages.create(request);
  assert.equal(textOf(alone).slice(0, 428), published);
  assert.match(alone.id, /^msg_[0-9a-f]{32}$/);
  assert.deepEqual(
    [alone.type, alone.role, alone.model, alone.stop_reason, alone.stop_sequence, alone.content.length],
    ['message', 'assistant', 'stories', 'max_tokens', null, 1],
  );
  assert.equal(alone.usage.output_tokens, 200);
  assert.equal(alone.usage.input_tokens + (alone.usage.cache_read_input_tokens ?? 0), 1);
  const together = await Promise.all(
    Array.from({ length: 5 }, (_, index) =>
      index % 2 === 0 ? client.messages.stream(request).finalMessage() : client.messages.create(request),
    ),
  );
  for (const message of together) assert.equal(textOf(message).slice(0, 428), published);
  // The client's stream adds a field of its own.
  const fields = ({ id: _, usage, ...rest }: Anthropic.Message) => ({
    ...rest,
    usage: { ...usage, input_tokens: 0, cache_read_input_tokens: 0 },
    parsed_output: null,
  });
  for (const message of together) assert.deepEqual(fields(message), fields(alone));
});

test('messages: a stream has the events of the protocol, in their order', { skip }, async () => {
  const stream = await client.messages.create({ ...GREEDY, max_tokens: 12, ...user('Once upon a time'), stream: true });
  const types: string[] = [];
  let text = '';
  for await (const event of stream) {
    if (types.at(-1) !== event.type) types.push(event.type);
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
    if (event.type === 'message_delta') assert.equal(event.usage.output_tokens, 12);
  }
  assert.deepEqual(types, [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  const whole = await client.messages.create({ ...GREEDY, max_tokens: 12, ...user('Once upon a time') });
  assert.equal(text, textOf(whole));
});

test('messages: an assistant who spoke last goes on, and system and blocks are read', { skip }, async () => {
  const request = { ...GREEDY, max_tokens: 30 };
  const whole = await client.messages.create({ ...request, ...user('Lily had a cat. The cat') });
  const messages: Anthropic.MessageParam[] = [
    { role: 'user', content: [{ type: 'text', text: 'Lily had a cat.', cache_control: { type: 'ephemeral' } }] },
    { role: 'assistant', content: ' The cat' },
  ];
  const prefilled = await client.messages.create({ ...request, messages });
  assert.equal(textOf(prefilled), textOf(whole));
  const plain = await client.messages.countTokens({ model: 'stories', messages });
  const led = await client.messages.countTokens({
    model: 'stories',
    messages,
    system: [{ type: 'text', text: 'Be kind.' }],
  });
  assert.ok(led.input_tokens > plain.input_tokens);
});

test('messages: a stop sequence ends the message and is named', { skip }, async () => {
  const stop = published.slice(40, 52);
  const message = await client.messages.create({
    ...GREEDY,
    max_tokens: 100,
    ...user(''),
    stop_sequences: ['?!', stop],
  });
  assert.equal(textOf(message), published.slice(0, published.indexOf(stop)));
  assert.deepEqual([message.stop_reason, message.stop_sequence], ['stop_sequence', stop]);
});

test('messages: what was there already is counted apart, as count_tokens counts it whole', { skip }, async () => {
  const request = { model: 'stories', ...user('Tom had a red ball and a small dog. They went to the park every day.') };
  const { input_tokens: counted } = await client.messages.countTokens(request);
  const first = await client.messages.create({ ...request, max_tokens: 3 });
  const second = await client.messages.create({ ...request, max_tokens: 3 });
  const read = second.usage.cache_read_input_tokens ?? 0;
  assert.ok(read > counted / 2, `${read} of ${counted}`);
  for (const { usage } of [first, second]) {
    assert.equal(usage.input_tokens + (usage.cache_read_input_tokens ?? 0), counted);
  }
});

/** Short enough for the model to end it. */
const CHOOSE_PET = {
  name: 'choose_pet',
  description: 'Chooses a pet.',
  input_schema: {
    type: 'object' as const,
    properties: { pet: { enum: ['cat', 'dog'] }, old: { type: 'boolean' } },
    required: ['pet', 'old'],
    additionalProperties: false,
  },
};

function petOf(message: Anthropic.Message): Anthropic.ToolUseBlock {
  const [block, ...others] = message.content;
  assert.deepEqual([block?.type, others.length, message.stop_reason], ['tool_use', 0, 'tool_use']);
  assert(block?.type === 'tool_use');
  assert.equal(block.name, 'choose_pet');
  const { pet, old } = block.input as Readonly<Record<string, unknown>>; // as the schema has it
  assert.ok((pet === 'cat' || pet === 'dog') && typeof old === 'boolean', JSON.stringify(block.input));
  return block;
}

test('messages: a tool is called as its schema says, streamed and not, and its result is taken', { skip }, async () => {
  const request: Anthropic.MessageCreateParamsNonStreaming = {
    ...GREEDY,
    model: 'caller',
    max_tokens: 200,
    ...user('Which pet?'),
    tools: [CHOOSE_PET],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
  };
  for (const choice of [request.tool_choice, { type: 'tool', name: 'choose_pet', disable_parallel_tool_use: true }]) {
    const asked = { ...request, tool_choice: choice as Anthropic.ToolChoice }; // one of the two above
    petOf(await client.messages.create(asked));
    let json = '';
    const stream = client.messages.stream(asked);
    stream.on('inputJson', (piece) => {
      json += piece;
    });
    const block = petOf(await stream.finalMessage());
    assert.deepEqual(JSON.parse(json), block.input);
  }
  const called = await client.messages.create(request);
  const { id } = petOf(called);
  const answered = await client.messages.create({
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', content: called.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'It is here.' }] },
    ],
    max_tokens: 10,
    tool_choice: { type: 'none' },
  });
  assert.deepEqual(
    answered.content.map(({ type }) => type),
    ['text'],
  );
  const { model, messages } = request;
  const { input_tokens: counted } = await client.messages.countTokens({ model, messages, tools: [CHOOSE_PET] });
  assert.equal(called.usage.input_tokens + (called.usage.cache_read_input_tokens ?? 0), counted);
});

test('messages: an answer has the form of its JSON schema, or is refused by the keyword', { skip }, async () => {
  const { input_schema: schema } = CHOOSE_PET;
  const request = { ...GREEDY, max_tokens: 100, ...user('Which pet?') };
  const format = { type: 'json_schema' as const, schema };
  const message = await client.messages.parse({ ...request, output_config: { format } });
  assert.equal(message.stop_reason, 'end_turn');
  const value = JSON.parse(textOf(message)) as Readonly<Record<string, unknown>>; // checked by what follows
  assert.deepEqual(Object.keys(value).toSorted(), ['old', 'pet']);
  assert.ok(['cat', 'dog'].includes(String(value['pet'])));
  const impossible = { ...format, schema: { type: 'object', patternProperties: { '^a(?=b)': {} } } };
  await assertRefused(client.messages.create({ ...request, output_config: { format: impossible } }), {
    status: 400,
    type: 'invalid_request_error',
    kind: Anthropic.BadRequestError,
    message: /patternProperties/,
  });
});

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly kind: abstract new (...args: never) => Error;
  readonly message: RegExp;
}

async function assertRefused(call: Promise<unknown>, { status, type, kind, message }: Refusal): Promise<void> {
  await assert.rejects(call, (thrown: unknown) => {
    assert.ok(thrown instanceof kind && thrown instanceof Anthropic.APIError, String(thrown));
    assert.deepEqual([thrown.status, thrown.type], [status, type]);
    assert.match(thrown.apiMessage ?? '', message);
    assert.match(thrown.requestID ?? '', /./);
    const body = thrown.error as { readonly type: string; readonly request_id: string }; // read as the SDK got it
    assert.deepEqual([body.type, body.request_id], ['error', thrown.requestID]);
    return true;
  });
}

test('messages: refusals are the classes of the client, before a stream begins, too', { skip }, async () => {
  await server.deploy('bias', biasModel(1));
  const request = { model: 'stories', max_tokens: 5, ...user('Hi') };
  const bad = { status: 400, type: 'invalid_request_error', kind: Anthropic.BadRequestError };
  const absent = { status: 404, type: 'not_found_error', kind: Anthropic.NotFoundError, message: /unknown model/ };
  await assertRefused(client.messages.create({ ...request, model: 'absent' }), absent);
  await assertRefused(client.messages.stream({ ...request, model: 'absent' }).finalMessage(), absent);
  await assertRefused(client.messages.countTokens({ model: 'absent', ...user('Hi') }), absent);
  await assertRefused(client.messages.create({ ...request, model: 'bias' }), { ...bad, message: /no language model/ });
  const image = {
    ...request,
    messages: [
      { role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }] },
    ] satisfies Anthropic.MessageParam[],
  };
  await assertRefused(client.messages.create(image), {
    ...bad,
    message: /^messages\[0\].content\[0\].type: .*"image"/,
  });
  const long = [{ role: 'user', content: 'Once upon a time. '.repeat(200) }] satisfies Anthropic.MessageParam[];
  const tooLong = { ...bad, message: /tokens leave no room for an answer in the context of 512/ };
  await assertRefused(client.messages.create({ ...request, messages: long }), tooLong);
  await assertRefused(client.messages.create({ ...request, messages: long, stream: true }), tooLong);
  const stranger = new Anthropic({ baseURL: server.url, apiKey: 'nobody-has-this-key', maxRetries: 0 });
  await assertRefused(stranger.messages.create(request), {
    status: 401,
    type: 'authentication_error',
    kind: Anthropic.AuthenticationError,
    message: /key/,
  });
  const reply = await server.request('/admin/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'elsewhere', scopes: ['infer'], models: ['bias'] }),
  });
  const { key } = (await reply.json()) as { readonly key: string }; // just created
  const limited = new Anthropic({ baseURL: server.url, apiKey: key, maxRetries: 0 });
  await assertRefused(limited.messages.create(request), {
    status: 403,
    type: 'permission_error',
    kind: Anthropic.PermissionDeniedError,
    message: /may not infer on model "stories"/,
  });
  await assertRefused(client.messages.batches.list().then(), {
    ...absent,
    message: /no route \/v1\/messages\/batches/,
  });
});

test('messages: a client that leaves ends the work', { skip }, async () => {
  const before = await answersSoFar();
  const stream = client.messages.stream({ ...GREEDY, max_tokens: 500, ...user('') });
  stream.once('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  // Were it still written, it would end while these are: sequences take turns.
  await Promise.all(
    Array.from({ length: 3 }, () => client.messages.create({ ...GREEDY, max_tokens: 500, ...user('') })),
  );
  assert.equal(await answersSoFar(), before + 3);
});

async function answersSoFar(): Promise<number> {
  const reply = await server.request('/v2/models/stories/stats');
  const { model_stats: stats } = (await reply.json()) as {
    readonly model_stats: readonly { readonly inference_count: number }[];
  }; // checked by what follows
  return stats[0]?.inference_count ?? assert.fail('no statistics');
}
