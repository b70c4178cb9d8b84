// The body of POST /api/generate. Source: Ollama's API documentation, "Generate a completion".
import type { ChatInput, PromptInput } from '@amaas/core';
import { Fields, unsupported, withoutUndefined } from '../fields/index.ts';
import { type OllamaAnswerSettings, readAnswerSettings, refuseImages } from './settings.ts';

export interface OllamaGenerate extends OllamaAnswerSettings {
  /** What is to be answered; null: nothing, the model is brought into memory, or leaves it. */
  readonly prompt: OllamaPrompt | null;
}

export interface OllamaPrompt {
  readonly text: string;
  readonly system: string | undefined;
  /** Jinja. */
  readonly template: string | undefined;
  readonly suffix: string | undefined;
  /** Whether the text is the whole prompt, with no template around. */
  readonly isRaw: boolean;
}

/** Ollama's own templates are in Go's language, of which this is the mark. */
const GO_TEMPLATE = /\{\{-?\s*(\.[A-Z]|if |range |end\b)/;

/** @throws INVALID_ARGUMENT naming the field */
export function decodeGenerate(body: unknown): OllamaGenerate {
  const fields = Fields.of(body);
  const settings = readAnswerSettings(fields);
  refuseImages(fields);
  const text = fields.text('prompt') ?? '';
  const system = fields.text('system') || undefined;
  const template = fields.text('template') || undefined;
  const suffix = fields.text('suffix') || undefined;
  const isRaw = fields.flag('raw') ?? false;
  const context = fields.list('context', (token) => token) ?? [];
  if (context.length > 0) throw fields.invalid('context', 'is not supported: send the messages so far to /api/chat');
  fields.end();
  for (const [name, value] of Object.entries({ system, template })) {
    if (value === undefined) continue;
    if (isRaw) throw fields.invalid(name, 'has no meaning where raw is true');
    if (suffix !== undefined) throw fields.invalid(name, 'has no meaning where a suffix is given');
  }
  if (template !== undefined && GO_TEMPLATE.test(template)) {
    throw fields.invalid('template', "expected a Jinja template, got one in Go's language");
  }
  return { ...settings, prompt: text === '' ? null : { text, system, template, suffix, isRaw } };
}

/**
 * What a prompt asks of a model: one message of a user, where the model has a way of writing conversations, else a text.
 * @throws UNSUPPORTED_FEATURE for a system text that a model without one has no place for
 */
export function generateInput(
  prompt: OllamaPrompt,
  options: { readonly hasChatTemplate: boolean; readonly thinking: boolean | undefined },
): ChatInput | PromptInput {
  const { text, system, template, suffix, isRaw } = prompt;
  if (isRaw || suffix !== undefined) {
    // Raw is for those who write the template themselves, special tokens and all.
    return withoutUndefined({ kind: 'prompt', prompt: text, special: isRaw, suffix });
  }
  if (!options.hasChatTemplate && template === undefined) {
    if (system === undefined) return { kind: 'prompt', prompt: text };
    throw unsupported('system', 'the model has no chat template, which would place it');
  }
  const user = { role: 'user', content: text } as const;
  const messages = system === undefined ? [user] : [{ role: 'system', content: system } as const, user];
  return withoutUndefined({ kind: 'chat', messages, template, thinking: options.thinking });
}
