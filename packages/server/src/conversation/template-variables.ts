// A conversation as the variables of a chat template, in the way that this template takes it.
import { callText, definitionOf, describeTools, resultText } from './call-formats.ts';
import type { GuardedCall, GuardedConversation, GuardedMessage } from './guarded-conversation.ts';
import { callId, type TemplateTraits } from './template-traits.ts';

export interface VariableOptions {
  /** Whether the tools are shown. */
  readonly showsTools: boolean;
  readonly thinking: boolean | null;
  readonly beginToken: string | null;
  readonly endToken: string | null;
  /** Whether the last message is continued in place of beginning one. */
  readonly continues: boolean;
}

export function templateVariables(
  conversation: GuardedConversation,
  traits: TemplateTraits,
  options: VariableOptions,
): Readonly<Record<string, unknown>> {
  const { showsTools, thinking, beginToken, endToken, continues } = options;
  const tools = showsTools ? conversation.tools : [];
  const isNative = traits.tools !== null;
  let messages = conversation.messages;
  if (!isNative) messages = withoutCalls(tools.length === 0 ? messages : told(messages, describeTools(tools)));
  if (!traits.takesSystem) messages = withoutSystem(messages);
  if (traits.tools?.takesManyCalls === false) messages = oneCallEach(messages);
  return {
    messages: new MessageWriter(messages, traits).write(),
    tools: isNative && tools.length > 0 ? tools.map(definitionOf) : null,
    documents: null,
    add_generation_prompt: !continues,
    continue_final_message: continues,
    bos_token: beginToken ?? '',
    eos_token: endToken ?? '',
    ...(thinking === null ? {} : { enable_thinking: thinking, thinking }),
  };
}

class MessageWriter {
  readonly #messages: readonly GuardedMessage[];
  readonly #traits: TemplateTraits;
  readonly #ids = new Map<string, string>();

  constructor(messages: readonly GuardedMessage[], traits: TemplateTraits) {
    this.#messages = messages;
    this.#traits = traits;
  }

  write(): readonly object[] {
    return this.#messages.map(({ role, content, reasoning, name, calls, callId: answers }) => ({
      role,
      content: this.#traits.contents === 'text' ? content : [{ type: 'text', text: content }],
      ...(name === null ? {} : { name }),
      ...(reasoning === null ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => this.#call(call)) }),
      ...(answers === null ? {} : { tool_call_id: this.#id(answers) }),
    }));
  }

  #call(call: GuardedCall): object {
    const isText = this.#traits.tools?.argumentsAs === 'text';
    return {
      id: this.#id(call.id),
      type: 'function',
      function: { name: call.name, arguments: isText ? call.text : call.arguments },
    };
  }

  #id(id: string): string {
    const known = this.#ids.get(id) ?? callId(this.#traits.tools?.callIds ?? 'any', id, this.#ids.size);
    this.#ids.set(id, known);
    return known;
  }
}

function plain(role: GuardedMessage['role'], content: string): GuardedMessage {
  return { role, content, reasoning: null, name: null, calls: [], callId: null };
}

/** The first system message says it, too; a new one where there is none. */
function told(messages: readonly GuardedMessage[], text: string): readonly GuardedMessage[] {
  const [first, ...others] = messages;
  if (first?.role !== 'system') return [plain('system', text), ...messages];
  return [{ ...first, content: joined(first.content, text) }, ...others];
}

/** Calls and results as the texts they are. */
function withoutCalls(messages: readonly GuardedMessage[]): readonly GuardedMessage[] {
  const written: GuardedMessage[] = [];
  let isAfterResult = false;
  for (const message of messages) {
    const last = written.at(-1);
    if (message.role === 'tool') {
      const text = resultText(message.content);
      if (isAfterResult && last !== undefined) {
        written[written.length - 1] = { ...last, content: `${last.content}\n${text}` };
      } else written.push(plain('user', text));
    } else if (message.calls.length === 0) written.push(message);
    else {
      const texts = message.calls.map(({ name, text }) => callText(name, text));
      const content = [...(message.content === '' ? [] : [message.content]), ...texts].join('\n');
      written.push({ ...message, content, calls: [] });
    }
    isAfterResult = message.role === 'tool';
  }
  return written;
}

/** What the system says, said at the beginning of what the user says next. */
function withoutSystem(messages: readonly GuardedMessage[]): readonly GuardedMessage[] {
  const written: GuardedMessage[] = [];
  let waiting = '';
  for (const message of messages) {
    if (message.role === 'system') waiting = joined(waiting, message.content);
    else if (waiting !== '' && message.role === 'user') {
      written.push({ ...message, content: joined(waiting, message.content) });
      waiting = '';
    } else {
      if (waiting !== '') written.push(plain('user', waiting));
      waiting = '';
      written.push(message);
    }
  }
  if (waiting !== '') written.push(plain('user', waiting));
  return written;
}

/** Each call in a message of its own, its result behind it. */
function oneCallEach(messages: readonly GuardedMessage[]): readonly GuardedMessage[] {
  const written: GuardedMessage[] = [];
  const waiting = [...messages];
  for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
    if (message.calls.length < 2) {
      written.push(message);
      continue;
    }
    for (const [index, call] of message.calls.entries()) {
      written.push({ ...message, ...(index === 0 ? {} : { content: '', reasoning: null }), calls: [call] });
      const result = waiting.findIndex(({ role, callId: answers }) => role === 'tool' && answers === call.id);
      if (result >= 0) written.push(...waiting.splice(result, 1));
    }
  }
  return written;
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('\n\n');
}
