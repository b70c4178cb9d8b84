// Bodies of `POST /v1/messages` and `/v1/messages/count_tokens` as calls. What cannot be done is refused by name; what only
// concerns Anthropic's own bookkeeping passes (`metadata`, `service_tier`, `cache_control`: beginnings of prompts are used
// again without being marked).
// Source: Anthropic's Messages API, version 2023-06-01, as its TypeScript SDK 1.12 types it.
import type { AnswerFormat, ChatInput, LanguageCall } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';
import { decodeMessages, decodeSystem } from './decode-messages.ts';
import { decodeToolChoice, decodeTools } from './decode-tools.ts';

export interface MessagesRequest {
  readonly model: string;
  readonly isStream: boolean;
  readonly call: LanguageCall & { readonly maxTokens: number; readonly stop: readonly string[] };
}

export interface CountTokensRequest {
  readonly model: string;
  readonly input: ChatInput;
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeMessagesRequest(body: unknown): MessagesRequest {
  const fields = Fields.of(body);
  const model = fields.needText('model');
  const maxTokens = fields.need('max_tokens', fields.integer('max_tokens', { min: 1 }));
  const input = decodeInput(fields, maxTokens);
  const format = decodeFormat(fields);
  const temperature = fields.number('temperature', { min: 0, max: 1 });
  const topP = fields.number('top_p', { min: 0, max: 1 });
  const topK = fields.integer('top_k', { min: 1 });
  const stop = decodeStop(fields);
  const isStream = fields.flag('stream') ?? false;
  decodeMetadata(fields.object('metadata'));
  fields.choice('service_tier', ['auto', 'standard_only']);
  fields.choice('speed', ['standard']);
  fields.end();
  const sampling = withoutUndefined({ temperature, topP, topK });
  return { model, isStream, call: withoutUndefined({ input, maxTokens, sampling, stop, format }) };
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeCountTokensRequest(body: unknown): CountTokensRequest {
  const fields = Fields.of(body);
  const model = fields.needText('model');
  const input = decodeInput(fields, Number.POSITIVE_INFINITY);
  decodeFormat(fields);
  fields.choice('speed', ['standard']);
  fields.end();
  return { model, input };
}

function decodeInput(fields: Fields, maxTokens: number): ChatInput {
  fields.ignore('cache_control');
  const messages = [...decodeSystem(fields), ...decodeMessages(fields)];
  const tools = decodeTools(fields);
  const choice = decodeToolChoice(fields, tools ?? []);
  const thinking = decodeThinking(fields.object('thinking'), maxTokens);
  const continueLast = messages.at(-1)?.role === 'assistant' ? true : undefined;
  return withoutUndefined({ kind: 'chat', messages, tools, ...choice, continueLast, thinking });
}

/** The budget is what the model may think within `max_tokens`; nothing holds it to less than those. */
function decodeThinking(fields: Fields | undefined, maxTokens: number): boolean | undefined {
  if (fields === undefined) return undefined;
  const type = fields.need('type', fields.choice('type', ['enabled', 'disabled', 'adaptive']));
  if (type === 'enabled') {
    const budget = fields.need('budget_tokens', fields.integer('budget_tokens', { min: 1 }));
    if (budget >= maxTokens)
      throw fields.invalid('budget_tokens', `must be less than max_tokens ${maxTokens}, got ${budget}`);
  }
  // Thoughts are given as they are, which `omitted` does not want.
  if (type !== 'disabled') fields.choice('display', ['summarized']);
  fields.end();
  return type === 'adaptive' ? undefined : type === 'enabled';
}

function decodeFormat(fields: Fields): AnswerFormat | undefined {
  const config = fields.object('output_config');
  const format = config?.object('format');
  config?.end();
  if (format === undefined) return undefined;
  format.need('type', format.choice('type', ['json_schema']));
  const schema = format.need('schema', format.record('schema'));
  format.end();
  return { kind: 'json-schema', schema };
}

function decodeStop(fields: Fields): readonly string[] {
  const texts = fields.list('stop_sequences', (item, path) => {
    if (typeof item === 'string' && item !== '') return item;
    throw fields.invalid(path, `expected a string that is not empty, got ${JSON.stringify(item)?.slice(0, 60)}`);
  });
  return texts ?? [];
}

function decodeMetadata(fields: Fields | undefined): void {
  fields?.text('user_id');
  fields?.end();
}
