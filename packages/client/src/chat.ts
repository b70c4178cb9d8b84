// Conversations with language models, streamed, over the server's form of OpenAI's chat completions; and which models
// there are to talk to.
import { AmaasError, isErrorReason } from '@amaas/core';
import type { CallOptions } from './admin-call.ts';
import { isRecord, jsonOf } from './replies.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatOptions {
  /** Ends the answer with CANCELLED; what has come until then stays told. */
  readonly signal?: AbortSignal | undefined;
  /** Longest until the answer begins, in milliseconds; default none: the model may have to be loaded first. */
  readonly timeoutMs?: number;
  /** 0: the likeliest; default the model's. */
  readonly temperature?: number;
  /** Tokens of the answer at most; default the model's, else what its context has room for. */
  readonly maxTokens?: number;
  /** Draws the same again, where nothing else is asked of the model at the time; default drawn. */
  readonly seed?: number;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
}

export type ChatEvent =
  /** What the model thinks before it answers. */
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  /** Last of all. `stop`: the model ended, or a stop text came; `length`: no room, or maxTokens. */
  | {
      readonly type: 'end';
      readonly reason: string;
      readonly promptTokens: number;
      readonly completionTokens: number;
    };

/** A model that can be talked to. */
export interface ChatModel {
  readonly name: string;
  readonly labels: readonly string[];
}

export interface ChatApi {
  chat(model: string, messages: string | readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<ChatEvent>;
  chatModels(options?: CallOptions): Promise<readonly ChatModel[]>;
}

export function createChat(transport: Transport): ChatApi {
  async function* chat(
    model: string,
    messages: string | readonly ChatMessage[],
    options: ChatOptions = {},
  ): AsyncGenerator<ChatEvent> {
    const { signal } = options;
    const response = await transport.open({
      operation: 'chat',
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(requestOf(model, messages, options)),
      repeatable: true, // an answer changes nothing
      timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
      signal,
    });
    if (response.body === null) throw brokenOff();
    try {
      yield* eventsOf(response.body);
    } catch (thrown) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'chat: cancelled by the caller');
      if (thrown instanceof AmaasError) throw thrown;
      throw brokenOff(thrown);
    }
  }

  async function chatModels(options: CallOptions = {}): Promise<readonly ChatModel[]> {
    const call = { operation: 'chatModels', method: 'GET', path: '/api/tags', repeatable: true } as const;
    return modelsOf(jsonOf('chatModels', await transport.request({ ...call, ...options })));
  }

  return { chat, chatModels };
}

function requestOf(model: string, messages: string | readonly ChatMessage[], options: ChatOptions): object {
  const { temperature, maxTokens, seed, stop } = options;
  return {
    model,
    messages: typeof messages === 'string' ? [{ role: 'user', content: messages }] : messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
}

async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatEvent> {
  let reason: string | null = null;
  let usage: Readonly<Record<string, unknown>> = {};
  for await (const { data } of readServerSentEvents(body)) {
    if (data === '[DONE]') {
      if (reason === null) break;
      const [promptTokens, completionTokens] = [count(usage['prompt_tokens']), count(usage['completion_tokens'])];
      yield { type: 'end', reason, promptTokens, completionTokens };
      return;
    }
    const chunk = parseChunk(data);
    if (isRecord(chunk['error'])) throw errorOf(chunk['error']);
    if (isRecord(chunk['usage'])) usage = chunk['usage'];
    const choice: unknown = Array.isArray(chunk['choices']) ? chunk['choices'][0] : undefined;
    if (!isRecord(choice)) continue;
    if (typeof choice['finish_reason'] === 'string') reason = choice['finish_reason'];
    const delta = isRecord(choice['delta']) ? choice['delta'] : {};
    const { reasoning_content: thinking, content } = delta;
    if (typeof thinking === 'string' && thinking !== '') yield { type: 'thinking', text: thinking };
    if (typeof content === 'string' && content !== '') yield { type: 'text', text: content };
  }
  throw brokenOff();
}

function parseChunk(data: string): Readonly<Record<string, unknown>> {
  const chunk: unknown = JSON.parse(data);
  return isRecord(chunk) ? chunk : {};
}

/** What went wrong after the answer had begun. */
function errorOf({ message, code }: Readonly<Record<string, unknown>>): AmaasError {
  const reason = typeof code === 'string' ? code.toUpperCase() : '';
  return new AmaasError(isErrorReason(reason) ? reason : 'INTERNAL', String(message));
}

function brokenOff(cause?: unknown): AmaasError {
  return new AmaasError('TRANSPORT_FAILED', 'chat: the connection broke off before the answer ended', { cause });
}

/** Names come once for each of their tags, `latest` for the name itself. */
function modelsOf({ models }: Readonly<Record<string, unknown>>): readonly ChatModel[] {
  const labels = new Map<string, string[]>();
  for (const model of Array.isArray(models) ? models : []) {
    if (!isRecord(model) || typeof model['name'] !== 'string') continue;
    const { name, capabilities } = model;
    if (Array.isArray(capabilities) && !capabilities.includes('completion')) continue;
    const [bare = '', tag = ''] = name.split(':');
    const known = labels.get(bare) ?? [];
    labels.set(bare, tag === 'latest' ? known : [...known, tag]);
  }
  return [...labels].map(([name, own]) => ({ name, labels: own }));
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
