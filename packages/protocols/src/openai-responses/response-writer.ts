// Turns the stream of an answer into OpenAI's events of a response, and into the response itself, which is what the last event
// holds. One output item is open at a time; ids and times are given.
import type { AmaasError, AnswerEnd, AnswerEvent, GeneratedToken } from '@amaas/core';
import { encodeGeneratedToken, encodeTokenUsage } from '../openai/index.ts';
import { inResponsesNames } from './caller-names.ts';
import type { ItemIds } from './items.ts';

export interface WriterSettings {
  /** `resp_…`. */
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Seconds since 1970 at the time of the call. */
  readonly now: () => number;
  readonly ids: ItemIds;
  readonly store: boolean;
  readonly withLogProbabilities: boolean;
  /** Fields that the request said, or their defaults. */
  readonly echo: Readonly<Record<string, unknown>>;
}

export interface ResponseEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [key: string]: unknown;
}

type Item = Readonly<Record<string, unknown>>;

interface OpenItem {
  readonly kind: 'message' | 'reasoning' | 'call';
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  text: string;
  readonly logprobs: object[];
}

export class ResponseWriter {
  readonly #settings: WriterSettings;
  readonly #output: Item[] = [];
  #open: OpenItem | null = null;
  #events: ResponseEvent[] = [];
  #sequence = 0;

  constructor(settings: WriterSettings) {
    this.#settings = settings;
  }

  /** The output so far, done items only. */
  get output(): readonly Item[] {
    return this.#output;
  }

  /** What an event of the answer means; the last one brings the whole response. */
  write(event: AnswerEvent): readonly ResponseEvent[] {
    switch (event.type) {
      case 'started':
        this.#say('response.created', { response: this.response('in_progress') });
        this.#say('response.in_progress', { response: this.response('in_progress') });
        break;
      case 'reasoning':
        this.#text('reasoning', event.text, []);
        break;
      case 'text':
        this.#text('message', event.text, event.tokens);
        break;
      case 'tool-call':
        this.#begin({ kind: 'call', id: this.#settings.ids('fc_'), callId: event.id, name: event.name });
        break;
      case 'tool-arguments':
        if (this.#open === null) break;
        this.#open.text += event.text;
        this.#say('response.function_call_arguments.delta', { ...this.#place(), delta: event.text });
        break;
      case 'ended':
        this.#finishItem(event.reason === 'length' ? 'incomplete' : 'completed');
        this.#end(event);
        break;
      default:
        event satisfies never;
    }
    return this.#take();
  }

  /** The events of a failure after the beginning. */
  fail(error: AmaasError): readonly ResponseEvent[] {
    const code = error.reason.toLowerCase();
    const failed = { ...this.response('failed'), error: { code, message: inResponsesNames(error).publicMessage } };
    this.#say('response.failed', { response: failed });
    return this.#take();
  }

  /** The response as it is now. */
  response(status: string, end: AnswerEnd | null = null): Item {
    const { id, model, createdAt, echo, store, now } = this.#settings;
    return {
      id,
      object: 'response',
      created_at: createdAt,
      completed_at: status === 'completed' ? now() : null,
      status,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      model,
      output: [...this.#output],
      store,
      usage: end === null ? null : encodeTokenUsage(end.usage),
      ...echo,
    };
  }

  #text(kind: 'message' | 'reasoning', text: string, tokens: readonly GeneratedToken[]): void {
    if (this.#open?.kind !== kind) {
      this.#begin({ kind, id: this.#settings.ids(kind === 'message' ? 'msg_' : 'rs_'), callId: '', name: '' });
    }
    const open = this.#open;
    if (open === null) return;
    open.text += text;
    const logprobs = this.#settings.withLogProbabilities ? tokens.map(encodeGeneratedToken) : [];
    open.logprobs.push(...logprobs);
    const place = { ...this.#place(), content_index: 0 };
    if (kind === 'message') this.#say('response.output_text.delta', { ...place, delta: text, logprobs });
    else this.#say('response.reasoning_text.delta', { ...place, delta: text });
  }

  #begin(item: Omit<OpenItem, 'text' | 'logprobs'>): void {
    this.#finishItem('completed');
    this.#open = { ...item, text: '', logprobs: [] };
    this.#say('response.output_item.added', {
      output_index: this.#output.length,
      item: itemOf(this.#open, 'in_progress'),
    });
    if (item.kind === 'message') {
      const part = { type: 'output_text', text: '', annotations: [], logprobs: [] };
      this.#say('response.content_part.added', { ...this.#place(), content_index: 0, part });
    }
  }

  #finishItem(status: 'completed' | 'incomplete'): void {
    const open = this.#open;
    if (open === null) return;
    const place = this.#place();
    const { text, logprobs } = open;
    if (open.kind === 'message') {
      this.#say('response.output_text.done', { ...place, content_index: 0, text, logprobs });
      this.#say('response.content_part.done', { ...place, content_index: 0, part: textPart(open) });
    } else if (open.kind === 'reasoning') {
      this.#say('response.reasoning_text.done', { ...place, content_index: 0, text });
    } else {
      this.#say('response.function_call_arguments.done', { ...place, name: open.name, arguments: text });
    }
    const item = itemOf(open, status);
    this.#say('response.output_item.done', { output_index: this.#output.length, item });
    this.#output.push(item);
    this.#open = null;
  }

  #end(end: AnswerEnd): void {
    const status = end.reason === 'length' ? 'incomplete' : 'completed';
    this.#say(`response.${status}`, { response: this.response(status, end) });
  }

  #place(): { readonly item_id: string; readonly output_index: number } {
    return { item_id: this.#open?.id ?? '', output_index: this.#output.length };
  }

  #say(type: string, fields: Readonly<Record<string, unknown>>): void {
    this.#events.push({ type, sequence_number: this.#sequence++, ...fields });
  }

  #take(): readonly ResponseEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

function itemOf(open: OpenItem, status: string): Item {
  const isDone = status !== 'in_progress';
  if (open.kind === 'message') {
    return { id: open.id, type: 'message', status, role: 'assistant', content: isDone ? [textPart(open)] : [] };
  }
  if (open.kind === 'reasoning') {
    const content = isDone ? [{ type: 'reasoning_text', text: open.text }] : [];
    return { id: open.id, type: 'reasoning', status, summary: [], content };
  }
  return { id: open.id, type: 'function_call', status, call_id: open.callId, name: open.name, arguments: open.text };
}

function textPart({ text, logprobs }: OpenItem): object {
  return { type: 'output_text', text, annotations: [], logprobs };
}
