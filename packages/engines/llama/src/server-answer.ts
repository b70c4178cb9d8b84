// One answer of llama-server as events of ours: what is asked of it, and what its chunks mean. Stop texts are looked for here:
// the server keeps back the tokens' probabilities together with text that may be the beginning of one.
// Source: llama.cpp, tools/server/README.md, POST /completion.
import type { GeneratedToken, GenerationEnd, GenerationEvent, GenerationRequest, TokenProbability } from '@amaas/core';
import { AnswerText } from './answer-text.ts';
import { listIn, numberIn, textIn, valueIn } from './server-json.ts';

export interface CompletionDecisions {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly seed: number;
  /** Places of the adapters on the server's command line, by name. */
  readonly adapters: ReadonlyMap<string, number>;
}

/** All settings are said: what is left out the server would choose. */
export function completionBody(
  { sampling = {}, grammar, logProbabilities, adapter }: GenerationRequest,
  { prompt, maxTokens, seed, adapters }: CompletionDecisions,
): Readonly<Record<string, unknown>> {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repeatPenalty = 1, penaltyTokens = 64 } = sampling;
  return {
    ...{ prompt, n_predict: maxTokens, seed, stream: true, cache_prompt: true, id_slot: -1 },
    ...{ return_progress: true, return_tokens: true },
    ...{ temperature, top_k: topK, top_p: topP, min_p: minP, repeat_penalty: repeatPenalty },
    samplers: ['penalties', 'top_k', 'top_p', 'min_p', 'temperature'],
    repeat_last_n: penaltyTokens,
    presence_penalty: sampling.presencePenalty ?? 0,
    frequency_penalty: sampling.frequencyPenalty ?? 0,
    logit_bias: [...(sampling.logitBias ?? [])].map(([token, bias]) => [
      token,
      bias === Number.NEGATIVE_INFINITY ? false : bias,
    ]),
    n_probs: logProbabilities === undefined ? 0 : Math.max(1, logProbabilities.top),
    ...(grammar === undefined ? {} : { grammar }),
    ...(adapters.size === 0
      ? {}
      : { lora: [...adapters].map(([name, id]) => ({ id, scale: Number(name === adapter) })) }),
  };
}

export interface AnswerParts {
  readonly promptTokens: number;
  readonly seed: number;
  readonly stop: readonly string[];
  /** Of the likeliest tokens; null: log-probabilities are not wanted. */
  readonly top: number | null;
  /** Whether the space before the first word is none of the answer's. */
  readonly beginsText: boolean;
  readonly arrivedMs: number;
  nowMs(): number;
}

export class ServerAnswer {
  readonly #parts: AnswerParts;
  /** Texts of chunks, by their number: to what finds stop texts they are the tokens. */
  readonly #pieces: string[] = [];
  readonly #text: AnswerText;
  #held: GeneratedToken | null = null;
  #startedMs: number | null = null;
  #firstTokenMs: number | null = null;
  #cachedTokens = 0;
  #completionTokens = 0;
  #isFirst = true;
  #isOver = false;
  #isComplete = false;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    const detokenize = (ids: readonly number[]): string => ids.map((id) => this.#pieces[id] ?? '').join('');
    this.#text = new AnswerText({ detokenize, before: null, stop: parts.stop });
  }

  /** Nothing more is wanted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nothing more will come. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  read(chunk: unknown): readonly GenerationEvent[] {
    const events: GenerationEvent[] = [];
    const progress = valueIn(chunk, 'prompt_progress');
    if (progress !== undefined) this.#cachedTokens = numberIn(progress, 'cache');
    if (this.#startedMs === null) {
      this.#startedMs = this.#parts.nowMs();
      const { promptTokens } = this.#parts;
      events.push({ type: 'started', promptTokens, cachedTokens: this.#cachedTokens });
    }
    if (this.#isOver || (progress !== undefined && listIn(chunk, 'tokens').length === 0)) return events;
    this.#isComplete = valueIn(chunk, 'stop') === true;
    if (this.#isComplete) events.push(...this.#end(chunk));
    else events.push(...this.#take(chunk));
    return events;
  }

  #take(chunk: unknown): readonly GenerationEvent[] {
    this.#firstTokenMs ??= this.#parts.nowMs();
    this.#completionTokens = numberIn(chunk, 'tokens_predicted');
    const raw = textIn(chunk, 'content');
    const content = this.#isFirst && this.#parts.beginsText ? raw.replace(/^ /, '') : raw;
    this.#isFirst &&= raw === '';
    const said = this.#said(chunk);
    const parts = [];
    // A token without text may be the one that ends the answer, of which nothing is said.
    if (this.#held !== null) parts.push(this.#push('', this.#held));
    this.#held = content === '' ? said : null;
    if (content !== '') parts.push(this.#push(content, said));
    const events: GenerationEvent[] = [];
    for (const part of parts) {
      if (part.text !== '' || part.tokens.length > 0) {
        events.push({ type: 'text', text: part.text, tokens: part.tokens });
      }
      if (part.stopText === null) continue;
      this.#isOver = true;
      return [...events, this.#ended('stop', part.stopText)];
    }
    return events;
  }

  #push(content: string, said: GeneratedToken | null) {
    this.#pieces.push(content);
    return this.#text.push(this.#pieces.length - 1, said);
  }

  #end(chunk: unknown): readonly GenerationEvent[] {
    this.#cachedTokens = numberIn(chunk, 'timings', 'cache_n');
    this.#completionTokens = numberIn(chunk, 'tokens_predicted');
    this.#isOver = true;
    const { text: rest, tokens, stopText } = this.#text.finish();
    const said: readonly GenerationEvent[] =
      rest === '' && tokens.length === 0 ? [] : [{ type: 'text', text: rest, tokens }];
    const isStop = stopText !== null || valueIn(chunk, 'stop_type') !== 'limit';
    return [...said, this.#ended(isStop ? 'stop' : 'length', stopText)];
  }

  #ended(reason: GenerationEnd['reason'], stopText: string | null): GenerationEnd {
    const { promptTokens, seed, arrivedMs, nowMs } = this.#parts;
    const endMs = nowMs();
    const startedMs = this.#startedMs ?? endMs;
    const firstMs = this.#firstTokenMs ?? endMs;
    return {
      ...{ type: 'ended', reason, stopText, seed },
      usage: {
        ...{ promptTokens, cachedTokens: this.#cachedTokens, completionTokens: this.#completionTokens },
        queueMs: startedMs - arrivedMs,
        promptMs: firstMs - startedMs,
        generationMs: endMs - firstMs,
      },
    };
  }

  #said(chunk: unknown): GeneratedToken | null {
    const { top } = this.#parts;
    const [entry] = listIn(chunk, 'completion_probabilities');
    if (top === null || entry === undefined) return null;
    const likeliest = listIn(entry, 'top_logprobs').slice(0, top).map(probability);
    return { ...probability(entry), top: likeliest };
  }
}

function probability(entry: unknown): TokenProbability {
  return { token: numberIn(entry, 'id'), text: textIn(entry, 'token'), logProbability: numberIn(entry, 'logprob') };
}
