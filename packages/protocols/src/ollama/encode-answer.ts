// Answers of /api/chat and /api/generate, whole and line by line. Times and what the model is called are given.
import type { AnswerEnd, AnswerEvent, GeneratedToken, TokenProbability, ToolCall } from '@amaas/core';
import type { WholeAnswer } from '../answers/index.ts';
import { parseJsonObject } from '../fields/index.ts';

/** In which of the two forms: a message, or a text. */
export type OllamaAnswerForm = 'chat' | 'generate';

export interface OllamaAnswerHead {
  /** As the caller wrote it. */
  readonly model: string;
  readonly form: OllamaAnswerForm;
}

/** What of an answer one line carries. */
interface Piece {
  readonly text?: string;
  readonly thinking?: string;
  readonly toolCalls?: readonly object[];
  readonly tokens?: readonly GeneratedToken[];
}

const NS_PER_MS = 1_000_000;

/** Writes the lines of a stream. */
export class OllamaAnswerStream {
  readonly #head: OllamaAnswerHead;
  #call: { readonly index: number; readonly id: string; readonly name: string; arguments: string } | null = null;

  constructor(head: OllamaAnswerHead) {
    this.#head = head;
  }

  /**
   * The lines an event becomes: none, one or two. Calls of tools come whole.
   * @param now - when the line is written, and for how long the request has been at work
   */
  write(event: AnswerEvent, now: { readonly at: Date; readonly elapsedMs: number }): readonly object[] {
    switch (event.type) {
      case 'started':
        return [];
      case 'text':
        return [this.#line(now.at, event)];
      case 'reasoning':
        return [this.#line(now.at, { thinking: event.text })];
      case 'tool-call': {
        const lines = this.#callLines(now.at);
        this.#call = { index: event.index, id: event.id, name: event.name, arguments: '' };
        return lines;
      }
      case 'tool-arguments':
        if (this.#call !== null) this.#call.arguments += event.text;
        return [];
      case 'ended':
        return [...this.#callLines(now.at), { ...this.#line(now.at, {}), ...endFields(event, now.elapsedMs) }];
      default:
        return event satisfies never;
    }
  }

  #callLines(at: Date): readonly object[] {
    const call = this.#call === null ? null : encodeCall(this.#call, this.#call.index);
    this.#call = null;
    return call === null ? [] : [this.#line(at, { toolCalls: [call] })];
  }

  #line(at: Date, piece: Piece): object {
    return {
      model: this.#head.model,
      created_at: at.toISOString(),
      ...pieceFields(this.#head.form, piece),
      done: false,
    };
  }
}

/** A whole answer. */
export function encodeAnswer(
  { model, form }: OllamaAnswerHead,
  answer: WholeAnswer,
  now: { readonly at: Date; readonly elapsedMs: number },
): object {
  const toolCalls = answer.toolCalls.flatMap((call, index) => encodeCall(call, index) ?? []);
  const piece = {
    text: answer.text,
    tokens: answer.tokens,
    ...(answer.reasoning === '' ? {} : { thinking: answer.reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
  return {
    model,
    created_at: now.at.toISOString(),
    ...pieceFields(form, piece),
    ...endFields(answer.end, now.elapsedMs),
  };
}

/** What answers a request that asked for nothing but that the model comes or goes. */
export function encodeNoAnswer({ model, form }: OllamaAnswerHead, reason: 'load' | 'unload', at: Date): object {
  return { model, created_at: at.toISOString(), ...pieceFields(form, {}), done: true, done_reason: reason };
}

/** Vectors of texts; the older form has one and nothing else. */
export function encodeEmbeddings(
  model: string,
  vectors: readonly Float32Array[],
  measured: { readonly elapsedMs: number; readonly loadMs: number; readonly promptTokens: number },
): object {
  return {
    model,
    embeddings: vectors.map((vector) => [...vector]),
    total_duration: nanoseconds(measured.elapsedMs),
    load_duration: nanoseconds(measured.loadMs),
    prompt_eval_count: measured.promptTokens,
  };
}

function pieceFields(form: OllamaAnswerForm, { text = '', thinking, toolCalls, tokens = [] }: Piece): object {
  const inner = {
    ...(thinking === undefined ? {} : { thinking }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls }),
  };
  return {
    ...(form === 'chat' ? { message: { role: 'assistant', content: text, ...inner } } : { response: text, ...inner }),
    ...(tokens.length === 0 ? {} : { logprobs: tokens.map(encodeToken) }),
  };
}

function endFields({ reason, usage }: AnswerEnd, elapsedMs: number): object {
  return {
    done: true,
    done_reason: reason === 'length' ? 'length' : 'stop', // a call of a tool is an end like any other
    total_duration: nanoseconds(elapsedMs),
    load_duration: nanoseconds(usage.loadMs),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(usage.promptMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(usage.generationMs),
  };
}

/** null where the answer ended before the arguments did: `done_reason` tells. */
function encodeCall({ id, name, arguments: text }: ToolCall, index: number): object | null {
  const value = parseJsonObject(text === '' ? '{}' : text);
  return value === null ? null : { id, function: { index, name, arguments: value } };
}

function encodeToken(token: GeneratedToken): object {
  return { ...encodeProbability(token), top_logprobs: token.top.map(encodeProbability) };
}

function encodeProbability({ text, logProbability }: TokenProbability): object {
  return { token: text, logprob: logProbability, bytes: [...new TextEncoder().encode(text)] };
}

function nanoseconds(durationMs: number): number {
  return Math.max(0, Math.round(durationMs * NS_PER_MS));
}
