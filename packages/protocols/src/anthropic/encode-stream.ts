// The stream of an answer as Anthropic's server-sent events: one block after the other, each begun, continued and ended.
import type { AnswerEnd, AnswerEvent } from '@amaas/core';
import { encodeSseEvent } from '../answers/index.ts';
import {
  frame,
  type MessageIdentity,
  stopOf,
  textBlock,
  thinkingBlock,
  TIER,
  toolUseBlock,
  usageOf,
} from './encode-message.ts';

/** What the answer says, as text of `text/event-stream`; each piece holds whole events. */
export async function* encodeMessageStream(
  events: AsyncIterable<AnswerEvent>,
  identity: MessageIdentity,
): AsyncGenerator<string> {
  const writer = new MessageWriter(identity);
  for await (const event of events) {
    const piece = writer.write(event);
    if (piece !== '') yield piece;
  }
}

type BlockKind = 'thinking' | 'text' | 'tool_use';

class MessageWriter {
  readonly #identity: MessageIdentity;
  #open: BlockKind | null = null;
  /** Of the block that is open, else of the next one. */
  #index = 0;

  constructor(identity: MessageIdentity) {
    this.#identity = identity;
  }

  write(event: AnswerEvent): string {
    switch (event.type) {
      case 'started':
        return this.#start(event) + encodeSseEvent({ type: 'ping' });
      case 'reasoning':
        return this.#more('thinking', event.text);
      case 'text':
        return this.#more('text', event.text);
      case 'tool-call':
        return this.#close() + this.#begin('tool_use', toolUseBlock(event, {}));
      case 'tool-arguments':
        return event.text === '' ? '' : this.#delta({ type: 'input_json_delta', partial_json: event.text });
      case 'ended':
        return this.#close() + this.#end(event);
      default:
        return event satisfies never;
    }
  }

  #start(started: Extract<AnswerEvent, { type: 'started' }>): string {
    const usage = { ...usageOf({ ...started, completionTokens: 0, reasoningTokens: 0 }), ...TIER };
    const message = {
      ...frame(this.#identity),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage,
    };
    return encodeSseEvent({ type: 'message_start', message });
  }

  #more(kind: 'thinking' | 'text', text: string): string {
    if (text === '') return '';
    const begun =
      this.#open === kind ? '' : this.#close() + this.#begin(kind, kind === 'text' ? textBlock('') : thinkingBlock(''));
    const delta = kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text };
    return begun + this.#delta(delta);
  }

  #begin(kind: BlockKind, block: object): string {
    this.#open = kind;
    return encodeSseEvent({ type: 'content_block_start', index: this.#index, content_block: block });
  }

  #delta(delta: object): string {
    return encodeSseEvent({ type: 'content_block_delta', index: this.#index, delta });
  }

  #close(): string {
    if (this.#open === null) return '';
    const signature = this.#open === 'thinking' ? this.#delta({ type: 'signature_delta', signature: '' }) : '';
    const stop = encodeSseEvent({ type: 'content_block_stop', index: this.#index });
    this.#open = null;
    this.#index++;
    return signature + stop;
  }

  #end(end: AnswerEnd): string {
    const delta = { ...stopOf(end, this.#identity), container: null };
    return (
      encodeSseEvent({ type: 'message_delta', delta, usage: usageOf(end.usage) }) +
      encodeSseEvent({ type: 'message_stop' })
    );
  }
}
