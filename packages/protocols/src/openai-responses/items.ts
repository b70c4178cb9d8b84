// Items of a conversation as OpenAI's Responses have them, and the messages they are.
import type { ChatMessage, ToolCall } from '@amaas/core';
import { Fields, unsupported, withoutUndefined } from '../fields/index.ts';

/** Makes ids by their prefix: `msg_…`. */
export type ItemIds = (prefix: string) => string;

/** An item as it is stored and listed: what the caller sent, with an id and a type. */
export type InputItem = Readonly<Record<string, unknown>>;

/**
 * The items of a request's `input`; a text is one message of the user.
 * @throws INVALID_ARGUMENT naming the item
 */
export function itemsOfInput(input: unknown, ids: ItemIds): readonly InputItem[] {
  if (typeof input === 'string') {
    return [{ id: ids('msg_'), type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }];
  }
  const items = Fields.of({ input }).list('input', (item, path) => {
    const fields = Fields.of(item, path);
    const type = fields.text('type') ?? 'message';
    return { ...fieldsOf(item), type, id: fields.text('id') ?? ids(PREFIXES.get(type) ?? 'item_') };
  });
  return items ?? [];
}

const PREFIXES: ReadonlyMap<string, string> = new Map([
  ['message', 'msg_'],
  ['function_call', 'fc_'],
  ['function_call_output', 'fco_'],
  ['reasoning', 'rs_'],
]);

function fieldsOf(item: unknown): Readonly<Record<string, unknown>> {
  return Fields.of({ item }).record('item') ?? {};
}

/**
 * The messages that items are: calls and thoughts join the assistant's message they belong to.
 * @throws INVALID_ARGUMENT, UNSUPPORTED_FEATURE naming the item and the field
 */
export function messagesOfItems(items: readonly InputItem[], path = 'input'): readonly ChatMessage[] {
  const messages: ChatMessage[] = [];
  let reasoning = '';
  const names = new Map<string, string>();
  const assistant = (part: { readonly content?: string; readonly call?: ToolCall }): void => {
    const last = messages.at(-1);
    const joins = last?.role === 'assistant' && part.call !== undefined;
    const base: ChatMessage = joins ? last : { role: 'assistant', content: '' };
    const toolCalls = [...(base.toolCalls ?? []), ...(part.call === undefined ? [] : [part.call])];
    const message: ChatMessage = {
      ...base,
      content: base.content + (part.content ?? ''),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...(reasoning === '' ? {} : { reasoning }),
    };
    reasoning = '';
    if (joins) messages[messages.length - 1] = message;
    else messages.push(message);
  };
  for (const [index, item] of items.entries()) {
    const fields = Fields.of(item, `${path}[${index}]`);
    fields.ignore('id', 'status');
    const type = fields.text('type') ?? 'message';
    switch (type) {
      case 'message': {
        const role = fields.need('role', fields.choice('role', ['user', 'assistant', 'system', 'developer']));
        const content = contentText(fields, 'content');
        fields.ignore('phase');
        if (role === 'assistant') assistant({ content });
        else messages.push({ role: role === 'developer' ? 'system' : role, content });
        break;
      }
      case 'function_call': {
        const id = fields.needText('call_id');
        const name = fields.needText('name');
        names.set(id, name);
        assistant({ call: { id, name, arguments: fields.needText('arguments') } });
        break;
      }
      case 'function_call_output': {
        const toolCallId = fields.needText('call_id');
        const content = contentText(fields, 'output');
        messages.push(withoutUndefined({ role: 'tool', content, toolCallId, name: names.get(toolCallId) }));
        break;
      }
      case 'reasoning': {
        fields.ignore('summary', 'encrypted_content');
        const texts = fields.list('content', (part, at) => Fields.of(part, at).text('text') ?? '') ?? [];
        reasoning += texts.join('');
        break;
      }
      default:
        throw unsupported(
          fields.pathOf('type'),
          `items of type ${JSON.stringify(type)} are not supported; expected message, function_call, function_call_output or reasoning`,
        );
    }
    fields.end();
  }
  return messages;
}

const TEXT_PARTS: ReadonlySet<string> = new Set(['input_text', 'output_text', 'text']);

/** A text, or parts of it. */
function contentText(fields: Fields, name: string): string {
  const value = fields.any(name);
  if (typeof value === 'string') return value;
  const parts = fields.list(name, (part, path) => {
    const inside = Fields.of(part, path);
    const type = inside.needText('type');
    if (!TEXT_PARTS.has(type)) {
      throw unsupported(path, `parts of type ${JSON.stringify(type)} are not supported, text alone`);
    }
    return inside.needText('text');
  });
  return fields.need(name, parts).join('');
}
