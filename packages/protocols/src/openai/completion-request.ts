// The body of POST /v1/completions as calls: one for each choice of each prompt, the choices of a prompt side by side.
// Source: OpenAI's API description 2.3.0, CreateCompletionRequest.
import type { LanguageCall } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';
import { choiceOf, type ReplySettings, readCallSettings, readReplySettings } from './settings.ts';
import { readTexts, type TextOrTokens } from './token-inputs.ts';

export interface CompletionRequest extends ReplySettings {
  readonly prompts: readonly TextOrTokens[];
  /** `choices` of them for each prompt. */
  readonly calls: readonly LanguageCall[];
  /** Whether texts begin with their prompts. */
  readonly echo: boolean;
}

const MOST_TOP_LOGPROBS = 5;
/** OpenAI's own: callers who say nothing expect little. */
const DEFAULT_MAX_TOKENS = 16;
const MOST_PROMPTS = 128;

/** @throws INVALID_ARGUMENT; `details.field` names the field */
export function decodeCompletionRequest(body: unknown): CompletionRequest {
  const fields = Fields.of(body);
  const reply = readReplySettings(fields);
  const prompts = readTexts(fields, 'prompt', { most: MOST_PROMPTS, least: 0 });
  const bestOf = fields.integer('best_of', { min: 1 }) ?? reply.choices;
  if (bestOf !== reply.choices)
    throw fields.invalid('best_of', `is supported only where it equals n, ${reply.choices}`);
  const top = fields.integer('logprobs', { min: 0, max: MOST_TOP_LOGPROBS });
  const echo = fields.flag('echo') ?? false;
  if (echo && top !== undefined)
    throw fields.invalid('echo', 'is not supported beside logprobs: prompts have none here');
  const suffix = fields.text('suffix');
  // llama.cpp's word, for callers who write a chat template by hand.
  const special = fields.flag('parse_special');
  const call = {
    ...readCallSettings(fields),
    maxTokens: fields.integer('max_tokens', { min: 1 }) ?? DEFAULT_MAX_TOKENS,
    ...(top === undefined ? {} : { logProbabilities: { top } }),
  };
  fields.end();
  const around = withoutUndefined({ suffix: suffix === '' ? undefined : suffix, special });
  const calls = prompts.flatMap((prompt) =>
    Array.from({ length: reply.choices }, (_, index) =>
      choiceOf({ input: { kind: 'prompt', prompt, ...around }, ...call }, index),
    ),
  );
  return { ...reply, prompts, calls, echo };
}
