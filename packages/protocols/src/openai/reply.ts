// What all replies of this protocol have in common: their head, how answers end, what they cost.
import type { AnswerEnd, AnswerUsage } from '@amaas/core';
import { encodeSse } from '../answers/index.ts';

export type { WholeAnswer } from '../answers/index.ts';

/** What stands at the top of a reply and of every chunk of its stream. */
export interface ReplyHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdSeconds: number;
  /** The model as the caller named it. */
  readonly model: string;
  /** What answered: changes when the same seed may give another text. */
  readonly fingerprint: string;
}

export function encodeHead({ id, createdSeconds, model, fingerprint }: ReplyHead, object: string): object {
  return { id, object, created: createdSeconds, model, system_fingerprint: fingerprint };
}

const FINISH_REASONS: Readonly<Record<AnswerEnd['reason'], string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
};

export function finishReason({ reason }: AnswerEnd): string {
  return FINISH_REASONS[reason];
}

/**
 * What answers cost together.
 * @param choices - answers to each prompt, which counts once; they lie side by side
 */
export function encodeUsage(ends: readonly AnswerEnd[], choices: number): object {
  let promptTokens = 0;
  let cachedTokens = 0;
  let completionTokens = 0;
  let reasoningTokens = 0;
  for (const [index, { usage }] of ends.entries()) {
    completionTokens += usage.completionTokens;
    reasoningTokens += usage.reasoningTokens;
    if (index % choices !== 0) continue;
    promptTokens += usage.promptTokens;
    cachedTokens += usage.cachedTokens;
  }
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

/** What an answer cost in the words of the newer endpoints: responses, batches. */
export function encodeTokenUsage({
  promptTokens,
  cachedTokens,
  completionTokens,
  reasoningTokens,
}: Pick<AnswerUsage, 'promptTokens' | 'cachedTokens' | 'completionTokens' | 'reasoningTokens'>): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}

/** What a stream ends with, behind the last chunk of all choices. */
export function encodeStreamEnd(
  head: object,
  ends: readonly AnswerEnd[],
  { choices, includesUsage }: { readonly choices: number; readonly includesUsage: boolean },
): string {
  const done = 'data: [DONE]\n\n';
  return includesUsage ? encodeSse({ ...head, choices: [], usage: encodeUsage(ends, choices) }) + done : done;
}
