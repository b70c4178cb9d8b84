// One request in the child: its tokens, what of them is computed, how the next one is drawn, and the text so far.
import { AmaasError, type GeneratedToken, type GenerationEnd, type GenerationRequest } from '@amaas/core';
import type { BoundContext, BoundModel, BoundSampler, LlamaBinding } from './binding.ts';
import { AnswerText } from './answer-text.ts';
import { answerTokens, checkRequest } from './generation-limits.ts';
import { observe } from './log-probability.ts';
import { checkSampling, drawSeed, samplerSettings } from './sampling.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface WritingParts {
  readonly binding: LlamaBinding;
  readonly model: BoundModel;
  readonly vocabulary: Vocabulary;
  readonly vocabularySize: number;
  readonly contextTokens: number;
}

export interface DrawnToken {
  readonly id: number;
  readonly said: GeneratedToken | null;
}

export class Writing {
  readonly id: number;
  readonly prompt: Uint32Array;
  readonly seed: number;
  readonly maxTokens: number;
  /** Tokens drawn so far. */
  written = 0;
  cachedTokens = 0;
  readonly arrivedMs: number;
  startedMs = 0;
  /** When the first token was drawn; 0: not yet. */
  firstTokenMs = 0;
  readonly text: AnswerText;
  readonly #parts: WritingParts;
  readonly #sampler: BoundSampler;
  /** Draws nothing: it tells what the model itself thinks. Null: nobody asks. */
  readonly #observer: BoundSampler | null;
  readonly #top: number;

  /** @throws INVALID_ARGUMENT, CONTEXT_OVERFLOW with numbers */
  constructor(id: number, request: GenerationRequest, parts: WritingParts) {
    const { binding, model, vocabulary, vocabularySize, contextTokens } = parts;
    const { sampling = {}, stop = [], logProbabilities } = request;
    checkSampling(sampling, vocabularySize);
    checkRequest(request);
    this.id = id;
    this.#parts = parts;
    this.arrivedMs = performance.now();
    this.prompt = vocabulary.promptTokens(request.prompt);
    this.maxTokens = answerTokens(this.prompt.length, request.maxTokens, contextTokens);
    this.seed = sampling.seed ?? drawSeed();
    const grammar = request.grammar === undefined ? null : readGrammar(request.grammar, parts);
    this.#sampler = new binding.AddonSampler(model);
    this.#sampler.applyConfig(samplerSettings({ ...sampling, seed: this.seed }, this.prompt, grammar));
    this.#observer = logProbabilities === undefined ? null : new binding.AddonSampler(model);
    this.#observer?.applyConfig({ temperature: 0, seed: 0 });
    this.#top = logProbabilities?.top ?? 0;
    this.text = new AnswerText({
      detokenize: (tokens) => vocabulary.textOf(tokens),
      before: this.prompt.at(-1) ?? null,
      stop,
    });
  }

  /** Draws the next token from the logits at a place of the batch; null when none is possible. */
  async draw(context: BoundContext, place: number): Promise<DrawnToken | null> {
    const id = await context.sampleToken(place, this.#sampler);
    if (id < 0) return null;
    this.written++;
    if (this.firstTokenMs === 0) this.firstTokenMs = performance.now();
    return { id, said: this.#observer === null ? null : await this.#observe(context, place, id, this.#observer) };
  }

  end(reason: GenerationEnd['reason'], stopText: string | null): GenerationEnd {
    const nowMs = performance.now();
    const firstMs = this.firstTokenMs === 0 ? nowMs : this.firstTokenMs;
    return {
      type: 'ended',
      reason,
      stopText,
      seed: this.seed,
      usage: {
        promptTokens: this.prompt.length,
        cachedTokens: this.cachedTokens,
        completionTokens: this.written,
        queueMs: this.startedMs - this.arrivedMs,
        promptMs: firstMs - this.startedMs,
        generationMs: nowMs - firstMs,
      },
    };
  }

  dispose(): void {
    this.#sampler.dispose();
    this.#observer?.dispose();
  }

  async #observe(context: BoundContext, place: number, id: number, observer: BoundSampler): Promise<GeneratedToken> {
    const { own, top } = await observe(context, place, { token: id, observer, most: this.#top });
    const { vocabulary } = this.#parts;
    return {
      token: id,
      text: vocabulary.tokenText(id),
      logProbability: own,
      top: top.map(([token, logProbability]) => ({ token, text: vocabulary.tokenText(token), logProbability })),
    };
  }
}

function readGrammar(text: string, { binding, model }: WritingParts) {
  try {
    const grammar = new binding.AddonGrammar(text, { addonExports: binding });
    return new binding.AddonGrammarEvaluationState(model, grammar);
  } catch (cause) {
    throw new AmaasError('INVALID_ARGUMENT', 'generate: the grammar cannot be read as GBNF', { cause });
  }
}
