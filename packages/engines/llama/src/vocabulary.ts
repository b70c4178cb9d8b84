// Text to tokens and back by the model's own vocabulary.
import type { PromptPiece } from '@amaas/core';
import type { BoundModel } from './binding.ts';

export class Vocabulary {
  readonly #model: BoundModel;

  constructor(model: BoundModel) {
    this.#model = model;
  }

  /** Tokens of a prompt, with the token that begins a text before them where the model wants one and the prompt has none. */
  promptTokens(pieces: readonly PromptPiece[]): Uint32Array {
    const model = this.#model;
    const tokens = this.tokensOf(pieces);
    if (!model.shouldPrependBosToken() || tokens[0] === model.tokenBos()) return Uint32Array.from(tokens);
    return Uint32Array.of(model.tokenBos(), ...tokens);
  }

  tokensOf(pieces: readonly PromptPiece[]): readonly number[] {
    return pieces.flatMap((piece) =>
      'tokens' in piece ? piece.tokens : [...this.#model.tokenize(piece.text, piece.special)],
    );
  }

  /** Special tokens have no text. */
  textOf(tokens: readonly number[]): string {
    return this.#model.detokenize(Uint32Array.from(tokens), false);
  }

  /** Of one token, special or not. */
  tokenText(token: number): string {
    return this.#model.detokenize(Uint32Array.of(token), true);
  }

  isEnd(token: number): boolean {
    return this.#model.isEogToken(token);
  }
}
