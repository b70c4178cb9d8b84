import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCountTokensRequest, decodeMessagesRequest } from './index.ts';

const HELLO = { role: 'user', content: 'Hello' };
const LEAST = { model: 'chat', max_tokens: 10, messages: [HELLO] };
const FORECAST = {
  name: 'forecast',
  description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** The message of the refusal, which names the field as `details.field` does. */
function refusal(body: object): string {
  let message = '';
  assert.throws(
    () => decodeMessagesRequest({ ...LEAST, ...body }),
    (thrown: Error & { readonly reason?: string; readonly details?: { readonly field?: string } }) => {
      assert.equal(thrown.reason, 'INVALID_ARGUMENT');
      message = thrown.message;
      assert.ok(message.startsWith(`${thrown.details?.field}: `), message);
      return true;
    },
  );
  return message;
}

function conversation(...messages: readonly object[]) {
  const { input } = decodeMessagesRequest({ ...LEAST, messages }).call;
  assert(input.kind === 'chat');
  return input;
}

test('decodeMessagesRequest reads what a request says of the answer', () => {
  assert.deepEqual(decodeMessagesRequest(LEAST), {
    model: 'chat',
    isStream: false,
    call: { input: { kind: 'chat', messages: [HELLO] }, maxTokens: 10, sampling: {}, stop: [] },
  });
  const full = {
    ...LEAST,
    stream: true,
    system: [
      { type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } },
      { type: 'text', text: 'Be kind.' },
    ],
    temperature: 0.3,
    top_p: 0.9,
    top_k: 40,
    stop_sequences: ['\n\n', 'END'],
    thinking: { type: 'enabled', budget_tokens: 9 },
    output_config: { format: { type: 'json_schema', schema: { type: 'object' } }, effort: null },
    metadata: { user_id: 'someone' },
    service_tier: 'standard_only',
    speed: 'standard',
    cache_control: { type: 'ephemeral' },
    container: null,
  };
  assert.deepEqual(decodeMessagesRequest(full), {
    model: 'chat',
    isStream: true,
    call: {
      input: { kind: 'chat', messages: [{ role: 'system', content: 'Be brief.\nBe kind.' }, HELLO], thinking: true },
      maxTokens: 10,
      sampling: { temperature: 0.3, topP: 0.9, topK: 40 },
      stop: ['\n\n', 'END'],
      format: { kind: 'json-schema', schema: { type: 'object' } },
    },
  });
});

test('decodeMessagesRequest tells thinking that is on, off and left to the model', () => {
  const thinking = (value: object) => decodeMessagesRequest({ ...LEAST, thinking: value }).call.input;
  assert.deepEqual(thinking({ type: 'disabled' }), { kind: 'chat', messages: [HELLO], thinking: false });
  assert.deepEqual(thinking({ type: 'adaptive', display: 'summarized' }), { kind: 'chat', messages: [HELLO] });
  assert.equal(
    refusal({ thinking: { type: 'enabled', budget_tokens: 10 } }),
    'thinking.budget_tokens: must be less than max_tokens 10, got 10',
  );
  assert.match(refusal({ thinking: { type: 'enabled' } }), /^thinking.budget_tokens: is needed/);
  assert.match(refusal({ thinking: { type: 'adaptive', display: 'omitted' } }), /^thinking.display: expected one of/);
});

test('decodeMessagesRequest makes results of tools messages of their own, in their order', () => {
  const { messages } = conversation(
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'They want ', signature: 'c2lnbmVk' },
        { type: 'thinking', thinking: 'weather.', signature: '' },
        { type: 'text', text: 'I look', citations: null },
        { type: 'text', text: ' it up.' },
        { type: 'tool_use', id: 'toolu_1', name: 'forecast', input: { city: 'Bonn' }, caller: { type: 'direct' } },
        { type: 'tool_use', id: 'toolu_2', name: 'clock', input: {}, cache_control: { type: 'ephemeral' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_2', content: [{ type: 'text', text: 'noon' }] },
        { type: 'tool_result', tool_use_id: 'toolu_1', content: 'no such city', is_error: true },
        { type: 'text', text: 'Well?' },
        { type: 'text', text: 'Go on.' },
      ],
    },
  );
  assert.deepEqual(messages, [
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: 'I look it up.',
      reasoning: 'They want weather.',
      toolCalls: [
        { id: 'toolu_1', name: 'forecast', arguments: '{"city":"Bonn"}' },
        { id: 'toolu_2', name: 'clock', arguments: '{}' },
      ],
    },
    { role: 'tool', content: 'noon', toolCallId: 'toolu_2', name: 'clock' },
    { role: 'tool', content: 'Error: no such city', toolCallId: 'toolu_1', name: 'forecast' },
    { role: 'user', content: 'Well?\nGo on.' },
  ]);
});

test('decodeMessagesRequest joins neighbours of one role, and continues an assistant who speaks last', () => {
  const input = conversation(
    { role: 'system', content: 'A' },
    { role: 'user', content: 'B' },
    { role: 'user', content: [{ type: 'text', text: 'C' }] },
    { role: 'assistant', content: 'D' },
    { role: 'assistant', content: [{ type: 'text', text: 'E ' }] },
  );
  assert.deepEqual(input, {
    kind: 'chat',
    messages: [
      { role: 'system', content: 'A' },
      { role: 'user', content: 'B\nC' },
      { role: 'assistant', content: 'DE ' },
    ],
    continueLast: true,
  });
});

test('decodeMessagesRequest reads tools and which of them is to be called', () => {
  const chosen = (choice: object | undefined) => {
    const { input } = decodeMessagesRequest({ ...LEAST, tools: [FORECAST], tool_choice: choice }).call;
    assert(input.kind === 'chat');
    const { tools, toolChoice, parallelToolCalls } = input;
    assert.deepEqual(tools, [
      { name: 'forecast', description: 'Tells the weather.', parameters: FORECAST.input_schema },
    ]);
    return [toolChoice, parallelToolCalls];
  };
  assert.deepEqual(chosen(undefined), [undefined, undefined]);
  assert.deepEqual(chosen({ type: 'auto', disable_parallel_tool_use: true }), ['auto', false]);
  assert.deepEqual(chosen({ type: 'any', disable_parallel_tool_use: false }), ['required', undefined]);
  assert.deepEqual(chosen({ type: 'tool', name: 'forecast' }), [{ name: 'forecast' }, undefined]);
  assert.deepEqual(chosen({ type: 'none' }), ['none', undefined]);
  const more = { ...FORECAST, type: 'custom', strict: true, defer_loading: false, allowed_callers: ['direct'] };
  const { input } = decodeMessagesRequest({ ...LEAST, tools: [{ ...more, cache_control: {} }] }).call;
  assert(input.kind === 'chat');
  assert.equal(input.tools?.[0]?.strict, true);
});

test('decodeMessagesRequest refuses by name what cannot be done', () => {
  const user = (...content: readonly object[]) => ({ messages: [{ role: 'user', content }] });
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ max_tokens: null }, /^max_tokens: is needed/],
    [{ max_tokens: 0 }, /^max_tokens: expected a whole number of at least 1, got 0/],
    [{ messages: [] }, /^messages: at least one message is needed/],
    [{ temperature: 1.5 }, /^temperature: expected a number from 0 to 1, got 1.5/],
    [{ top_k: 0 }, /^top_k/],
    [{ stop_sequences: ['a', ''] }, /^stop_sequences\[1\]: expected a string that is not empty/],
    [{ container: 'c' }, /^container: is not supported/],
    [{ output_config: { effort: 'high' } }, /^output_config.effort: is not supported/],
    [{ output_config: { format: { type: 'json_schema' } } }, /^output_config.format.schema: is needed/],
    [{ metadata: { user: 'x' } }, /^metadata.user: is not supported/],
    [{ speed: 'fast' }, /^speed/],
    [{ messages: [{ role: 'tool', content: '' }] }, /^messages\[0\].role: expected one of/],
    [{ messages: [{ role: 'user' }] }, /^messages\[0\].content: is needed/],
    [{ messages: [{ role: 'user', content: [] }] }, /^messages\[0\].content: at least one block/],
    [{ messages: [{ ...HELLO, name: 'x' }] }, /^messages\[0\].name: is not supported/],
    [user({ type: 'image', source: {} }), /^messages\[0\].content\[0\].type: blocks of type "image" are not supported/],
    [user({ type: 'document', source: {} }), /"document"/],
    [user({ type: 'tool_use', id: 'a', name: 'b', input: {} }), /only "text", "tool_result"/],
    [user({ type: 'text', text: 'a', citations: [{}] }), /citations/],
    [user({ type: 'tool_result', tool_use_id: 'no' }), /^messages\[0\].content\[0\].tool_use_id: no tool_use before/],
    [{ messages: [{ role: 'assistant', content: [{ type: 'redacted_thinking', data: '' }] }] }, /redacted_thinking/],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: {} }] }] },
      /^messages: the last one ends with tool_use/,
    ],
    [{ tools: [{ type: 'web_search_20260209', name: 'web_search' }] }, /^tools\[0\].type: tools of type "web_search_2/],
    [{ tools: [{ ...FORECAST, name: 'no spaces' }] }, /^tools\[0\].name/],
    [{ tools: [FORECAST, FORECAST] }, /^tools\[1\].name: "forecast" is there twice/],
    [{ tools: [{ ...FORECAST, input_schema: { type: 'string' } }] }, /^tools\[0\].input_schema/],
    [{ tools: [{ ...FORECAST, defer_loading: true }] }, /^tools\[0\].defer_loading/],
    [{ tools: [{ ...FORECAST, input_examples: [{}] }] }, /^tools\[0\].input_examples: is not supported/],
    [
      { tools: [FORECAST], tool_choice: { type: 'tool', name: 'other' } },
      /^tool_choice.name: there is no tool "other"/,
    ],
    [{ tool_choice: { type: 'any' } }, /^tool_choice.type: "any" needs tools/],
  ];
  for (const [body, message] of refused) assert.match(refusal(body), message);
});

test('decodeCountTokensRequest takes the conversation and nothing that only answers have', () => {
  const body = { model: 'chat', messages: [HELLO], system: 'S', tools: [FORECAST], thinking: { type: 'disabled' } };
  const { model, input } = decodeCountTokensRequest(body);
  assert.equal(model, 'chat');
  const { input: same } = decodeMessagesRequest({ ...body, max_tokens: 1 }).call;
  assert.deepEqual(input, same);
  assert.throws(() => decodeCountTokensRequest({ ...body, max_tokens: 1 }), {
    message: /^max_tokens: is not supported/,
  });
});
