// How models write conversations: their chat templates, read once per version.
import { AmaasError, type ChatInput, type LanguageCall, type PromptInput, type PromptPiece } from '@amaas/core';
import { Template } from '@huggingface/jinja';
import type {
  AnswerPart,
  AnswerReader,
  ConversationFormat,
  ConversationFormatProvider,
  ConversationSubject,
  PreparedPrompt,
} from '../dataplane/index.ts';

export class ConversationFormats implements ConversationFormatProvider {
  async open(subject: ConversationSubject): Promise<ConversationFormat> {
    const source = subject.chatTemplate ?? subject.file.chatTemplate;
    return new TemplateFormat(subject, source === null ? null : parse(subject.label, source));
  }
}

function parse(label: string, source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AmaasError('INVALID_CONFIG', `chat template of "${label}": ${why}`, { cause });
  }
}

class TemplateFormat implements ConversationFormat {
  readonly #subject: ConversationSubject;
  readonly #template: Template | null;

  constructor(subject: ConversationSubject, template: Template | null) {
    this.#subject = subject;
    this.#template = template;
  }

  get abilities() {
    return { chat: this.#template !== null, tools: false, thinking: false };
  }

  prepare(call: Pick<LanguageCall, 'input' | 'format'>): PreparedPrompt {
    if (call.format !== undefined && call.format.kind !== 'text') {
      throw new AmaasError('UNSUPPORTED_FEATURE', 'generate: answers of a form are not supported');
    }
    return { prompt: this.render(call.input), grammar: null, stop: [], createReader: () => new PlainReader() };
  }

  render(input: ChatInput | PromptInput): readonly PromptPiece[] {
    if (input.kind === 'prompt') {
      return typeof input.prompt === 'string'
        ? [{ text: input.prompt, special: input.special ?? false }]
        : [{ tokens: input.prompt }];
    }
    if (this.#template === null) {
      throw new AmaasError('UNSUPPORTED_FEATURE', `generate: model "${this.#subject.label}" has no chat template`);
    }
    const { beginToken, endToken } = this.#subject.file;
    const text = this.#template.render({
      messages: input.messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: true,
      bos_token: beginToken ?? '',
      eos_token: endToken ?? '',
    });
    return [{ text, special: true }];
  }
}

class PlainReader implements AnswerReader {
  read({ text, tokens }: Parameters<AnswerReader['read']>[0]): readonly AnswerPart[] {
    return [{ type: 'text', text, tokens }];
  }

  finish(): readonly AnswerPart[] {
    return [];
  }
}
