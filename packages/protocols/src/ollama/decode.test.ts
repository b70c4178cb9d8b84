import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  callOf,
  decodeChat,
  decodeEmbed,
  decodeEmbeddings,
  decodeGenerate,
  decodePull,
  generateInput,
} from './index.ts';

const USER = [{ role: 'user', content: 'Hi' }];

/** Fails unless the body is refused naming the field. */
function assertRefused(decode: (body: unknown) => unknown, body: unknown, field: string, message: RegExp): void {
  assert.throws(
    () => decode(body),
    (error: {
      readonly reason?: unknown;
      readonly message: string;
      readonly details?: { readonly field?: unknown };
    }) => {
      assert.deepEqual([error.reason, error.details?.field], ['INVALID_ARGUMENT', field], error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('decodeChat reads settings into the call, and streams where nothing is said', () => {
  const chat = decodeChat({
    model: 'chat:latest',
    messages: USER,
    format: '',
    think: 'low',
    keep_alive: '1m30s',
    logprobs: true,
    top_logprobs: 3,
    options: {
      temperature: 0.3,
      top_k: 7,
      top_p: 0.9,
      min_p: 0.05,
      seed: 11,
      num_predict: 13,
      stop: ['END', '\n'],
      repeat_penalty: 1.2,
      presence_penalty: 0.5,
      frequency_penalty: -0.25,
      repeat_last_n: 33,
      num_ctx: 2048,
      num_gpu: 0,
      num_thread: 3,
      mirostat: 0,
      typical_p: 1,
    },
  });
  assert.deepEqual(
    [chat.model, chat.stream, chat.contextTokens, chat.keepAliveMs],
    ['chat:latest', true, 2048, 90_000],
  );
  assert(chat.input !== null);
  assert.deepEqual(callOf(chat, chat.input), {
    input: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }], thinking: true },
    sampling: {
      temperature: 0.3,
      topK: 7,
      topP: 0.9,
      minP: 0.05,
      seed: 11,
      penaltyTokens: 33,
      repeatPenalty: 1.2,
      presencePenalty: 0.5,
      frequencyPenalty: -0.25,
    },
    maxTokens: 13,
    stop: ['END', '\n'],
    logProbabilities: { top: 3 },
    keepAliveMs: 90_000,
  });
});

test('decodeChat takes what turns a setting off as Ollama has it', () => {
  const { call, keepAliveMs } = decodeChat({
    model: 'chat',
    keep_alive: -1,
    options: { top_k: 0, seed: -1, num_predict: -2, stop: 'x', repeat_last_n: 0, repeat_penalty: 1.3 },
  });
  const off = { repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 };
  assert.deepEqual(call.sampling, { topK: 2 ** 31 - 1, ...off });
  assert.deepEqual([call.maxTokens, call.stop, keepAliveMs], [undefined, ['x'], Number.POSITIVE_INFINITY]);
  const far = decodeChat({ model: 'chat', options: { repeat_last_n: -1, repeat_penalty: 1.3 } });
  assert.deepEqual(far.call.sampling, { penaltyTokens: 2 ** 20, repeatPenalty: 1.3 });
});

test('decodeChat says which call the answer of a tool belongs to, by name and in order', () => {
  const call = (city: string, id?: string) => ({ id, function: { index: 0, name: 'weather', arguments: { city } } });
  const { input } = decodeChat({
    model: 'chat',
    tools: [
      { type: 'function', function: { name: 'weather', description: 'of a city', parameters: { type: 'object' } } },
    ],
    messages: [
      ...USER,
      { role: 'assistant', content: '', thinking: 'hm', tool_calls: [call('Ulm'), call('Rom', 'own')] },
      { role: 'assistant', tool_calls: [{ function: { name: 'time', arguments: {} } }] },
      { role: 'tool', content: '9:30', tool_name: 'time' },
      { role: 'tool', content: 'sun', tool_name: 'weather' },
      { role: 'tool', content: 'rain' },
    ],
  });
  assert(input !== null);
  const calls = [
    { id: 'call_0', name: 'weather', arguments: '{"city":"Ulm"}' },
    { id: 'own', name: 'weather', arguments: '{"city":"Rom"}' },
  ];
  assert.deepEqual(input.messages.slice(1), [
    { role: 'assistant', content: '', reasoning: 'hm', toolCalls: calls },
    { role: 'assistant', content: '', toolCalls: [{ id: 'call_2', name: 'time', arguments: '{}' }] },
    { role: 'tool', content: '9:30', toolCallId: 'call_2', name: 'time' },
    { role: 'tool', content: 'sun', toolCallId: 'call_0', name: 'weather' },
    { role: 'tool', content: 'rain', toolCallId: 'own', name: 'weather' },
  ]);
  assert.deepEqual(input.tools, [{ name: 'weather', description: 'of a city', parameters: { type: 'object' } }]);
});

test("decodeChat continues the assistant's last message, and asks for nothing without messages", () => {
  const begun = decodeChat({ model: 'chat', messages: [...USER, { role: 'assistant', content: 'He' }] });
  assert.equal(begun.input?.continueLast, true);
  assert.equal(decodeChat({ model: 'chat', messages: USER }).input?.continueLast, undefined);
  assert.equal(decodeChat({ model: 'chat', messages: [], keep_alive: 0 }).input, null);
});

test('decodeChat refuses by name what is not done or cannot be', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  assert.deepEqual(decodeChat({ model: 'm', format: schema }).call.format, { kind: 'json-schema', schema });
  assert.deepEqual(decodeChat({ model: 'm', format: 'json' }).call.format, { kind: 'json-object' });
  const rows: readonly (readonly [object, string, RegExp])[] = [
    [{ messages: USER }, 'model', /is needed/],
    [{ model: 'm', name: 'n' }, 'name', /something else/],
    [{ model: 'm', frobnicate: 1 }, 'frobnicate', /not supported/],
    [{ model: 'm', truncate: true }, 'truncate', /refused/],
    [{ model: 'm', format: 'xml' }, 'format', /"json" or a JSON Schema, got "xml"/],
    [{ model: 'm', think: 'a bit' }, 'think', /got "a bit"/],
    [{ model: 'm', keep_alive: 'soon' }, 'keep_alive', /"5m" or "1h30m", got "soon"/],
    [{ model: 'm', top_logprobs: 2 }, 'top_logprobs', /needs logprobs/],
    [{ model: 'm', logprobs: true, top_logprobs: 21 }, 'top_logprobs', /from 0 to 20/],
    [{ model: 'm', options: { mirostat: 2 } }, 'options.mirostat', /0 turns it off/],
    [{ model: 'm', options: { tfs_z: 0.5 } }, 'options.tfs_z', /1 turns it off/],
    [{ model: 'm', options: { typical_p: 0.5 } }, 'options.typical_p', /1 turns it off/],
    [{ model: 'm', options: { penalize_newline: false } }, 'options.penalize_newline', /any other token/],
    [{ model: 'm', options: { f16_kv: true } }, 'options.f16_kv', /not supported/],
    [{ model: 'm', options: { num_predict: 0 } }, 'options.num_predict', /got 0/],
    [{ model: 'm', options: { stop: ['a', ''] } }, 'options.stop[1]', /not empty/],
    [{ model: 'm', options: { temperature: '1' } }, 'options.temperature', /a number from 0 to 100, got "1"/],
    [{ model: 'm', messages: [{ role: 'pirate' }] }, 'messages[0].role', /"system", "user"/],
    [{ model: 'm', messages: [{ role: 'user', images: ['aGk='] }] }, 'messages[0].images', /take text/],
    [{ model: 'm', messages: [{ role: 'user', thinking: 'hm' }] }, 'messages[0].thinking', /assistant/],
    [
      { model: 'm', messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }] },
      'messages[0].tool_calls[0].function.arguments',
      /an object, got "\{\}"/,
    ],
  ];
  for (const [body, field, message] of rows) assertRefused(decodeChat, body, field, message);
  assert.equal(decodeChat({ model: 'm', messages: [{ role: 'user', content: 'x', images: [] }] }).input !== null, true);
});

test('generateInput makes a message of a prompt, a text where the model has no template or none is wanted', () => {
  const read = (body: object) => {
    const { prompt } = decodeGenerate({ model: 'm', prompt: 'Once', ...body });
    assert(prompt !== null);
    return prompt;
  };
  const chatty = { hasChatTemplate: true, thinking: undefined };
  const plain = { hasChatTemplate: false, thinking: undefined };
  const user = { role: 'user', content: 'Once' };
  assert.deepEqual(generateInput(read({ system: 'Be brief.' }), { ...chatty, thinking: false }), {
    kind: 'chat',
    messages: [{ role: 'system', content: 'Be brief.' }, user],
    thinking: false,
  });
  const template = '{{ messages[0].content }}';
  assert.deepEqual(generateInput(read({ template }), plain), { kind: 'chat', messages: [user], template });
  assert.deepEqual(generateInput(read({}), plain), { kind: 'prompt', prompt: 'Once' });
  assert.deepEqual(generateInput(read({ raw: true }), chatty), { kind: 'prompt', prompt: 'Once', special: true });
  assert.deepEqual(generateInput(read({ suffix: 'end' }), chatty), {
    kind: 'prompt',
    prompt: 'Once',
    special: false,
    suffix: 'end',
  });
  assert.throws(() => generateInput(read({ system: 'Be brief.' }), plain), { reason: 'UNSUPPORTED_FEATURE' });
  assert.equal(decodeGenerate({ model: 'm' }).prompt, null);
  assertRefused(decodeGenerate, { model: 'm', prompt: 'x', context: [1, 2] }, 'context', /api\/chat/);
  assertRefused(decodeGenerate, { model: 'm', prompt: 'x', raw: true, system: 'y' }, 'system', /raw/);
  assertRefused(decodeGenerate, { model: 'm', prompt: 'x', images: ['aGk='] }, 'images', /take text/);
  assertRefused(decodeGenerate, { model: 'm', prompt: 'x', template: '{{ .Prompt }}' }, 'template', /Jinja/);
});

test('decodeEmbed takes a text or several, decodeEmbeddings one', () => {
  const one = decodeEmbed({ model: 'e:latest', input: 'a', dimensions: 5, keep_alive: 30, options: { num_ctx: 9 } });
  assert.deepEqual(one, {
    model: 'e:latest',
    keepAliveMs: 30_000,
    contextTokens: 9,
    texts: ['a'],
    truncate: true,
    dimensions: 5,
  });
  const several = decodeEmbed({ model: 'e', input: ['a', 'b'], truncate: false });
  assert.deepEqual([several.texts, several.truncate], [['a', 'b'], false]);
  assert.deepEqual(decodeEmbeddings({ model: 'e', prompt: 'c' }).texts, ['c']);
  assertRefused(decodeEmbed, { model: 'e', input: ['a', 7] }, 'input', /a list with number/);
  assertRefused(decodeEmbed, { model: 'e', input: { text: 'a' } }, 'input', /a list/);
  assertRefused(decodePull, { model: 'm', insecure: true }, 'insecure', /not supported/);
});
