// An answer put together from its events.
import type { AnswerEnd, AnswerEvent, GeneratedToken, ToolCall } from '@amaas/core';

export interface WholeAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  /** Of the text, where log-probabilities were asked for. */
  readonly tokens: readonly GeneratedToken[];
  readonly end: AnswerEnd;
}

/** @throws TypeError for a stream without its last event, and what the stream throws */
export async function collectAnswer(events: AsyncIterable<AnswerEvent>): Promise<WholeAnswer> {
  let text = '';
  let reasoning = '';
  const tokens: GeneratedToken[] = [];
  const calls: { readonly id: string; readonly name: string; arguments: string }[] = [];
  let end: AnswerEnd | null = null;
  for await (const event of events) {
    switch (event.type) {
      case 'text':
        text += event.text;
        tokens.push(...event.tokens);
        break;
      case 'reasoning':
        reasoning += event.text;
        break;
      case 'tool-call':
        calls[event.index] = { id: event.id, name: event.name, arguments: '' };
        break;
      case 'tool-arguments': {
        const call = calls[event.index];
        if (call !== undefined) call.arguments += event.text;
        break;
      }
      case 'ended':
        end = event;
        break;
      case 'started':
        break;
      default:
        event satisfies never;
    }
  }
  if (end === null) throw new TypeError('generate: the stream ended without its last event');
  return { text, reasoning, toolCalls: calls, tokens, end };
}
