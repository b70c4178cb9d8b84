// The body of POST /v1/chat/completions as a call. Every field does something, or changes nothing, or is refused by name.
// Source: OpenAI's API description 2.3.0, CreateChatCompletionRequest.
import type { LanguageCall } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';
import { readMessages } from './messages.ts';
import { type ReplySettings, readCallSettings, readReplySettings } from './settings.ts';
import { readTools } from './tools.ts';

export interface ChatRequest extends ReplySettings {
  readonly call: LanguageCall;
}

const MOST_TOP_LOGPROBS = 20;
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** @throws INVALID_ARGUMENT; `details.field` names the field */
export function decodeChatRequest(body: unknown): ChatRequest {
  const fields = Fields.of(body);
  const reply = readReplySettings(fields);
  refuseOthers(fields);
  const messages = readMessages(fields);
  const tools = readTools(fields);
  const input = { kind: 'chat', messages, ...tools, ...readTurn(fields) } as const;
  const call = {
    input,
    ...readCallSettings(fields),
    ...withoutUndefined({ maxTokens: readMaxTokens(fields), logProbabilities: readLogProbabilities(fields) }),
  };
  fields.end();
  return { ...reply, call };
}

/** Fields whose usual value is all there is here. */
function refuseOthers(fields: Fields): void {
  if (fields.flag('store') === true) throw fields.invalid('store', 'is not supported: nothing is kept');
  fields.choice('verbosity', ['medium']);
  const modalities = fields.list('modalities', (item) => item) ?? [];
  if (modalities.some((kind) => kind !== 'text')) throw fields.invalid('modalities', 'the models here write text only');
}

/** How the answer begins: with thoughts or without, as a message of its own or as the rest of the last one. */
function readTurn(fields: Fields): { thinking?: boolean; continueLast?: boolean } {
  const effort = fields.choice('reasoning_effort', EFFORTS);
  const template = fields.object('chat_template_kwargs');
  const thinking = template?.flag('enable_thinking') ?? (effort === undefined ? undefined : effort !== 'none');
  template?.end();
  const continueLast = fields.flag('continue_final_message');
  const beginsMessage = fields.flag('add_generation_prompt');
  if (beginsMessage !== undefined && beginsMessage === (continueLast ?? false)) {
    throw fields.invalid('add_generation_prompt', 'expected the opposite of continue_final_message');
  }
  return withoutUndefined({ thinking, continueLast });
}

function readMaxTokens(fields: Fields): number | undefined {
  const current = fields.integer('max_completion_tokens', { min: 1 });
  const old = fields.integer('max_tokens', { min: 1 });
  if (current !== undefined && old !== undefined && current !== old) {
    throw fields.invalid('max_tokens', 'cannot be given beside max_completion_tokens, which is the same');
  }
  return current ?? old;
}

function readLogProbabilities(fields: Fields): LanguageCall['logProbabilities'] {
  const isWanted = fields.flag('logprobs') ?? false;
  const top = fields.integer('top_logprobs', { min: 0, max: MOST_TOP_LOGPROBS });
  if (top !== undefined && top > 0 && !isWanted) throw fields.invalid('top_logprobs', 'needs logprobs to be true');
  return isWanted ? { top: top ?? 0 } : undefined;
}
