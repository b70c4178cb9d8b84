// A conversation whose every text is what somebody outside wrote, ready to be set into a template: marks in the texts of
// special tokens, arguments of calls parsed.
import { AmaasError, type ChatInput, type ChatMessage, type ChatRole } from '@amaas/core';
import type { ShownTool } from './call-formats.ts';
import { chooseMark, type SpecialTexts, withoutMarks } from './special-texts.ts';

export interface GuardedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The same as JSON. */
  readonly text: string;
}

export interface GuardedMessage {
  readonly role: ChatRole;
  readonly content: string;
  readonly reasoning: string | null;
  readonly name: string | null;
  readonly calls: readonly GuardedCall[];
  readonly callId: string | null;
}

export interface GuardedConversation {
  readonly messages: readonly GuardedMessage[];
  readonly tools: readonly ShownTool[];
  /** Stands where the prompt has to be cut. */
  readonly mark: string;
  /** Of all texts together. */
  readonly characters: number;
}

type Guard = (text: string, isPart?: boolean) => string;

/** As deep as JSON of people goes; the template's own limit is beyond. */
const MOST_DEPTH = 100;
/** What JSON and templates write around one text. */
const CHARACTERS_AROUND = 64;
const THOUGHT = /^\s*<think>([\s\S]*?)<\/think>\s*/;

/**
 * @param others - texts that the mark must not occur in either
 * @throws INVALID_ARGUMENT naming the message
 */
export function guardConversation(
  input: Pick<ChatInput, 'messages' | 'tools'>,
  specials: SpecialTexts,
  { others, marksThoughts }: { readonly others: readonly string[]; readonly marksThoughts: boolean },
): GuardedConversation {
  const { messages, tools = [] } = input;
  const texts: string[] = [];
  collectTexts([messages, tools], texts, 0);
  const chosen = chooseMark([...texts, ...others]);
  const mark = chosen ?? chooseMark(others) ?? '\u{FDD0}';
  const guard: Guard = (text, isPart) => specials.guard(chosen === null ? withoutMarks(text) : text, mark, isPart);
  const callNames = new Map(messages.flatMap((each) => (each.toolCalls ?? []).map(({ id, name }) => [id, name])));
  return {
    messages: messages.map((message, index) =>
      guardMessage(marksThoughts ? withThought(message) : message, { guard, index, callNames }),
    ),
    tools: tools.map(({ name, description, parameters }) => ({
      name: guard(name),
      ...(description === undefined ? {} : { description: guard(description) }),
      ...(parameters === undefined ? {} : { parameters: guardValue(parameters, guard) }),
    })),
    mark,
    characters: texts.reduce((sum, text) => sum + text.length + CHARACTERS_AROUND, 0),
  };
}

function guardMessage(
  message: ChatMessage,
  at: {
    readonly guard: Guard;
    readonly index: number;
    /** Of tools, by the ids of their calls. */
    readonly callNames: ReadonlyMap<string, string>;
  },
): GuardedMessage {
  const { guard, index, callNames } = at;
  const { role, content, reasoning, name, toolCalls = [], toolCallId } = message;
  const named = name ?? (role === 'tool' ? callNames.get(toolCallId ?? '') : undefined);
  return {
    role,
    content: guard(content),
    reasoning: reasoning === undefined ? null : guard(reasoning),
    name: named === undefined ? null : guard(named),
    callId: toolCallId === undefined ? null : guard(toolCallId),
    calls: toolCalls.map((call) => {
      const values = guardValue(parseArguments(call.arguments, `messages[${index}], call of "${call.name}"`), guard);
      return { id: guard(call.id), name: guard(call.name), arguments: values, text: JSON.stringify(values) };
    }),
  };
}

/** Clients that keep an answer as one text send its thought back inside. */
function withThought(message: ChatMessage): ChatMessage {
  const match = message.role === 'assistant' && message.reasoning === undefined ? THOUGHT.exec(message.content) : null;
  if (match === null) return message;
  return { ...message, reasoning: (match[1] ?? '').trim(), content: message.content.slice(match[0].length) };
}

function parseArguments(text: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>; // an object of JSON
  }
  throw invalid(`${where}: arguments must be the JSON text of an object`);
}

function guardValue<Value>(value: Value, guard: Guard): Value {
  const visit = (each: unknown, depth: number): unknown => {
    if (depth > MOST_DEPTH) throw tooDeep();
    if (typeof each === 'string') return guard(each, false);
    if (Array.isArray(each)) return each.map((inner) => visit(inner, depth + 1));
    if (typeof each !== 'object' || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [guard(key, false), visit(inner, depth + 1)]));
  };
  return visit(value, 0) as Value; // the same shape, texts marked
}

function collectTexts(value: unknown, texts: string[], depth: number): void {
  if (depth > MOST_DEPTH) throw tooDeep();
  if (typeof value === 'string') texts.push(value);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) texts.push(key);
      collectTexts(inner, texts, depth + 1);
    }
  }
}

function tooDeep(): AmaasError {
  return invalid(`messages or tools are nested more than ${MOST_DEPTH} deep`);
}

function invalid(problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `generate: ${problem}`, { details: { field: 'messages' } });
}
