import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type AnswerEvent } from '@amaas/core';
import { decodeResponsesRequest, itemsOfInput, messagesOfItems, ResponseWriter, responseEventText } from './index.ts';

function counter(): (prefix: string) => string {
  let count = 0;
  return (prefix) => `${prefix}${++count}`;
}

function writer(withLogProbabilities = false): ResponseWriter {
  return new ResponseWriter({
    id: 'resp_0',
    model: 'm',
    createdAt: 10,
    now: () => 12,
    ids: counter(),
    store: false,
    withLogProbabilities,
    echo: { metadata: {}, tools: [] },
  });
}

const usage = {
  ...{ promptTokens: 5, cachedTokens: 2, completionTokens: 7, reasoningTokens: 3 },
  ...{ queueMs: 0, promptMs: 0, generationMs: 0, loadMs: 0 },
};
const STARTED: AnswerEvent = { type: 'started', promptTokens: 5, cachedTokens: 2, loadMs: 0 };
const end = (reason: 'stop' | 'length' | 'tool-calls'): AnswerEvent => ({
  ...{ type: 'ended', reason, stopText: null, usage, seed: 1 },
});

test('ResponseWriter writes thoughts, text and calls as items of their own, each closed before the next', () => {
  const written = writer();
  const events = [
    STARTED,
    { type: 'reasoning', text: 'hm', tokens: [] },
    { type: 'text', text: 'a', tokens: [] },
    { type: 'text', text: 'b', tokens: [] },
    { type: 'tool-call', index: 0, id: 'call_1', name: 'f' },
    { type: 'tool-arguments', index: 0, text: '{"x":' },
    { type: 'tool-arguments', index: 0, text: '1}' },
    { type: 'tool-call', index: 1, id: 'call_2', name: 'g' },
    end('tool-calls'),
  ] satisfies AnswerEvent[];
  const said = events.flatMap((event) => written.write(event));
  assert.deepEqual(
    said.map(({ sequence_number }) => sequence_number),
    said.map((_, index) => index),
  );
  assert.deepEqual(
    said.map((event) => `${event.type.replace('response.', '')} ${event['output_index'] ?? ''}`.trim()),
    [
      'created',
      'in_progress',
      ...['output_item.added 0', 'reasoning_text.delta 0', 'reasoning_text.done 0', 'output_item.done 0'],
      ...['output_item.added 1', 'content_part.added 1', 'output_text.delta 1', 'output_text.delta 1'],
      ...['output_text.done 1', 'content_part.done 1', 'output_item.done 1'],
      ...['output_item.added 2', 'function_call_arguments.delta 2', 'function_call_arguments.delta 2'],
      ...['function_call_arguments.done 2', 'output_item.done 2'],
      ...['output_item.added 3', 'function_call_arguments.done 3', 'output_item.done 3'],
      'completed',
    ],
  );
  const response = said.at(-1)?.['response'];
  assert.deepEqual(response, {
    ...{ id: 'resp_0', object: 'response', created_at: 10, completed_at: 12, status: 'completed', error: null },
    ...{ incomplete_details: null, model: 'm', store: false, metadata: {}, tools: [] },
    output: [
      {
        ...{ id: 'rs_1', type: 'reasoning', status: 'completed', summary: [] },
        content: [{ type: 'reasoning_text', text: 'hm' }],
      },
      {
        ...{ id: 'msg_2', type: 'message', status: 'completed', role: 'assistant' },
        content: [{ type: 'output_text', text: 'ab', annotations: [], logprobs: [] }],
      },
      {
        ...{
          id: 'fc_3',
          type: 'function_call',
          status: 'completed',
          call_id: 'call_1',
          name: 'f',
          arguments: '{"x":1}',
        },
      },
      { ...{ id: 'fc_4', type: 'function_call', status: 'completed', call_id: 'call_2', name: 'g', arguments: '' } },
    ],
    usage: {
      ...{ input_tokens: 5, input_tokens_details: { cached_tokens: 2 }, output_tokens: 7 },
      ...{ output_tokens_details: { reasoning_tokens: 3 }, total_tokens: 12 },
    },
  });
});

test('ResponseWriter says that an answer was cut, and that one failed', () => {
  const cut = writer();
  cut.write(STARTED);
  cut.write({ type: 'text', text: 'a', tokens: [] });
  const last = cut.write(end('length')).at(-1);
  assert.equal(last?.type, 'response.incomplete');
  const failed = writer();
  failed.write(STARTED);
  const [event] = failed.fail(new AmaasError('ENGINE_CRASHED', 'it ended'));
  assert(event !== undefined);
  assert.match(
    responseEventText(event),
    /^event: response\.failed\ndata: \{.*"error":\{"code":"engine_crashed","message":"it ended"\}.*\}\n\n$/,
  );
});

test('ResponseWriter gives log-probabilities where they were asked for', () => {
  const written = writer(true);
  const token = { token: 1, text: 'é', logProbability: -0.5, top: [{ token: 2, text: 'e', logProbability: -1 }] };
  const [, , delta] = written.write({ type: 'text', text: 'é', tokens: [token] });
  assert.deepEqual(delta?.['logprobs'], [
    {
      ...{ token: 'é', logprob: -0.5, bytes: [0xc3, 0xa9] },
      top_logprobs: [{ token: 'e', logprob: -1, bytes: [101] }],
    },
  ]);
});

test('messagesOfItems joins thoughts and calls to the message they belong to', () => {
  const items = itemsOfInput(
    [
      { role: 'developer', content: 'be brief' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'a' },
          { type: 'input_text', text: 'b' },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{"x":1}' },
      { type: 'function_call_output', call_id: 'c1', output: 'one' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'done', annotations: [] }] },
    ],
    counter(),
  );
  assert.deepEqual(
    items.map(({ id }) => id),
    ['msg_1', 'msg_2', 'rs_1', 'fc_3', 'fc_4', 'fco_5', 'msg_6'],
  );
  assert.deepEqual(messagesOfItems(items), [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'ab' },
    {
      role: 'assistant',
      content: '',
      reasoning: 'hm',
      toolCalls: [
        { id: 'c1', name: 'f', arguments: '{}' },
        { id: 'c2', name: 'g', arguments: '{"x":1}' },
      ],
    },
    { role: 'tool', content: 'one', toolCallId: 'c1', name: 'f' },
    { role: 'assistant', content: 'done' },
  ]);
  assert.deepEqual(messagesOfItems(itemsOfInput('hi', counter())), [{ role: 'user', content: 'hi' }]);
});

test('messagesOfItems names the item that is wrong', () => {
  const refuses = (items: unknown, message: RegExp): void =>
    assert.throws(() => messagesOfItems(itemsOfInput(items, counter())), message);
  refuses([{ type: 'item_reference', id: 'x' }], /input\[0\]\.type: items of type "item_reference" are not supported/);
  refuses(
    [{ role: 'user', content: [{ type: 'input_image' }] }],
    /input\[0\]\.content\[0\]: parts of type "input_image"/,
  );
  refuses([{ role: 'nobody', content: '' }], /input\[0\]\.role: expected one of/);
  refuses([{ type: 'function_call', call_id: 'c', name: 'f' }], /input\[0\]\.arguments: is needed/);
  refuses([{ role: 'user', content: 'a', colour: 1 }], /input\[0\]\.colour: is not supported/);
  refuses(3, /input: expected a list, got 3/);
});

test('decodeResponsesRequest takes what the model needs and repeats what was said', () => {
  const tool = { type: 'function', name: 'f', parameters: { type: 'object' }, strict: true };
  const request = decodeResponsesRequest({
    ...{ model: 'm', input: 'hi', instructions: 'be brief', max_output_tokens: 5, temperature: 0.5, top_p: 0.9 },
    ...{ tools: [tool], tool_choice: { type: 'function', name: 'f' }, parallel_tool_calls: false, user: 'u' },
    text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
    reasoning: { effort: 'none' },
  });
  assert.deepEqual(request.tools, [{ name: 'f', parameters: { type: 'object' }, strict: true }]);
  assert.deepEqual(request.toolChoice, { name: 'f' });
  assert.deepEqual(
    [request.parallelToolCalls, request.thinking, request.store, request.stream],
    [false, false, true, false],
  );
  assert.deepEqual(request.call, {
    sampling: { temperature: 0.5, topP: 0.9 },
    format: { kind: 'json-schema', schema: { type: 'object' } },
    maxTokens: 5,
  });
  assert.deepEqual([request.echo['tools'], request.echo['temperature'], request.echo['metadata']], [[tool], 0.5, {}]);
});
