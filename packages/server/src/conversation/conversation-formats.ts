// How models write conversations: their chat templates, read once per version and tried out, and what follows from them for
// prompts, grammars and the reading of answers.
import { randomBytes } from 'node:crypto';
import { AmaasError, type ChatInput, type LanguageCall, type PromptInput, type PromptPiece } from '@amaas/core';
import type {
  ConversationFormat,
  ConversationFormatProvider,
  ConversationSubject,
  PreparedPrompt,
} from '../dataplane/index.ts';
import { answerGrammar } from './answer-grammar.ts';
import { ConversationReader } from './answer-reader.ts';
import { gapPrompt } from './gap-filling.ts';
import { SpecialTexts } from './special-texts.ts';
import { choiceOf } from './tool-choice.ts';
import { WrittenTemplate } from './written-template.ts';

export interface ConversationFormatOptions {
  /** Names a call of a tool; default `call_` and 24 random hexadecimal digits. */
  readonly newCallId?: () => string;
  /** Wall time, for templates that tell the model what day it is; default the system's. */
  readonly now?: () => Date;
}

/** Templates of requests, the last ones used: trying one out takes some twenty renderings. */
const MOST_TEMPLATES = 8;
const CALL_ID_BYTES = 12;
/** Texts of the token for what a vocabulary does not know: files mark it as neither control nor user-defined, and it is read all the same. */
const UNKNOWN = ['<unk>', '[UNK]'];

export class ConversationFormats implements ConversationFormatProvider {
  readonly #options: Required<ConversationFormatOptions>;

  constructor({ newCallId, now }: ConversationFormatOptions = {}) {
    this.#options = {
      newCallId: newCallId ?? (() => `call_${randomBytes(CALL_ID_BYTES).toString('hex')}`),
      now: now ?? (() => new Date()),
    };
  }

  async open(subject: ConversationSubject): Promise<ConversationFormat> {
    return new TemplateFormat(subject, this.#options);
  }
}

class TemplateFormat implements ConversationFormat {
  readonly #subject: ConversationSubject;
  readonly #options: Required<ConversationFormatOptions>;
  readonly #specials: SpecialTexts;
  readonly #template: WrittenTemplate | null;
  readonly #asked = new Map<string, WrittenTemplate>();

  /** @throws INVALID_CONFIG naming the line of the template and what is wrong */
  constructor(subject: ConversationSubject, options: Required<ConversationFormatOptions>) {
    this.#subject = subject;
    this.#options = options;
    this.#specials = new SpecialTexts([...subject.file.specialTokens, ...UNKNOWN]);
    const source = subject.chatTemplate ?? subject.file.chatTemplate;
    const isOwn = subject.chatTemplate === null;
    this.#template = source === null ? null : this.#open(source, { reason: 'INVALID_CONFIG', isOwn });
  }

  get abilities(): ConversationFormat['abilities'] {
    const traits = this.#template?.traits;
    return {
      chat: this.#template?.writesQuestions ?? false,
      tools: traits !== undefined && traits.tools !== null,
      thinking: traits?.marksThoughts ?? false,
    };
  }

  prepare({ input, format = { kind: 'text' } }: Pick<LanguageCall, 'input' | 'format'>): PreparedPrompt {
    const { newCallId } = this.#options;
    if (input.kind === 'prompt') {
      return {
        prompt: this.render(input),
        grammar: answerGrammar({ format, calls: null, opensThought: false }),
        stop: [],
        createReader: () => new ConversationReader({ thought: 'none', calls: null, newCallId }),
      };
    }
    const template = this.#templateOf(input);
    const { traits } = template;
    const calls = choiceOf(input, template.callFormat, this.#subject.file.specialTokens);
    const { pieces, opensThought } = this.#write(input, template);
    const possible = traits.marksThoughts && input.continueLast !== true ? 'possible' : 'none';
    const read = calls === null ? null : { ...calls, names: new Set(calls.tools.map(({ name }) => name)) };
    return {
      prompt: pieces,
      grammar: answerGrammar({ format, calls, opensThought }),
      stop: traits.turnEnd === null ? [] : [traits.turnEnd],
      createReader: () => new ConversationReader({ thought: opensThought ? 'open' : possible, calls: read, newCallId }),
    };
  }

  render(input: ChatInput | PromptInput): readonly PromptPiece[] {
    if (input.kind === 'chat') return this.#write(input, this.#templateOf(input)).pieces;
    const { prompt, suffix, special = false } = input;
    const before: readonly PromptPiece[] =
      typeof prompt === 'string' ? [{ text: prompt, special }] : [{ tokens: prompt }];
    if (suffix === undefined) return before;
    const after = [{ text: suffix, special }];
    const pieces = gapPrompt({ before, after }, this.#subject.file.specialTokens);
    if (pieces !== null) return pieces;
    const message = `generate: suffix: model "${this.#subject.label}" has no tokens for filling in what stands between two texts`;
    throw new AmaasError('UNSUPPORTED_FEATURE', message);
  }

  #write(input: ChatInput, template: WrittenTemplate) {
    const { beginToken, endToken } = this.#subject.file;
    return template.write(input, { specials: this.#specials, beginToken, endToken, now: this.#options.now() });
  }

  #templateOf({ template }: ChatInput): WrittenTemplate {
    if (template !== undefined) {
      const known = this.#asked.get(template) ?? this.#open(template, { reason: 'INVALID_ARGUMENT', isOwn: false });
      this.#asked.delete(template);
      this.#asked.set(template, known);
      for (const oldest of this.#asked.keys()) {
        if (this.#asked.size > MOST_TEMPLATES) this.#asked.delete(oldest);
      }
      return known;
    }
    if (this.#template !== null) return this.#template;
    const message = `generate: model "${this.#subject.label}" has no chat template; give it one in its manifest, language.chatTemplate names a Jinja file beside the model`;
    throw new AmaasError('UNSUPPORTED_FEATURE', message);
  }

  #open(
    source: string,
    how: { readonly reason: 'INVALID_CONFIG' | 'INVALID_ARGUMENT'; readonly isOwn: boolean },
  ): WrittenTemplate {
    const { label, file } = this.#subject;
    return new WrittenTemplate(source, { label, file, ...how, now: this.#options.now() });
  }
}
