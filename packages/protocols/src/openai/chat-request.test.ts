import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChatRequest } from './chat-request.ts';
import { choiceOf } from './settings.ts';

const HELLO = [{ role: 'user', content: 'Hello' }];
const body = (more: object = {}): object => ({ model: 'm', messages: HELLO, ...more });
const WEATHER = { type: 'function', function: { name: 'weather', parameters: { type: 'object' }, strict: true } };
const CLOCK = { type: 'function', function: { name: 'clock', description: 'Tells the time' } };

function refuses(more: object, message: string): void {
  const [field] = message.split(': ', 1);
  assert.throws(() => decodeChatRequest(body(more)), { reason: 'INVALID_ARGUMENT', message, details: { field } });
}

test('decodeChatRequest leaves out what a body does not say', () => {
  assert.deepEqual(decodeChatRequest(body({ temperature: null, tools: [], stop: null })), {
    model: 'm',
    choices: 1,
    isStream: false,
    includesUsage: false,
    call: { input: { kind: 'chat', messages: HELLO }, sampling: {} },
  });
});

test('decodeChatRequest reads how the answer is drawn, where it ends and what is reported', () => {
  const { call, ...reply } = decodeChatRequest(
    body({
      n: 3,
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      temperature: 0.7,
      top_p: 0.9,
      top_k: 20,
      min_p: 0.05,
      repeat_penalty: 1.1,
      repeat_last_n: 32,
      presence_penalty: -1.5,
      frequency_penalty: 0.5,
      logit_bias: { '15': -100, '3': 2.5 },
      seed: 7,
      stop: ['END', '\n'],
      max_tokens: 20,
      max_completion_tokens: 20,
      logprobs: true,
      top_logprobs: 4,
      adapter: 'pirate',
    }),
  );
  assert.deepEqual(reply, { model: 'm', choices: 3, isStream: true, includesUsage: true });
  assert.deepEqual(call, {
    input: { kind: 'chat', messages: HELLO },
    sampling: {
      temperature: 0.7,
      topK: 20,
      topP: 0.9,
      minP: 0.05,
      repeatPenalty: 1.1,
      penaltyTokens: 32,
      presencePenalty: -1.5,
      frequencyPenalty: 0.5,
      logitBias: new Map([
        [3, 2.5],
        [15, -100],
      ]),
      seed: 7,
    },
    stop: ['END', '\n'],
    maxTokens: 20,
    logProbabilities: { top: 4 },
    adapter: 'pirate',
  });
});

test('decodeChatRequest lets pass what changes nothing of the answer', () => {
  const harmless = {
    user: 'u',
    metadata: { a: 'b' },
    safety_identifier: 's',
    prompt_cache_key: 'k',
    prompt_cache_retention: '24h',
    prediction: { type: 'content', content: 'x' },
    service_tier: 'auto',
    store: false,
    modalities: ['text'],
    verbosity: 'medium',
  };
  assert.deepEqual(decodeChatRequest(body(harmless)), decodeChatRequest(body()));
});

test('decodeChatRequest refuses by name what it does not do', () => {
  refuses({ audio: { voice: 'x', format: 'wav' } }, 'audio: is not supported');
  refuses({ modalities: ['text', 'audio'] }, 'modalities: the models here write text only');
  refuses({ web_search_options: {} }, 'web_search_options: is not supported');
  refuses({ moderation: {} }, 'moderation: is not supported');
  refuses({ store: true }, 'store: is not supported: nothing is kept');
  refuses({ functions: [] }, 'functions: is not supported; say it with tools and tool_choice');
  refuses({ service_tier: 'flex' }, 'service_tier: expected one of "auto", "default", got "flex"');
  refuses({ mirostat: 2 }, 'mirostat: is not supported');
  refuses({ n: 17 }, 'n: expected a whole number from 1 to 16, got 17');
  refuses({ temperature: 2.1 }, 'temperature: expected a number from 0 to 2, got 2.1');
  refuses({ stop: ['a', ''] }, 'stop: expected a text or a list of texts, none of them empty');
  refuses({ stop: [1] }, 'stop: expected a text or a list of texts, none of them empty');
  refuses({ top_logprobs: 3 }, 'top_logprobs: needs logprobs to be true');
  refuses({ logit_bias: { a: 1 } }, 'logit_bias.a: expected the number of a token');
  refuses({ logit_bias: { 7: 101 } }, 'logit_bias.7: expected a number from -100 to 100, got 101');
  refuses({ stream_options: { every: 1 } }, 'stream_options.every: is not supported');
  refuses(
    { max_tokens: 3, max_completion_tokens: 4 },
    'max_tokens: cannot be given beside max_completion_tokens, which is the same',
  );
  refuses({ messages: [] }, 'messages: expected at least one message');
  refuses({ messages: null }, 'messages: is needed');
  refuses({ model: null }, 'model: is needed');
});

test('decodeChatRequest looks back on the whole answer for the penalties of OpenAI', () => {
  const looksBack = (more: object) => decodeChatRequest(body(more)).call.sampling?.penaltyTokens;
  assert.deepEqual(
    [looksBack({ presence_penalty: 1 }), looksBack({ repetition_penalty: 1.2, frequency_penalty: 1 }), looksBack({})],
    [4096, undefined, undefined],
  );
});

test('decodeChatRequest asks for all tokens where top_k is off', () => {
  const topK = (value: number) => decodeChatRequest(body({ top_k: value })).call.sampling?.topK;
  assert.deepEqual([topK(0), topK(-1), topK(1)], [2 ** 31 - 1, 2 ** 31 - 1, 1]);
});

test('decodeChatRequest folds seeds of 64 bits to 32, and choiceOf gives every choice its own', () => {
  const seed = (value: number) => decodeChatRequest(body({ seed: value })).call.sampling?.seed;
  assert.deepEqual([seed(0), seed(4294967295)], [0, 4294967295]);
  assert.equal(seed(2 ** 33 + 5), 7);
  assert.equal(seed(-1), 0); // all 64 bits are set, and cancel out
  assert.equal(seed(-2), 1);
  assert.notEqual(seed(2 ** 60), seed(2 ** 61));
  const { call } = decodeChatRequest(body({ seed: 4294967294 }));
  assert.deepEqual(
    [0, 1, 2].map((index) => choiceOf(call, index).sampling?.seed),
    [4294967294, 4294967295, 0],
  );
  const { call: unseeded } = decodeChatRequest(body());
  assert.equal(choiceOf(unseeded, 2), unseeded);
});

test('decodeChatRequest reads the messages of all roles, and echoes of replies', () => {
  const call = { id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' };
  const messages = [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'developer',
      content: [
        { type: 'text', text: 'Be kind.' },
        { type: 'text', text: 'Always.' },
      ],
    },
    { role: 'user', content: 'Weather?', name: 'ann' },
    {
      role: 'assistant',
      content: null,
      refusal: null,
      annotations: [],
      reasoning_content: 'hm',
      tool_calls: [
        { id: 'c1', index: 0, type: 'function', function: { name: call.name, arguments: call.arguments } },
        { id: 'c2', type: 'function', function: { name: 'clock', arguments: '', parsed_arguments: {} } },
      ],
    },
    { role: 'tool', tool_call_id: 'c1', content: '12°' },
    { role: 'function', name: 'clock', content: 'noon' },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
  ];
  const { input } = decodeChatRequest(body({ messages })).call;
  assert(input.kind === 'chat');
  assert.deepEqual(input.messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'system', content: 'Be kind.\nAlways.' },
    { role: 'user', content: 'Weather?', name: 'ann' },
    {
      role: 'assistant',
      content: '',
      reasoning: 'hm',
      toolCalls: [call, { id: 'c2', name: 'clock', arguments: '{}' }],
    },
    { role: 'tool', content: '12°', toolCallId: 'c1' },
    { role: 'tool', content: 'noon', name: 'clock' },
    { role: 'assistant', content: 'No.' },
  ]);
});

test('decodeChatRequest names what is wrong with a message', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
  refuses(
    { messages: [...HELLO, { role: 'user', content: [{ type: 'text', text: 'See' }, image] }] },
    'messages[1].content[1].type: "image_url" is not supported: the models here read text only',
  );
  refuses(
    { messages: [{ role: 'robot', content: 'x' }] },
    'messages[0].role: expected one of "system", "developer", "user", "assistant", "tool", "function", got "robot"',
  );
  refuses({ messages: [{ role: 'user' }] }, 'messages[0].content: is needed');
  refuses({ messages: [{ role: 'assistant' }] }, 'messages[0].content: is needed where no tools are called');
  refuses({ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id: is needed');
  refuses({ messages: [{ role: 'user', content: 'x', mood: 1 }] }, 'messages[0].mood: is not supported');
  const wrong = { id: 'c', type: 'function', function: { name: 'f', arguments: '[1]' } };
  refuses(
    { messages: [{ role: 'assistant', tool_calls: [wrong] }] },
    'messages[0].tool_calls[0].function.arguments: expected the JSON text of an object',
  );
});

test('decodeChatRequest reads tools and the choice among them', () => {
  const input = (more: object) => decodeChatRequest(body({ tools: [WEATHER, CLOCK], ...more })).call.input;
  const weather = { name: 'weather', parameters: { type: 'object' }, strict: true };
  const clock = { name: 'clock', description: 'Tells the time' };
  const start = { kind: 'chat', messages: HELLO } as const;
  assert.deepEqual(input({}), { ...start, tools: [weather, clock] });
  assert.deepEqual(input({ tool_choice: 'required', parallel_tool_calls: false }), {
    ...start,
    tools: [weather, clock],
    toolChoice: 'required',
    parallelToolCalls: false,
  });
  assert.deepEqual(input({ tool_choice: { type: 'function', function: { name: 'clock' } } }), {
    ...start,
    tools: [weather, clock],
    toolChoice: { name: 'clock' },
  });
  const tools = [{ type: 'function', function: { name: 'weather' } }];
  assert.deepEqual(input({ tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools } } }), {
    ...start,
    tools: [weather],
    toolChoice: 'required',
  });
  refuses({ tool_choice: 'required' }, 'tool_choice: is "required" without tools');
  const none = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } };
  refuses({ tools: [WEATHER], tool_choice: none }, 'tool_choice: is "required" without tools');
  refuses(
    { tools: [WEATHER], tool_choice: { type: 'function', function: { name: 'wether' } } },
    'tool_choice: names "wether", which is none of the tools',
  );
  refuses({ tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type: expected one of "function", got "custom"');
});

test('decodeChatRequest reads what the answer must be, under all its names', () => {
  const format = (more: object) => decodeChatRequest(body(more)).call.format;
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  const json = { kind: 'json-schema', schema };
  assert.equal(format({ response_format: { type: 'text' } }), undefined);
  assert.deepEqual(format({ response_format: { type: 'json_object' } }), { kind: 'json-object' });
  assert.deepEqual(format({ response_format: { type: 'json_object', schema } }), json);
  assert.deepEqual(
    format({ response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } }),
    json,
  );
  assert.deepEqual(format({ guided_json: JSON.stringify(schema) }), json);
  assert.deepEqual(format({ structured_outputs: { json: schema } }), json);
  assert.deepEqual(format({ guided_regex: '[a-z]+' }), { kind: 'expression', pattern: '[a-z]+' });
  assert.deepEqual(format({ guided_choice: ['yes', 'no (really)'] }), {
    kind: 'expression',
    pattern: '(yes|no \\(really\\))',
  });
  assert.deepEqual(format({ grammar: 'root ::= "a"' }), { kind: 'grammar', grammar: 'root ::= "a"' });
  refuses({ grammar: 'root ::= "a"', guided_regex: 'a' }, 'guided_regex: cannot be given beside grammar');
  refuses(
    { response_format: { type: 'xml' } },
    'response_format.type: expected one of "text", "json_object", "json_schema", got "xml"',
  );
  refuses({ response_format: { type: 'json_schema' } }, 'response_format.json_schema: is needed');
  refuses({ guided_choice: [] }, 'guided_choice: expected a list of texts');
});

test('decodeChatRequest reads whether to think, and whether to go on with the last message', () => {
  const input = (more: object) => decodeChatRequest(body(more)).call.input;
  const start = { kind: 'chat', messages: HELLO } as const;
  assert.deepEqual(input({ reasoning_effort: 'none' }), { ...start, thinking: false });
  assert.deepEqual(input({ reasoning_effort: 'low' }), { ...start, thinking: true });
  assert.deepEqual(input({ reasoning_effort: 'low', chat_template_kwargs: { enable_thinking: false } }), {
    ...start,
    thinking: false,
  });
  assert.deepEqual(input({ continue_final_message: true, add_generation_prompt: false }), {
    ...start,
    continueLast: true,
  });
  refuses({ chat_template_kwargs: { mood: 1 } }, 'chat_template_kwargs.mood: is not supported');
  refuses(
    { continue_final_message: true, add_generation_prompt: true },
    'add_generation_prompt: expected the opposite of continue_final_message',
  );
});
