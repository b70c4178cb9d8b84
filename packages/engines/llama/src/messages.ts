// What the engine and the child process of a model say to each other: structured-clonable values.
import type {
  GenerationEvent,
  GenerationRequest,
  LanguageModelFacts,
  PromptPiece,
  SerializedError,
  ThreadChoice,
} from '@amaas/core';

/** How a child loads its model. */
export interface LoadTask {
  readonly label: string;
  readonly modelPath: string;
  readonly adapters: ReadonlyMap<string, string>;
  readonly contextTokens: number | null;
  readonly parallel: number | null;
  readonly threads: number | ThreadChoice | null;
  readonly maxMemoryBytes: number;
  /** Path of llama-server, where that is to run the model; null: llama.cpp inside the child. */
  readonly serverPath: string | null;
}

export type ToChild =
  | { readonly type: 'load'; readonly task: LoadTask }
  | { readonly type: 'generate'; readonly id: number; readonly request: GenerationRequest }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'embed'; readonly id: number; readonly texts: readonly (readonly PromptPiece[])[] }
  | { readonly type: 'rank'; readonly id: number; readonly query: string; readonly texts: readonly string[] }
  | {
      readonly type: 'score';
      readonly id: number;
      readonly prompt: readonly PromptPiece[];
      readonly text: readonly PromptPiece[];
    }
  | { readonly type: 'tokenize'; readonly id: number; readonly pieces: readonly PromptPiece[] }
  | { readonly type: 'detokenize'; readonly id: number; readonly tokens: readonly number[] }
  /** Whether it may take what it claimed; null: yes. */
  | { readonly type: 'claimed'; readonly id: number; readonly error: SerializedError | null };

export type FromChild =
  /** `helperPid`: a process of the child's that holds the model; null: the child does. */
  | { readonly type: 'loaded'; readonly facts: LanguageModelFacts; readonly helperPid: number | null }
  | { readonly type: 'load-failed'; readonly error: SerializedError }
  /** All that one step brought. */
  | { readonly type: 'events'; readonly events: readonly RequestEvent[] }
  | { readonly type: 'failed'; readonly id: number; readonly error: SerializedError }
  | { readonly type: 'answer'; readonly id: number; readonly value: Answer }
  /** It waits for so many bytes beyond its plan; `id` counts claims, not requests. */
  | { readonly type: 'claim'; readonly id: number; readonly operation: string; readonly bytes: number }
  | { readonly type: 'give-back'; readonly bytes: number };

export type Answer = readonly number[] | string | PooledTexts;

/** What a model made of texts: vectors, or one number each. */
export interface PooledTexts {
  /** One text's after the other's. */
  readonly values: Float32Array;
  readonly promptTokens: number;
}

export interface RequestEvent {
  readonly id: number;
  readonly event: GenerationEvent;
}
