// A request for a response: what is asked of the model, and what is merely said again in the reply.
import type { AnswerFormat, LanguageCall, ToolChoice, ToolDefinition } from '@amaas/core';
import { Fields, unsupported, withoutUndefined } from '../fields/index.ts';

export interface ResponsesRequest {
  readonly model: string;
  /** A text, or items; see {@link itemsOfInput}. */
  readonly input: unknown;
  readonly instructions: string | null;
  readonly previousResponseId: string | null;
  /** Default true. */
  readonly store: boolean;
  readonly stream: boolean;
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  readonly thinking: boolean | null;
  /** All but the conversation. */
  readonly call: Omit<LanguageCall, 'input'>;
  /** Fields that the reply repeats as they came, or as they are by default. */
  readonly echo: Readonly<Record<string, unknown>>;
}

/** @throws INVALID_ARGUMENT, UNSUPPORTED_FEATURE naming the field */
export function decodeResponsesRequest(body: unknown): ResponsesRequest {
  const fields = Fields.of(body);
  fields.ignore('user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options');
  fields.ignore('service_tier', 'stream_options');
  if (fields.flag('background') === true) throw unsupported('background', 'answers are written while the caller waits');
  if (fields.choice('truncation', ['auto', 'disabled']) === 'auto') {
    throw unsupported('truncation', 'prompts are never cut; a longer one is refused with the numbers');
  }
  for (const part of fields.list('include', String) ?? []) {
    if (!INCLUDES.has(part)) throw unsupported('include', `${JSON.stringify(part)} is not there to be included`);
  }
  const tools = fields.list('tools', readTool) ?? [];
  const toolChoice = readToolChoice(fields) ?? 'auto';
  const text = fields.object('text');
  const format = text === undefined ? undefined : readFormat(text);
  const verbosity = text?.choice('verbosity', ['low', 'medium', 'high']);
  text?.end();
  const reasoning = fields.object('reasoning');
  const effort = reasoning?.text('effort');
  reasoning?.ignore('summary', 'generate_summary');
  reasoning?.end();
  const maxTokens = fields.integer('max_output_tokens', { min: 1 });
  const temperature = fields.number('temperature', { min: 0, max: 2 });
  const topP = fields.number('top_p', { min: 0, max: 1 });
  const topLogprobs = fields.integer('top_logprobs', { min: 0, max: 20 });
  const parallelToolCalls = fields.flag('parallel_tool_calls') ?? true;
  const metadata = fields.record('metadata') ?? {};
  const request: ResponsesRequest = {
    model: fields.needText('model'),
    input: fields.any('input') ?? [],
    instructions: fields.text('instructions') ?? null,
    previousResponseId: fields.text('previous_response_id') ?? null,
    store: fields.flag('store') ?? true,
    stream: fields.flag('stream') ?? false,
    tools,
    toolChoice,
    parallelToolCalls,
    thinking: effort === undefined ? null : effort !== 'none',
    call: withoutUndefined({
      sampling: withoutUndefined({ temperature, topP }),
      format: format?.kind === 'text' ? undefined : format,
      maxTokens,
      logProbabilities: topLogprobs === undefined || topLogprobs === 0 ? undefined : { top: topLogprobs },
    }),
    echo: {
      instructions: fields.any('instructions') ?? null,
      max_output_tokens: maxTokens ?? null,
      metadata,
      parallel_tool_calls: parallelToolCalls,
      previous_response_id: fields.any('previous_response_id') ?? null,
      reasoning: { effort: effort ?? null, summary: null },
      temperature: temperature ?? null,
      text: { format: fieldOf(fields.any('text'), 'format') ?? { type: 'text' }, verbosity: verbosity ?? 'medium' },
      tool_choice: fields.any('tool_choice') ?? 'auto',
      tools: fields.any('tools') ?? [],
      top_logprobs: topLogprobs ?? 0,
      top_p: topP ?? null,
      truncation: 'disabled',
      background: false,
      service_tier: 'default',
    },
  };
  fields.end();
  return request;
}

/** What may be asked for besides and is given, or is nothing here. */
const INCLUDES: ReadonlySet<string> = new Set(['message.output_text.logprobs', 'reasoning.encrypted_content']);

function readTool(tool: unknown, path: string): ToolDefinition {
  const fields = Fields.of(tool, path);
  const type = fields.needText('type');
  if (type !== 'function')
    throw unsupported(`${path}.type`, `tools of type ${JSON.stringify(type)} run at OpenAI; give functions`);
  const description = fields.text('description');
  const parameters = fields.record('parameters');
  const strict = fields.flag('strict');
  const name = fields.needText('name');
  fields.end();
  return withoutUndefined({ name, description, parameters, strict });
}

function readToolChoice(fields: Fields): ToolChoice | undefined {
  if (typeof fields.any('tool_choice') !== 'object') return fields.choice('tool_choice', ['auto', 'none', 'required']);
  const choice = fields.object('tool_choice');
  if (choice === undefined) return undefined;
  const type = choice.text('type');
  if (type !== 'function') throw unsupported('tool_choice.type', `expected "function", got ${JSON.stringify(type)}`);
  const name = choice.needText('name');
  choice.end();
  return { name };
}

function readFormat(text: Fields): AnswerFormat | undefined {
  const format = text.object('format');
  if (format === undefined) return undefined;
  const type = format.need('type', format.choice('type', ['text', 'json_object', 'json_schema']));
  format.ignore('name', 'strict', 'description');
  const schema = format.any('schema');
  format.end();
  if (type === 'text') return { kind: 'text' };
  return type === 'json_object' ? { kind: 'json-object' } : { kind: 'json-schema', schema: schema ?? {} };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
}
