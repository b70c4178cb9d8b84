// A whole answer as Anthropic's message, and the parts that its streams have in common with it.
import type { AnswerEnd, AnswerUsage, ToolCall } from '@amaas/core';
import type { WholeAnswer } from '../answers/index.ts';

/** What a message says of itself. */
export interface MessageIdentity {
  /** `msg_…`. */
  readonly id: string;
  readonly model: string;
  /** Those of the request: only they are reported as what ended the message. */
  readonly stopSequences: readonly string[];
}

export function encodeMessage(answer: Omit<WholeAnswer, 'tokens'>, identity: MessageIdentity): object {
  const { reasoning, text, toolCalls, end } = answer;
  const content = [
    ...(reasoning === '' ? [] : [thinkingBlock(reasoning)]),
    ...(text === '' ? [] : [textBlock(text)]),
    ...toolCalls.map((call) => toolUseBlock(call, inputOf(call.arguments))),
  ];
  return { ...frame(identity), content, ...stopOf(end, identity), usage: { ...usageOf(end.usage), ...TIER } };
}

/** The message without what is only known at its end. */
export function frame({ id, model }: MessageIdentity): object {
  return { id, type: 'message', role: 'assistant', model, container: null, diagnostics: null };
}

/** There is nothing to sign: thoughts are taken back as they come. */
const NO_SIGNATURE = '';

export function thinkingBlock(thinking: string): object {
  return { type: 'thinking', thinking, signature: NO_SIGNATURE };
}

export function textBlock(text: string): object {
  return { type: 'text', text, citations: null };
}

export function toolUseBlock({ id, name }: Pick<ToolCall, 'id' | 'name'>, input: object): object {
  return { type: 'tool_use', id, name, input, caller: { type: 'direct' } };
}

/** Arguments that `max_tokens` cut off are no JSON; `stop_reason` says so. */
function inputOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** `stop_reason` and what belongs to it. */
export function stopOf({ reason, stopText }: AnswerEnd, { stopSequences }: MessageIdentity): object {
  const sequence = stopText !== null && stopSequences.includes(stopText) ? stopText : null;
  return { stop_reason: stopReason(reason, sequence), stop_sequence: sequence, stop_details: null };
}

function stopReason(reason: AnswerEnd['reason'], sequence: string | null): string {
  switch (reason) {
    case 'length':
      return 'max_tokens';
    case 'tool-calls':
      return 'tool_use';
    case 'stop':
      return sequence === null ? 'end_turn' : 'stop_sequence';
    default:
      return reason satisfies never;
  }
}

/** What of the prompt was there already counts apart. */
export function usageOf(
  usage: Pick<AnswerUsage, 'promptTokens' | 'cachedTokens' | 'completionTokens' | 'reasoningTokens'>,
): object {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    server_tool_use: null,
  };
}

/** Of whole messages only. */
export const TIER = { cache_creation: null, inference_geo: null, service_tier: 'standard', speed: null };
