// The body of POST /api/chat. Source: Ollama's API documentation, "Generate a chat completion".
import type { ChatInput, ChatMessage, LanguageCall, ToolCall, ToolDefinition } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';
import { type OllamaAnswerSettings, readAnswerSettings, refuseImages } from './settings.ts';

export interface OllamaChat extends OllamaAnswerSettings {
  /** null: nothing is to be answered; the model is brought into memory, or leaves it. */
  readonly input: ChatInput | null;
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeChat(body: unknown): OllamaChat {
  const fields = Fields.of(body);
  const settings = readAnswerSettings(fields);
  const reader = new MessageReader();
  const messages = fields.list('messages', (message, path) => reader.read(Fields.of(message, path))) ?? [];
  const tools = fields.list('tools', (tool, path) => readTool(Fields.of(tool, path))) ?? [];
  fields.end();
  const input: ChatInput = withoutUndefined({
    kind: 'chat',
    messages,
    tools: tools.length === 0 ? undefined : tools,
    continueLast: messages.at(-1)?.role === 'assistant' ? true : undefined,
    thinking: settings.thinking,
  });
  return { ...settings, input: messages.length === 0 ? null : input };
}

/** The call a chat or a prompt makes. */
export function callOf(settings: OllamaAnswerSettings, input: LanguageCall['input']): LanguageCall {
  return { ...settings.call, input };
}

/** Reads messages in their order: answers of tools say by name, or not at all, which call they answer. */
class MessageReader {
  readonly #open: ToolCall[] = [];
  #calls = 0;

  read(fields: Fields): ChatMessage {
    const role = fields.need('role', fields.choice('role', ['system', 'user', 'assistant', 'tool']));
    const content = fields.text('content') ?? '';
    refuseImages(fields);
    const reasoning = fields.text('thinking') || undefined;
    const calls = fields.list('tool_calls', (call, path) => this.#readCall(Fields.of(call, path))) ?? [];
    if (role !== 'assistant') {
      if (calls.length > 0) throw fields.invalid('tool_calls', "belongs to the assistant's messages");
      if (reasoning !== undefined) throw fields.invalid('thinking', "belongs to the assistant's messages");
    }
    const toolName = fields.text('tool_name') || fields.text('name') || undefined;
    const toolCallId = fields.text('tool_call_id') || undefined;
    const answered = role === 'tool' ? this.#answered(toolName, toolCallId) : undefined;
    const name = toolName ?? answered?.name;
    const id = toolCallId ?? answered?.id;
    fields.end();
    return withoutUndefined({
      role,
      content,
      reasoning,
      toolCalls: calls.length === 0 ? undefined : calls,
      toolCallId: role === 'tool' ? id : undefined,
      name,
    });
  }

  #readCall(fields: Fields): ToolCall {
    const id = fields.text('id') || `call_${this.#calls}`;
    this.#calls++;
    fields.choice('type', ['function']);
    const called = fields.need('function', fields.object('function'));
    called.ignore('index'); // the place in the list, once more
    const name = called.needText('name');
    const call = { id, name, arguments: JSON.stringify(called.record('arguments') ?? {}) };
    called.end();
    fields.end();
    this.#open.push(call);
    return call;
  }

  /** The first call that nobody has answered yet, of that name where one is said. */
  #answered(name: string | undefined, id: string | undefined): ToolCall | undefined {
    const at = this.#open.findIndex((call) =>
      id === undefined ? name === undefined || call.name === name : call.id === id,
    );
    return at === -1 ? undefined : this.#open.splice(at, 1)[0];
  }
}

function readTool(fields: Fields): ToolDefinition {
  fields.choice('type', ['function']);
  const tool = fields.need('function', fields.object('function'));
  const name = tool.needText('name');
  const description = tool.text('description');
  const parameters = tool.record('parameters');
  tool.choice('type', ['function', 'object']); // some clients write it here, too
  tool.end();
  fields.end();
  return withoutUndefined({ name, description, parameters });
}
