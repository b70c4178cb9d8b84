// One line of a training file: a conversation in OpenAI's form, a prompt with its completion, or a text.
// Source: OpenAI's guide to supervised fine-tuning, "chat format" and `weight`.
import { AmaasError, type ChatMessage, type ToolDefinition } from '@amaas/core';
import { Fields } from '../fields/index.ts';
import { readMessages } from '../openai/messages.ts';
import { readTools } from '../openai/tools.ts';

export type TrainingExample =
  | {
      readonly kind: 'chat';
      readonly messages: readonly ChatMessage[];
      readonly tools: readonly ToolDefinition[];
      /** By message: whether it is learned; true for messages of the assistant only. */
      readonly learned: readonly boolean[];
    }
  /** The completion is learned, and that it ends. */
  | { readonly kind: 'completion'; readonly prompt: string; readonly completion: string }
  /** All of it is learned, and that it ends. */
  | { readonly kind: 'text'; readonly text: string };

/** @throws INVALID_ARGUMENT naming the field in `details.field`, '' for the line itself */
export function readTrainingExample(line: string): TrainingExample {
  const fields = Fields.of(parse(line));
  const form = (['messages', 'prompt', 'text'] as const).find((name) => fields.has(name));
  switch (form) {
    case 'messages':
      return readChat(fields);
    case 'prompt': {
      const prompt = fields.needText('prompt');
      const completion = fields.needText('completion');
      fields.end();
      if (completion === '') throw fields.invalid('completion', 'is empty: there is nothing to learn');
      return { kind: 'completion', prompt, completion };
    }
    case 'text': {
      const text = fields.needText('text');
      fields.end();
      if (text === '') throw fields.invalid('text', 'is empty: there is nothing to learn');
      return { kind: 'text', text };
    }
    case undefined:
      throw problem('expected an example with messages, with prompt and completion, or with text');
    default:
      return form satisfies never;
  }
}

function readChat(fields: Fields): TrainingExample {
  const weights: boolean[] = [];
  const messages = fields.list('messages', (item, path) => {
    const { weight, ...message } = weighed(item, path);
    weights.push(weight);
    return message;
  });
  const read = readMessages(Fields.of({ messages }));
  const { tools = [] } = readTools(fields);
  fields.end();
  const learned = read.map(({ role }, index) => role === 'assistant' && (weights[index] ?? true));
  if (!learned.includes(true)) {
    throw fields.invalid(
      'messages',
      'have no message of the assistant with a weight above 0: there is nothing to learn',
    );
  }
  return { kind: 'chat', messages: read, tools, learned };
}

/** A message as it came, without its weight. */
function weighed(item: unknown, path: string): { readonly weight: boolean } & Readonly<Record<string, unknown>> {
  const fields = Fields.of(item, path);
  const weight = fields.number('weight', { min: 0, max: 1, isInteger: true }) ?? null;
  if (weight !== null && fields.any('role') !== 'assistant') {
    throw fields.invalid('weight', 'is for messages of the assistant only');
  }
  const others = fields.names.filter((name) => name !== 'weight').map((name) => [name, fields.any(name)] as const);
  return { ...Object.fromEntries(others), weight: weight !== 0 };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    throw problem(`expected a line of JSON: ${why}`);
  }
}

function problem(message: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', message, { details: { field: '' } });
}
