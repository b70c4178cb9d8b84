// `system` and `messages` as a conversation. Neighbours of one role become one message, as Anthropic has it and as most chat
// templates need it; results of tools become messages of their own, in their order.
import type { ChatMessage, ToolCall } from '@amaas/core';
import { Fields } from '../fields/index.ts';

/** The system prompt, first of the conversation. @throws INVALID_ARGUMENT naming the field */
export function decodeSystem(fields: Fields): readonly ChatMessage[] {
  const content = fields.has('system') ? decodeTexts(fields, 'system') : '';
  return content === '' ? [] : [{ role: 'system', content }];
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeMessages(fields: Fields): readonly ChatMessage[] {
  const toolNames = new Map<string, string>();
  const decoded = fields.need(
    'messages',
    fields.list('messages', (item, path) => decodeMessage(Fields.of(item, path), toolNames)),
  );
  const messages: ChatMessage[] = [];
  for (const message of decoded.flat()) {
    const last = messages.at(-1);
    if (last !== undefined && last.role === message.role && message.role !== 'tool') {
      messages[messages.length - 1] = joined(last, message);
    } else messages.push(message);
  }
  const last = messages.at(-1);
  if (last === undefined) throw fields.invalid('messages', 'at least one message is needed');
  if (last.toolCalls !== undefined) {
    throw fields.invalid('messages', 'the last one ends with tool_use, which only a tool_result can follow');
  }
  return messages;
}

function decodeMessage(fields: Fields, toolNames: Map<string, string>): readonly ChatMessage[] {
  const role = fields.need('role', fields.choice('role', ['user', 'assistant', 'system']));
  const messages = decodeContent(fields, { role, toolNames });
  fields.end();
  return messages;
}

interface Speaker {
  readonly role: 'user' | 'assistant' | 'system';
  /** Of the calls so far, by their id. */
  readonly toolNames: Map<string, string>;
}

function decodeContent(fields: Fields, { role, toolNames }: Speaker): readonly ChatMessage[] {
  switch (role) {
    case 'system':
      return [{ role, content: decodeTexts(fields, 'content') }];
    case 'user':
      return decodeUser(fields, toolNames);
    case 'assistant':
      return [decodeAssistant(fields, toolNames)];
    default:
      return role satisfies never;
  }
}

function decodeUser(fields: Fields, toolNames: ReadonlyMap<string, string>): readonly ChatMessage[] {
  const content = blocksOf(fields, 'content');
  if (typeof content === 'string') return [{ role: 'user', content }];
  const messages: ChatMessage[] = [];
  for (const block of content) {
    const type = typeOf(block, ['text', 'tool_result']);
    if (type === 'tool_result') {
      messages.push(decodeToolResult(block, toolNames));
      continue;
    }
    const message = { role: 'user', content: decodeText(block) } as const;
    const last = messages.at(-1);
    if (last?.role === 'user') messages[messages.length - 1] = joined(last, message);
    else messages.push(message);
  }
  if (messages.length === 0) throw fields.invalid('content', 'at least one block is needed');
  return messages;
}

function decodeAssistant(fields: Fields, toolNames: Map<string, string>): ChatMessage {
  const blocks = blocksOf(fields, 'content');
  if (typeof blocks === 'string') return { role: 'assistant', content: blocks };
  let content = '';
  let reasoning = '';
  const toolCalls: ToolCall[] = [];
  for (const block of blocks) {
    const type = typeOf(block, ['text', 'thinking', 'tool_use']);
    if (type === 'text') content += decodeText(block);
    else if (type === 'thinking') reasoning += decodeThought(block);
    else {
      const call = decodeToolUse(block);
      toolCalls.push(call);
      toolNames.set(call.id, call.name);
    }
  }
  return {
    role: 'assistant',
    content,
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function decodeThought(block: Fields): string {
  block.text('signature'); // ours say nothing, and those of others cannot be checked
  const thought = block.needText('thinking');
  block.end();
  return thought;
}

function decodeToolUse(block: Fields): ToolCall {
  const id = block.needText('id');
  const name = block.needText('name');
  const input = block.need('input', block.record('input'));
  const caller = block.object('caller');
  caller?.choice('type', ['direct']);
  caller?.end();
  block.ignore('cache_control');
  block.end();
  return { id, name, arguments: JSON.stringify(input) };
}

/** No template has a word for a result that is an error, so the text says it. */
const ERROR_MARK = 'Error: ';

function decodeToolResult(block: Fields, toolNames: ReadonlyMap<string, string>): ChatMessage {
  const id = block.needText('tool_use_id');
  const name = toolNames.get(id);
  if (name === undefined)
    throw block.invalid('tool_use_id', `no tool_use before it has the id ${JSON.stringify(id.slice(0, 60))}`);
  const text = block.has('content') ? decodeTexts(block, 'content') : '';
  const isError = block.flag('is_error') ?? false;
  block.ignore('cache_control');
  block.end();
  return { role: 'tool', content: isError ? `${ERROR_MARK}${text}` : text, toolCallId: id, name };
}

/** A string, or blocks of text with a line break between them. */
function decodeTexts(fields: Fields, name: string): string {
  const blocks = blocksOf(fields, name);
  if (typeof blocks === 'string') return blocks;
  return blocks
    .map((block) => {
      typeOf(block, ['text']);
      return decodeText(block);
    })
    .join('\n');
}

function decodeText(block: Fields): string {
  const text = block.needText('text');
  const citations = block.list('citations', (item) => item) ?? [];
  if (citations.length > 0) throw block.invalid('citations', 'are not supported');
  block.ignore('cache_control');
  block.end();
  return text;
}

function blocksOf(fields: Fields, name: string): string | readonly Fields[] {
  const value = fields.any(name);
  if (typeof value === 'string') return value;
  return fields.need(
    name,
    fields.list(name, (item, path) => Fields.of(item, path)),
  );
}

/** @throws INVALID_ARGUMENT naming the type where it cannot stand there */
function typeOf<const Type extends string>(block: Fields, types: readonly Type[]): Type {
  const text = block.needText('type');
  const found = types.find((type) => type === text);
  if (found !== undefined) return found;
  const taken = types.map((type) => `"${type}"`).join(', ');
  throw block.invalid('type', `blocks of type ${JSON.stringify(text.slice(0, 60))} are not supported, only ${taken}`);
}

/** What an assistant wrote in pieces is one text; what others say in pieces stands on lines of its own. */
function joined(first: ChatMessage, second: ChatMessage): ChatMessage {
  if (first.role !== 'assistant') return { ...first, content: `${first.content}\n${second.content}` };
  const reasoning = `${first.reasoning ?? ''}${second.reasoning ?? ''}`;
  const toolCalls = [...(first.toolCalls ?? []), ...(second.toolCalls ?? [])];
  return {
    role: 'assistant',
    content: `${first.content}${second.content}`,
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}
