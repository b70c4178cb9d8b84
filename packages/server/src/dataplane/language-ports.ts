// What serving language models needs from its surroundings, as narrow interfaces; the composition root supplies them.
import type {
  AnswerEvent,
  ChatInput,
  GenerationEvent,
  LanguageCall,
  LanguageManifest,
  LanguageModelFile,
  LanguageModelSource,
  PromptInput,
  PromptPiece,
  ThreadChoice,
} from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';

/** What a format of conversations is made of. */
export interface ConversationSubject {
  /** Name and version for messages, `chat@3`. */
  readonly label: string;
  readonly file: LanguageModelFile;
  readonly manifest: LanguageManifest;
  /** Contents of the manifest's template file; null: the model's own. */
  readonly chatTemplate: string | null;
}

/** How one model's conversations are written as prompts, and its texts read as answers. */
export interface ConversationFormat {
  /** Whether the template marks thoughts, knows of tools; for those who list models. */
  readonly abilities: { readonly chat: boolean; readonly tools: boolean; readonly thinking: boolean };
  /** @throws INVALID_ARGUMENT, UNSUPPORTED_FEATURE naming the field and why it cannot be done */
  prepare(call: Pick<LanguageCall, 'input' | 'format'>): PreparedPrompt;
  /** The prompt alone, for counting. @throws as {@link ConversationFormat.prepare} */
  render(input: ChatInput | PromptInput): readonly PromptPiece[];
}

export interface PreparedPrompt {
  readonly prompt: readonly PromptPiece[];
  /** GBNF the answer must follow; null: none. */
  readonly grammar: string | null;
  /** Texts that end the answer besides those of the request. */
  readonly stop: readonly string[];
  /** Reads the text of one answer as it comes. */
  createReader(): AnswerReader;
}

/** What of an answer is text, what thought, what a call. */
export type AnswerPart = Extract<AnswerEvent, { type: 'text' | 'reasoning' | 'tool-call' | 'tool-arguments' }>;

export interface AnswerReader {
  read(event: Extract<GenerationEvent, { type: 'text' }>): readonly AnswerPart[];
  /** What was held back. */
  finish(): readonly AnswerPart[];
}

/** Opens the format of one model. */
export interface ConversationFormatProvider {
  /** @throws INVALID_MODEL, INVALID_CONFIG for a template that cannot be read, naming where */
  open(subject: ConversationSubject): Promise<ConversationFormat>;
}

/** What quarantine found out about a language model. */
export interface LanguageEvidence {
  readonly file: LanguageModelFile;
  /** Measured on this machine; null where the manifest gives the number. */
  readonly threads: ThreadChoice | null;
  /** Resident bytes of its process after the first tokens. */
  readonly memoryBytes: number;
  readonly loadMs: number;
}

/** Supplies what loading a version of a language model takes. */
export interface LanguageProvider {
  /** @param directory - where the version's files lie */
  languageEvidenceFor(
    version: VersionRecord,
    source: LanguageModelSource,
    directory: string,
  ): Promise<LanguageEvidence>;
}
