// Answers to POST /v1/chat/completions, whole and as a stream of chunks.
// Source: OpenAI's API description 2.3.0, CreateChatCompletionResponse and CreateChatCompletionStreamResponse;
// reasoning_content as llama.cpp, vLLM and DeepSeek have it.
import type { AnswerEnd, AnswerEvent } from '@amaas/core';
import { encodeSse } from '../answers/index.ts';
import { encodeChatLogprobs } from './log-probabilities.ts';
import { encodeHead, encodeStreamEnd, encodeUsage, finishReason, type ReplyHead, type WholeAnswer } from './reply.ts';

export interface ChatReplyOptions {
  /** Whether log-probabilities were asked for. */
  readonly hasLogprobs: boolean;
  readonly choices: number;
  /** Of a stream: whether it ends with the usage. */
  readonly includesUsage: boolean;
}

export function encodeChatReply(head: ReplyHead, answers: readonly WholeAnswer[], options: ChatReplyOptions): object {
  return {
    ...encodeHead(head, 'chat.completion'),
    choices: answers.map((answer, index) => ({
      index,
      message: encodeMessage(answer),
      logprobs: options.hasLogprobs ? encodeChatLogprobs(answer.tokens) : null,
      finish_reason: finishReason(answer.end),
    })),
    usage: encodeUsage(
      answers.map(({ end }) => end),
      options.choices,
    ),
  };
}

function encodeMessage({ text, reasoning, toolCalls }: WholeAnswer): object {
  const isCall = toolCalls.length > 0;
  return {
    role: 'assistant',
    content: isCall && text === '' ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(isCall ? { tool_calls: toolCalls.map(encodeCall) } : {}),
  };
}

function encodeCall(call: WholeAnswer['toolCalls'][number]): object {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}

/** Writes the chunks of one stream. */
export class ChatStream {
  readonly #head: object;
  readonly #options: ChatReplyOptions;
  readonly #ends: AnswerEnd[] = [];

  constructor(head: ReplyHead, options: ChatReplyOptions) {
    this.#head = encodeHead(head, 'chat.completion.chunk');
    this.#options = options;
  }

  /** What an event of a choice says on the wire; '' when nothing. */
  encode(index: number, event: AnswerEvent): string {
    switch (event.type) {
      case 'started':
        return this.#chunk(index, { role: 'assistant', content: '' });
      case 'reasoning':
        return event.text === '' ? '' : this.#chunk(index, { reasoning_content: event.text });
      case 'text': {
        if (event.text === '' && event.tokens.length === 0) return '';
        const logprobs = this.#options.hasLogprobs ? encodeChatLogprobs(event.tokens) : null;
        return this.#chunk(index, { content: event.text }, { logprobs });
      }
      case 'tool-call': {
        const { id, name } = event;
        const call = { index: event.index, id, type: 'function', function: { name, arguments: '' } };
        return this.#chunk(index, { tool_calls: [call] });
      }
      case 'tool-arguments':
        return this.#chunk(index, { tool_calls: [{ index: event.index, function: { arguments: event.text } }] });
      case 'ended':
        this.#ends[index] = event;
        return this.#chunk(index, {}, { finish: finishReason(event) });
      default:
        return event satisfies never;
    }
  }

  /** What comes after the last event of all choices. */
  end(): string {
    return encodeStreamEnd(this.#head, this.#ends, this.#options);
  }

  #chunk(
    index: number,
    delta: object,
    more: { readonly logprobs?: object | null; readonly finish?: string } = {},
  ): string {
    const { logprobs = null, finish = null } = more;
    const choices = [{ index, delta, logprobs, finish_reason: finish }];
    return encodeSse({ ...this.#head, choices, ...(this.#options.includesUsage ? { usage: null } : {}) });
  }
}
