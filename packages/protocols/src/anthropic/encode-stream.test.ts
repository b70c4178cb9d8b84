import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type AnswerEnd, type AnswerEvent, ERROR_CATALOGUE, type ErrorReason } from '@amaas/core';
import { encodeAnthropicError, encodeErrorEvent, encodeMessage, encodeMessageStream } from './index.ts';

const IDENTITY = { id: 'msg_1', model: 'chat', stopSequences: ['END'] };
const USAGE = {
  promptTokens: 30,
  cachedTokens: 20,
  completionTokens: 9,
  reasoningTokens: 4,
  queueMs: 1,
  promptMs: 2,
  generationMs: 3,
  loadMs: 0,
};
const STARTED = { type: 'started', promptTokens: 30, cachedTokens: 20, loadMs: 0 } as const;

function ended(reason: AnswerEnd['reason'], stopText: string | null = null): AnswerEnd {
  return { type: 'ended', reason, stopText, usage: USAGE, seed: 7 };
}

interface WireEvent {
  readonly type: string;
  readonly index?: number;
  readonly message?: unknown;
  readonly content_block?: unknown;
  readonly delta?: unknown;
  readonly usage?: unknown;
}

async function streamed(...events: readonly AnswerEvent[]): Promise<readonly WireEvent[]> {
  async function* source(): AsyncGenerator<AnswerEvent> {
    yield* events;
  }
  let text = '';
  for await (const piece of encodeMessageStream(source(), IDENTITY)) {
    assert.ok(piece.endsWith('\n\n'), 'pieces hold whole events');
    text += piece;
  }
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const [, name, data = ''] = /^event: (\w+)\ndata: (.+)$/.exec(block) ?? assert.fail(block);
      const event = JSON.parse(data) as WireEvent; // what the assertions are about
      assert.equal(event.type, name);
      return event;
    });
}

const USAGE_OF_PROMPT = {
  input_tokens: 10,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 20,
  server_tool_use: null,
};
const USAGE_AT_THE_END = { ...USAGE_OF_PROMPT, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } };

test('encodeMessageStream begins, continues and ends one block after the other', async () => {
  const events = await streamed(
    STARTED,
    { type: 'reasoning', text: 'Hm', tokens: [] },
    { type: 'reasoning', text: 'm.', tokens: [] },
    { type: 'text', text: 'Well', tokens: [] },
    { type: 'text', text: '', tokens: [] },
    { type: 'text', text: ', I look.', tokens: [] },
    { type: 'tool-call', index: 0, id: 'toolu_1', name: 'forecast' },
    { type: 'tool-arguments', index: 0, text: '{"city":' },
    { type: 'tool-arguments', index: 0, text: '"Bonn"}' },
    { type: 'tool-call', index: 1, id: 'toolu_2', name: 'clock' },
    { type: 'tool-arguments', index: 1, text: '{}' },
    ended('tool-calls'),
  );
  const delta = (index: number, value: object) => ({ type: 'content_block_delta', index, delta: value });
  const caller = { type: 'direct' };
  assert.deepEqual(events, [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'chat',
        container: null,
        diagnostics: null,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage: {
          ...USAGE_OF_PROMPT,
          output_tokens: 0,
          output_tokens_details: { thinking_tokens: 0 },
          cache_creation: null,
          inference_geo: null,
          service_tier: 'standard',
          speed: null,
        },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    delta(0, { type: 'thinking_delta', thinking: 'Hm' }),
    delta(0, { type: 'thinking_delta', thinking: 'm.' }),
    delta(0, { type: 'signature_delta', signature: '' }),
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '', citations: null } },
    delta(1, { type: 'text_delta', text: 'Well' }),
    delta(1, { type: 'text_delta', text: ', I look.' }),
    { type: 'content_block_stop', index: 1 },
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'forecast', input: {}, caller },
    },
    delta(2, { type: 'input_json_delta', partial_json: '{"city":' }),
    delta(2, { type: 'input_json_delta', partial_json: '"Bonn"}' }),
    { type: 'content_block_stop', index: 2 },
    {
      type: 'content_block_start',
      index: 3,
      content_block: { type: 'tool_use', id: 'toolu_2', name: 'clock', input: {}, caller },
    },
    delta(3, { type: 'input_json_delta', partial_json: '{}' }),
    { type: 'content_block_stop', index: 3 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null, stop_details: null, container: null },
      usage: USAGE_AT_THE_END,
    },
    { type: 'message_stop' },
  ]);
});

test('encodeMessageStream says of an empty answer that it is over', async () => {
  const types = (await streamed(STARTED, ended('stop'))).map(({ type }) => type);
  assert.deepEqual(types, ['message_start', 'ping', 'message_delta', 'message_stop']);
});

test('encodeMessage has the blocks of the stream', () => {
  const toolCalls = [
    { id: 'toolu_1', name: 'forecast', arguments: '{"city":"Bonn"}' },
    { id: 'toolu_2', name: 'clock', arguments: '{"cut' },
  ];
  assert.deepEqual(encodeMessage({ reasoning: 'Hm', text: 'Well', toolCalls, end: ended('length') }, IDENTITY), {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'chat',
    container: null,
    diagnostics: null,
    content: [
      { type: 'thinking', thinking: 'Hm', signature: '' },
      { type: 'text', text: 'Well', citations: null },
      { type: 'tool_use', id: 'toolu_1', name: 'forecast', input: { city: 'Bonn' }, caller: { type: 'direct' } },
      { type: 'tool_use', id: 'toolu_2', name: 'clock', input: {}, caller: { type: 'direct' } },
    ],
    stop_reason: 'max_tokens',
    stop_sequence: null,
    stop_details: null,
    usage: { ...USAGE_AT_THE_END, cache_creation: null, inference_geo: null, service_tier: 'standard', speed: null },
  });
});

test('encodeMessage names the stop sequence only where the request asked for it', () => {
  const stop = (end: AnswerEnd) => {
    const message = encodeMessage({ reasoning: '', text: '', toolCalls: [], end }, IDENTITY);
    const { content, stop_reason, stop_sequence } = message as Readonly<Record<string, unknown>>; // just encoded
    assert.deepEqual(content, []);
    return [stop_reason, stop_sequence];
  };
  assert.deepEqual(stop(ended('stop')), ['end_turn', null]);
  assert.deepEqual(stop(ended('stop', 'END')), ['stop_sequence', 'END']);
  assert.deepEqual(stop(ended('stop', '<|im_end|>')), ['end_turn', null]);
  assert.deepEqual(stop(ended('tool-calls', '</tool_call>')), ['tool_use', null]);
});

test('encodeAnthropicError gives every reason the status its type has at Anthropic', () => {
  const statuses = new Map<string, readonly number[]>([
    ['invalid_request_error', [400, 405, 415]],
    ['authentication_error', [401]],
    ['permission_error', [403]],
    ['not_found_error', [404]],
    ['conflict_error', [409]],
    ['request_too_large', [413]],
    ['rate_limit_error', [429]],
    ['api_error', [499, 500]],
    ['timeout_error', [504]],
    ['overloaded_error', [529]],
  ]);
  const typeOf = (reason: ErrorReason) => {
    const { status, body } = encodeAnthropicError(new AmaasError(reason, 'said'), 'r1');
    const { error, ...rest } = body as { readonly error: { readonly type: string } }; // checked by what follows
    assert.deepEqual(rest, { type: 'error', request_id: 'r1' });
    assert.ok(statuses.get(error.type)?.includes(status), `${reason}: ${status} ${error.type}`);
    return `${status} ${error.type}`;
  };
  for (const reason of Object.keys(ERROR_CATALOGUE)) typeOf(reason as ErrorReason); // its keys
  assert.equal(typeOf('CONTEXT_OVERFLOW'), '400 invalid_request_error');
  assert.equal(typeOf('UNSUPPORTED_FEATURE'), '400 invalid_request_error');
  assert.equal(typeOf('INVALID_KEY'), '401 authentication_error');
  assert.equal(typeOf('MODEL_NOT_FOUND'), '404 not_found_error');
  assert.equal(typeOf('REQUEST_TOO_LARGE'), '413 request_too_large');
  assert.equal(typeOf('QUEUE_FULL'), '529 overloaded_error');
  assert.equal(typeOf('ENGINE_CRASHED'), '529 overloaded_error');
  assert.equal(typeOf('DEADLINE_EXCEEDED'), '504 timeout_error');
});

test('encodeErrorEvent keeps to itself what only the log may know', () => {
  const event = encodeErrorEvent(new AmaasError('INTERNAL', 'at line 7 of secret.ts'), 'r2');
  const [, data = ''] = /^event: error\ndata: (.+)\n\n$/.exec(event) ?? assert.fail(event);
  assert.deepEqual(JSON.parse(data), {
    type: 'error',
    error: { type: 'api_error', message: ERROR_CATALOGUE.INTERNAL.summary },
    request_id: 'r2',
  });
});
