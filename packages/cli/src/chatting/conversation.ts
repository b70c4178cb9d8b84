// A conversation as it goes on: what was said, and the one answer that is being written. Knows no terminal.
import { type AmaasClient, AmaasError, type ChatMessage, type ChatOptions } from '@amaas/client';

/** What an answer took. */
export interface AnswerFacts {
  /** `stop`, `length`, `stopped` by the user. */
  readonly reason: string;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  /** Until the first piece came; null: none did. */
  readonly firstMs: number | null;
  /** From the first piece to the last. */
  readonly writingMs: number;
}

export interface Answer extends AnswerFacts {
  readonly text: string;
  readonly thinking: string;
}

export type AnswerPiece = { readonly kind: 'text' | 'thinking'; readonly text: string };

export interface ConversationParts {
  readonly client: Pick<AmaasClient, 'chat'>;
  readonly model: string;
  readonly system: string | undefined;
  readonly settings: Pick<ChatOptions, 'temperature' | 'maxTokens' | 'seed'>;
  /** Milliseconds on a monotonic clock. */
  readonly nowMs: () => number;
}

export class Conversation {
  model: string;
  system: string | undefined;
  readonly #parts: ConversationParts;
  #said: ChatMessage[] = [];

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.model = parts.model;
    this.system = parts.system;
  }

  /** All of it, the system message first. */
  get messages(): readonly ChatMessage[] {
    return this.system === undefined ? this.#said : [{ role: 'system', content: this.system }, ...this.#said];
  }

  /** Of an answer, where the user has said it. */
  get mostTokens(): number | undefined {
    return this.#parts.settings.maxTokens;
  }

  clear(): void {
    this.#said = [];
  }

  /**
   * Says something and hands on the answer as it comes. What has come until `signal` fires is part of the conversation; a
   * question that gets no answer is not.
   * @throws as the client's `chat`, but not CANCELLED
   */
  async ask(text: string, onPiece: (piece: AnswerPiece) => void, signal: AbortSignal): Promise<Answer> {
    const { client, settings, nowMs } = this.#parts;
    const question: ChatMessage = { role: 'user', content: text };
    const written = { text: '', thinking: '' };
    const askedMs = nowMs();
    let firstMs: number | null = null;
    let lastMs = askedMs;
    let end: Pick<AnswerFacts, 'reason' | 'promptTokens' | 'completionTokens'> | null = null;
    try {
      for await (const event of client.chat(this.model, [...this.messages, question], { ...settings, signal })) {
        if (event.type === 'end') {
          end = event;
          continue;
        }
        lastMs = nowMs();
        firstMs ??= lastMs;
        written[event.type] += event.text;
        onPiece({ kind: event.type, text: event.text });
      }
    } catch (thrown) {
      if (!(thrown instanceof AmaasError && thrown.reason === 'CANCELLED' && signal.aborted)) throw thrown;
    }
    if (written.text !== '') this.#said.push(question, { role: 'assistant', content: written.text });
    const { reason, promptTokens, completionTokens } = end ?? STOPPED;
    return {
      ...written,
      reason,
      promptTokens,
      completionTokens,
      firstMs: firstMs === null ? null : firstMs - askedMs,
      writingMs: lastMs - (firstMs ?? lastMs),
    };
  }
}

const STOPPED = { reason: 'stopped', promptTokens: null, completionTokens: null } as const;
