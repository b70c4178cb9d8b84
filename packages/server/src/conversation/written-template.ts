// A chat template with what has been found out about it, and a conversation written by it as the pieces of a prompt.
import { AmaasError, type ChatInput, type LanguageModelFile, type PromptPiece } from '@amaas/core';
import { THOUGHT_CLOSING, THOUGHT_OPENING } from './answer-reader.ts';
import { type CallFormat, TAGGED } from './call-formats.ts';
import { ChatTemplate } from './chat-template.ts';
import { guardConversation } from './guarded-conversation.ts';
import { endMark, type SpecialTexts, splitAtMarks, textBeforeEnd } from './special-texts.ts';
import { TemplateFailure } from './template-failure.ts';
import { probeTemplate, type TemplateTraits } from './template-traits.ts';
import { templateVariables } from './template-variables.ts';
import { showsTools } from './tool-choice.ts';

export interface WrittenPrompt {
  readonly pieces: readonly PromptPiece[];
  /** Whether it ends inside a thought. */
  readonly opensThought: boolean;
}

export interface WriteOptions {
  readonly specials: SpecialTexts;
  readonly beginToken: string | null;
  readonly endToken: string | null;
  readonly now: Date;
}

const OPENS_THOUGHT = new RegExp(`${THOUGHT_OPENING}\\s*$`);
/** Names and small texts of the conversations that are tried out. */
const PROBE_CHARACTERS = 1000;
/** There are up to twenty of them, and a template that fills the whole measure in each would take seconds. */
const PROBE_UNITS = 100_000;

const PLAIN: TemplateTraits = {
  takesSystem: true,
  contents: 'text',
  tools: null,
  marksThoughts: false,
  turnEnd: null,
};

export class WrittenTemplate {
  readonly traits: TemplateTraits;
  /** Whether it can write a plain question; some of models that do other work cannot. */
  readonly writesQuestions: boolean;
  readonly #template: ChatTemplate;

  /** @throws `reason` naming the line and what is wrong */
  constructor(
    source: string,
    subject: {
      readonly label: string;
      readonly file: Pick<LanguageModelFile, 'beginToken' | 'endToken' | 'specialTokens'>;
      readonly reason: 'INVALID_CONFIG' | 'INVALID_ARGUMENT';
      /** Whether it is the model file's own: those that write no plain question keep nobody from the model's other work. */
      readonly isOwn: boolean;
      readonly now: Date;
    },
  ) {
    const { label, file, reason, isOwn, now } = subject;
    const refuse = (why: string): AmaasError => new AmaasError(reason, `chat template of "${label}": ${why}`);
    try {
      this.#template = new ChatTemplate(source);
    } catch (thrown) {
      throw thrown instanceof TemplateFailure ? refuse(thrown.message) : thrown;
    }
    let words = 'what it writes does not contain what was asked';
    const attempt = (variables: Readonly<Record<string, unknown>>): string | null => {
      try {
        const tokens = { bos_token: file.beginToken ?? '', eos_token: file.endToken ?? '' };
        return this.#template.render(
          { ...tokens, ...variables },
          { inputCharacters: PROBE_CHARACTERS, baseUnits: PROBE_UNITS, now },
        );
      } catch (thrown) {
        if (!(thrown instanceof TemplateFailure)) throw thrown;
        words = thrown.message;
        return null;
      }
    };
    const specialTexts = [...file.specialTokens, ...(file.endToken === null ? [] : [file.endToken])];
    const traits = probeTemplate(attempt, { source, specialTexts });
    if (traits === null && !isOwn) throw refuse(`it cannot write a plain question: ${words}`);
    this.traits = traits ?? PLAIN;
    this.writesQuestions = traits !== null;
  }

  /** How calls are written: as the template has it, else as the model is told. */
  get callFormat(): CallFormat {
    return this.traits.tools?.format ?? TAGGED;
  }

  /** @throws INVALID_ARGUMENT with the template's words */
  write(input: ChatInput, { specials, beginToken, endToken, now }: WriteOptions): WrittenPrompt {
    const { messages, continueLast = false, thinking } = input;
    const { source } = this.#template;
    const { marksThoughts } = this.traits;
    checkMessages(messages, continueLast);
    const conversation = guardConversation(input, specials, { others: [source], marksThoughts });
    const { mark } = conversation;
    const shown = continueLast
      ? { ...conversation, messages: endedBy(endMark(mark), conversation.messages) }
      : conversation;
    const variables = templateVariables(shown, this.traits, {
      showsTools: showsTools(input),
      thinking: thinking ?? null,
      beginToken,
      endToken,
      continues: continueLast,
    });
    let text: string;
    try {
      text = this.#template.render(variables, { inputCharacters: conversation.characters, now });
    } catch (thrown) {
      if (!(thrown instanceof TemplateFailure)) throw thrown;
      throw invalid('messages', `the chat template refuses the conversation: ${thrown.message}`);
    }
    if (continueLast) {
      const before = textBeforeEnd(text, mark);
      if (before === null) {
        throw invalid('continueLast', 'the chat template does not write the message to be continued');
      }
      text = before;
    }
    let opensThought = !continueLast && OPENS_THOUGHT.test(text);
    if (opensThought && thinking === false) {
      // A template that begins every answer with a thought knows no other way to have none.
      text = `${text.trimEnd()}\n\n${THOUGHT_CLOSING}\n\n`;
      opensThought = false;
    }
    return { pieces: splitAtMarks(text, mark), opensThought };
  }
}

function checkMessages(messages: ChatInput['messages'], continueLast: boolean): void {
  const last = messages.at(-1);
  if (last === undefined) throw invalid('messages', 'messages must hold at least one');
  if (!continueLast) return;
  if (last.role !== 'assistant' || (last.toolCalls?.length ?? 0) > 0) {
    throw invalid('continueLast', 'only a last message of the assistant that calls no tools can be continued');
  }
}

function invalid(field: 'messages' | 'continueLast', problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `generate: ${problem}`, { details: { field } });
}

function endedBy<Message extends { readonly content: string }>(
  end: string,
  messages: readonly Message[],
): readonly Message[] {
  return messages.map((message, index) =>
    index === messages.length - 1 ? { ...message, content: message.content + end } : message,
  );
}
