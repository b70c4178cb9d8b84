// The messages of a chat, in OpenAI's form. Echoes of replies, as clients send them back, are taken as they are.
import type { ChatMessage, ToolCall } from '@amaas/core';
import { Fields, parseJsonObject, withoutUndefined } from '../fields/index.ts';

/** What replies and SDKs put into messages that changes nothing when it comes back. */
const ECHOED = ['annotations', 'parsed', 'cache_control'] as const;

/** @throws INVALID_ARGUMENT naming the field */
export function readMessages(fields: Fields): readonly ChatMessage[] {
  const messages = fields.need('messages', fields.list('messages', readMessage));
  if (messages.length === 0) throw fields.invalid('messages', 'expected at least one message');
  return messages;
}

function readMessage(value: unknown, path: string): ChatMessage {
  const fields = Fields.of(value, path);
  fields.ignore(...ECHOED);
  const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;
  const role = fields.need('role', fields.choice('role', roles));
  const name = fields.text('name');
  const content = readContent(fields);
  const message = withoutUndefined({ name, content: content ?? '' });
  switch (role) {
    case 'assistant': {
      const said = readAssistant(fields, content);
      fields.end();
      return { ...message, ...said };
    }
    case 'tool':
    case 'function': {
      const toolCallId = fields.text('tool_call_id');
      if (role === 'tool') fields.need('tool_call_id', toolCallId);
      fields.need('content', content);
      fields.end();
      return withoutUndefined({ ...message, role: 'tool', toolCallId });
    }
    case 'system':
    case 'developer':
    case 'user':
      fields.need('content', content);
      fields.end();
      return { ...message, role: role === 'user' ? 'user' : 'system' };
    default:
      return role satisfies never;
  }
}

function readAssistant(
  fields: Fields,
  content: string | undefined,
): Pick<ChatMessage, 'role' | 'content' | 'reasoning' | 'toolCalls'> {
  const refusal = fields.text('refusal');
  const reasoningContent = fields.text('reasoning_content');
  const reasoning = fields.text('reasoning') ?? reasoningContent;
  const toolCalls = fields.list('tool_calls', readToolCall) ?? readFunctionCall(fields);
  const text = content ?? refusal;
  if (text === undefined && reasoning === undefined && (toolCalls ?? []).length === 0) {
    throw fields.invalid('content', 'is needed where no tools are called');
  }
  return withoutUndefined({ role: 'assistant', content: text ?? '', reasoning, toolCalls });
}

/** A text, or the texts of its parts, each on lines of its own. */
function readContent(fields: Fields): string | undefined {
  const value = fields.any('content');
  if (value === undefined || typeof value === 'string') return value;
  return fields.list('content', readPart)?.join('\n');
}

/** Kinds of content that no model here can look at or listen to. */
const NOT_TEXT = ['image_url', 'input_image', 'input_audio', 'file', 'input_file', 'video_url', 'audio_url'];

function readPart(value: unknown, path: string): string {
  const part = Fields.of(value, path);
  const type = part.any('type');
  if (typeof type === 'string' && NOT_TEXT.includes(type)) {
    throw part.invalid('type', `"${type}" is not supported: the models here read text only`);
  }
  const name = part.need('type', part.choice('type', ['text', 'refusal']));
  part.ignore('cache_control', 'annotations');
  const text = part.need(name, part.text(name));
  part.end();
  return text;
}

function readToolCall(value: unknown, path: string): ToolCall {
  const call = Fields.of(value, path);
  call.choice('type', ['function']);
  call.ignore('index');
  const id = call.needText('id');
  const called = call.need('function', call.object('function'));
  call.end();
  return { id, ...readCalled(called) };
}

/** How calls were said before there were tools. */
function readFunctionCall(fields: Fields): readonly ToolCall[] | undefined {
  const called = fields.object('function_call');
  return called === undefined ? undefined : [{ id: 'call_function', ...readCalled(called) }];
}

function readCalled(called: Fields): Pick<ToolCall, 'name' | 'arguments'> {
  called.ignore('parsed_arguments');
  const name = called.needText('name');
  const text = called.text('arguments') ?? '';
  called.end();
  if (text.trim() === '') return { name, arguments: '{}' };
  if (parseJsonObject(text) === null) throw called.invalid('arguments', 'expected the JSON text of an object');
  return { name, arguments: text };
}
