// What every protocol does with the stream of an answer: gather it whole, and tell the recorder how it ended.
import { AmaasError, type AnswerEnd, type AnswerEvent, type GeneratedToken, type ToolCall } from '@amaas/core';
import type { ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';

/** A whole answer. */
export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  /** Of the text, where log-probabilities were asked for. */
  readonly tokens: readonly GeneratedToken[];
  readonly end: AnswerEnd;
}

export async function collectAnswer(events: AsyncIterable<AnswerEvent>): Promise<Answer> {
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

/** The same events; how they ended is told to the version's recorder. */
export async function* recorded(
  events: AsyncIterable<AnswerEvent>,
  subject: {
    readonly served: ServedLanguageModel<ModelRecorder>;
    readonly exchange: Exchange;
    /** A word of our own, `openai`. */
    readonly protocol: string;
  },
): AsyncGenerator<AnswerEvent> {
  const { served, exchange, protocol } = subject;
  let isTold = false;
  try {
    for await (const event of events) {
      if (event.type === 'ended') {
        isTold = true;
        const { queueMs, promptMs, generationMs } = event.usage;
        const timing = { queueMs, computeMs: promptMs + generationMs, batchRows: 1 };
        recordSuccess(served.recorder, exchange, { protocol, timing });
      }
      yield event;
    }
  } catch (thrown) {
    isTold = true;
    recordFailure(served.recorder, exchange, { protocol, thrown });
    throw thrown;
  } finally {
    // Left early, by a caller who has gone.
    const thrown = new AmaasError('CANCELLED', 'generate: the caller went away');
    if (!isTold) recordFailure(served.recorder, exchange, { protocol, thrown });
  }
}
