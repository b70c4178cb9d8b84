// Text to tokens and back by the model's own vocabulary.
import { AmaasError, type PromptPiece } from '@amaas/core';
import type { BoundModel } from './binding.ts';
import type { PoolingNature } from './pooling-nature.ts';
import { pieceText, type TokenPieces } from './token-pieces.ts';

type PairWriting = Pick<PoolingNature, 'pairTemplate' | 'addsSeparator'>;

export class Vocabulary {
  readonly #model: BoundModel;
  readonly #size: number;
  readonly #pieces: TokenPieces | null;

  /** @param pieces - what its tokens stand for; null: as llama.cpp says. @param size - tokens it has */
  constructor(model: BoundModel, pieces: TokenPieces | null, size: number) {
    this.#model = model;
    this.#pieces = pieces;
    this.#size = size;
  }

  /** Tokens of a prompt, with the token that begins a text before them where the model wants one and the prompt has none. */
  promptTokens(pieces: readonly PromptPiece[]): Uint32Array {
    const model = this.#model;
    const tokens = this.tokensOf(pieces);
    if (!model.shouldPrependBosToken() || tokens[0] === model.tokenBos()) return Uint32Array.from(tokens);
    return Uint32Array.of(model.tokenBos(), ...tokens);
  }

  /** Tokens of a text that is to become a vector: between those that begin and end a text, where the model wants them. */
  wholeText(pieces: readonly PromptPiece[], { addsSeparator }: PairWriting): Uint32Array {
    const model = this.#model;
    const tokens = this.promptTokens(pieces);
    const end = model.shouldAppendEosToken() ? model.tokenEos() : addsSeparator ? model.sepToken() : NONE;
    return end === NONE || tokens.at(-1) === end ? tokens : Uint32Array.of(...tokens, end);
  }

  /** Tokens of a query and the text to be judged by it. */
  pair(query: string, text: string, { pairTemplate, addsSeparator }: PairWriting): Uint32Array {
    if (pairTemplate !== null) return Uint32Array.from(this.tokensOf(fill(pairTemplate, query, text)));
    const model = this.#model;
    const separator = model.sepToken();
    const eos = model.tokenEos() === NONE ? separator : model.tokenEos();
    const ends = model.shouldAppendEosToken() && eos !== NONE ? [eos] : [];
    const separators = addsSeparator && separator !== NONE ? [separator] : [];
    return Uint32Array.of(
      ...(model.shouldPrependBosToken() ? [model.tokenBos()] : []),
      ...model.tokenize(query, false),
      ...[...ends, ...separators],
      ...model.tokenize(text, false),
      ...(ends.length > 0 ? ends : separators),
    );
  }

  /** @throws INVALID_ARGUMENT for tokens the model does not have: llama.cpp fails the whole step for one of them */
  tokensOf(pieces: readonly PromptPiece[]): readonly number[] {
    return pieces.flatMap((piece) =>
      'tokens' in piece ? this.known(piece.tokens, 'prompt') : [...this.#model.tokenize(piece.text, piece.special)],
    );
  }

  /** The tokens, all of them the model's. @throws INVALID_ARGUMENT */
  known(tokens: readonly number[], what: string): readonly number[] {
    const unknown = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= this.#size);
    if (unknown === undefined) return tokens;
    throw new AmaasError('INVALID_ARGUMENT', `${what}: token ${unknown} is none of the model's 0 … ${this.#size - 1}`);
  }

  /** Special tokens have no text. */
  textOf(tokens: readonly number[]): string {
    return this.#pieces?.textOf(tokens) ?? this.#model.detokenize(Uint32Array.from(tokens), false);
  }

  /** Of one token, special or not, with the space it may begin with. */
  tokenText(token: number): string {
    if (this.#pieces !== null) return pieceText(this.#pieces.pieceOf(token, true));
    return this.#model.detokenize(Uint32Array.of(token), true);
  }

  isEnd(token: number): boolean {
    return this.#model.isEogToken(token);
  }
}

/** What the addon says where a vocabulary has no such token. */
const NONE = -1;

/** Only the template's own text may hold special tokens. */
function fill(template: string, query: string, text: string): readonly PromptPiece[] {
  return template.split(/(\{query\}|\{document\})/).flatMap((piece): readonly PromptPiece[] => {
    if (piece === '') return [];
    if (piece === '{query}') return [{ text: query, special: false }];
    return [piece === '{document}' ? { text, special: false } : { text: piece, special: true }];
  });
}
