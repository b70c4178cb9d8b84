// Answers to POST /v1/completions, whole and as a stream. Source: OpenAI's API description 2.3.0, CreateCompletionResponse.
import type { AnswerEnd, AnswerEvent } from '@amaas/core';
import { encodeSse } from '../answers/index.ts';
import { characters, LegacyLogprobs } from './log-probabilities.ts';
import { encodeHead, encodeStreamEnd, encodeUsage, finishReason, type ReplyHead, type WholeAnswer } from './reply.ts';

const OBJECT = 'text_completion';

export interface CompletionReplyOptions {
  /** Likeliest tokens to report beside each; undefined: no log-probabilities at all. */
  readonly topLogprobs: number | undefined;
  /** What the text of each answer begins with: its prompt where that was asked for, else ''. */
  readonly echoes: readonly string[];
  /** Answers to each prompt. */
  readonly choices: number;
  /** Of a stream: whether it ends with the usage. */
  readonly includesUsage: boolean;
}

export function encodeCompletionReply(
  head: ReplyHead,
  answers: readonly WholeAnswer[],
  options: CompletionReplyOptions,
): object {
  const choices = answers.map(({ text, reasoning, tokens, end }, index) => {
    const echo = options.echoes[index] ?? '';
    const logprobs = logprobsOf(options, echo)?.encode(text, tokens) ?? null;
    return { text: `${echo}${reasoning}${text}`, index, logprobs, finish_reason: finishReason(end) };
  });
  const ends = answers.map(({ end }) => end);
  return { ...encodeHead(head, OBJECT), choices, usage: encodeUsage(ends, options.choices) };
}

/** Writes the chunks of one stream. */
export class CompletionStream {
  readonly #head: object;
  readonly #options: CompletionReplyOptions;
  readonly #logprobs: readonly (LegacyLogprobs | null)[];
  readonly #ends: AnswerEnd[] = [];

  constructor(head: ReplyHead, options: CompletionReplyOptions) {
    this.#head = encodeHead(head, OBJECT);
    this.#options = options;
    this.#logprobs = options.echoes.map((echo) => logprobsOf(options, echo));
  }

  /** What an event of an answer says on the wire; '' when nothing. */
  encode(index: number, event: AnswerEvent): string {
    switch (event.type) {
      case 'started':
        return this.#chunk(index, this.#options.echoes[index] ?? '');
      case 'reasoning':
        return event.text === '' ? '' : this.#chunk(index, event.text);
      case 'text': {
        if (event.text === '' && event.tokens.length === 0) return '';
        const logprobs = this.#logprobs[index]?.encode(event.text, event.tokens) ?? null;
        return this.#chunk(index, event.text, { logprobs });
      }
      case 'ended':
        this.#ends[index] = event;
        return this.#chunk(index, '', { finish: finishReason(event) });
      case 'tool-call':
      case 'tool-arguments':
        return ''; // prompts have no tools
      default:
        return event satisfies never;
    }
  }

  /** What comes after the last event of all answers. */
  end(): string {
    return encodeStreamEnd(this.#head, this.#ends, this.#options);
  }

  #chunk(
    index: number,
    text: string,
    more: { readonly logprobs?: object | null; readonly finish?: string } = {},
  ): string {
    const { logprobs = null, finish = null } = more;
    const choices = [{ text, index, logprobs, finish_reason: finish }];
    return encodeSse({ ...this.#head, choices, ...(this.#options.includesUsage ? { usage: null } : {}) });
  }
}

function logprobsOf({ topLogprobs }: CompletionReplyOptions, echo: string): LegacyLogprobs | null {
  return topLogprobs === undefined ? null : new LegacyLogprobs({ top: topLogprobs, offset: characters(echo) });
}
