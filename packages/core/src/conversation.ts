// What applications ask of a language model and what they get back: conversations, tools, structured answers, and the one
// stream of events of which every protocol is an encoding. Knows no protocol, no chat template, no runtime.
import type { Cancellation } from './inference.ts';
import type { GeneratedToken, GenerationUsage, SamplingSettings } from './language-model.ts';

export type ChatRole = 'system' | 'user' | 'assistant' | 'tool';

export interface ChatMessage {
  readonly role: ChatRole;
  /** Plain text; '' where an assistant only called tools. */
  readonly content: string;
  /** What the assistant thought before it answered. */
  readonly reasoning?: string;
  /** Calls the assistant made. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a `tool` message: which call it answers. */
  readonly toolCallId?: string;
  /** Of a `tool` message the tool's name; else who speaks. */
  readonly name?: string;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, an object. */
  readonly arguments: string;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; left out: an object without any. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Whether the arguments must follow the schema even where the model chooses by itself to call. */
  readonly strict?: boolean;
}

/** `auto`: the model decides; `required`: at least one call; a name: a call of that tool. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** What the text of an answer must be. What cannot be held to is refused, never left unconstrained. */
export type AnswerFormat =
  | { readonly kind: 'text' }
  /** Any JSON object. */
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: unknown }
  /** A regular expression the whole answer matches. */
  | { readonly kind: 'expression'; readonly pattern: string }
  /** GBNF, beginning with `root`. */
  | { readonly kind: 'grammar'; readonly grammar: string };

/** A conversation to be answered. */
export interface ChatInput {
  readonly kind: 'chat';
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolDefinition[];
  /** Default `auto` with tools. */
  readonly toolChoice?: ToolChoice;
  /** Whether one answer may call several tools; default true. */
  readonly parallelToolCalls?: boolean;
  /** Whether the last message, the assistant's, is continued in place of beginning a new one; default false. */
  readonly continueLast?: boolean;
  /** Whether the model is to think first, where its template knows of that; default as the template says. */
  readonly thinking?: boolean;
  /** A Jinja chat template in place of the model's own. */
  readonly template?: string;
}

/** A text or tokens to be continued, with no template around. */
export interface PromptInput {
  readonly kind: 'prompt';
  readonly prompt: string | readonly number[];
  /** Whether names of special tokens in the text stand for those tokens; default false. */
  readonly special?: boolean;
  /** What follows the gap, for models that can fill one in. @throws UNSUPPORTED_FEATURE for others */
  readonly suffix?: string;
}

/** One request for text. */
export interface LanguageCall {
  readonly input: ChatInput | PromptInput;
  readonly format?: AnswerFormat;
  /** Default: the manifest's, else what the context has room for. */
  readonly maxTokens?: number;
  /** Fields left out come from the manifest; a temperature that neither names is 0.8. */
  readonly sampling?: SamplingSettings;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /** Whether to report the model's own log-probabilities, and of how many of the likeliest tokens besides. */
  readonly logProbabilities?: { readonly top: number };
  /** Name of one of the version's adapters. */
  readonly adapter?: string;
  /** How long the model stays in memory after this call, in milliseconds; Infinity: until it is pushed out. */
  readonly keepAliveMs?: number;
}

export interface CallOptions {
  readonly signal?: Cancellation;
}

export type AnswerEvent =
  /** First of all: the prompt is being computed; `cachedTokens` of it were there already. */
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number; readonly loadMs: number }
  /** What the model thinks, for models that mark it. */
  | { readonly type: 'reasoning'; readonly text: string; readonly tokens: readonly GeneratedToken[] }
  /** More of the answer, whole characters; `tokens` only where log-probabilities were asked for. */
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly GeneratedToken[] }
  /** A call begins; its arguments follow in pieces. `index` counts the calls of this answer from 0. */
  | { readonly type: 'tool-call'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'tool-arguments'; readonly index: number; readonly text: string }
  | AnswerEnd;

/** Last of all. */
export interface AnswerEnd {
  readonly type: 'ended';
  /** `stop`: the model ended, or a stop text came; `length`: no room, or maxTokens; `tool-calls`: it waits for tools. */
  readonly reason: 'stop' | 'length' | 'tool-calls';
  readonly stopText: string | null;
  readonly usage: AnswerUsage;
  /** The seed that was used. */
  readonly seed: number;
}

export interface AnswerUsage extends GenerationUsage {
  /** Of the completion's, those that were thought. */
  readonly reasoningTokens: number;
  /** Bringing the model into memory; 0 where it was there. */
  readonly loadMs: number;
}
