// The unigram model: each piece has a logarithmic probability, and a word falls into the pieces of greatest product,
// found by Viterbi's algorithm in one pass. Source: Kudo, "Subword Regularization" (2018), section 3.2.
import { AmaasError } from '@amaas/core';
import { byteTokenName } from './byte-characters.ts';
import type { JsonNode } from './json-node.ts';
import { PieceTree } from './piece-tree.ts';
import type { WordModel, WordTokens } from './word-model.ts';

/** How much less likely an unknown character is than the least likely piece; as SentencePiece has it. */
const UNKNOWN_PENALTY = 10;

interface UnigramOptions {
  readonly unknownId: number | null;
  readonly byteFallback: boolean;
}

/** @throws INVALID_MODEL naming the field. */
export function readUnigram(node: JsonNode): WordModel {
  const pieces: string[] = [];
  const scores: number[] = [];
  for (const entry of node.at('vocab').list()) {
    const [piece, score, more] = entry.list();
    if (piece === undefined || score === undefined || more !== undefined)
      throw entry.refuse('a list of piece and score');
    pieces.push(piece.text());
    scores.push(score.finite());
  }
  const unknown = node.at('unk_id');
  const unknownId = unknown.isAbsent ? null : unknown.whole();
  if (unknownId !== null && unknownId >= pieces.length)
    throw unknown.refuse(`the id of one of ${pieces.length} pieces`);
  return new UnigramModel(pieces, scores, { unknownId, byteFallback: node.at('byte_fallback').boolean(false) });
}

class UnigramModel implements WordModel {
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly #scores: Float64Array;
  readonly #unknownScore: number;
  readonly #tree: PieceTree;
  readonly #options: UnigramOptions;

  constructor(pieces: readonly string[], scores: readonly number[], options: UnigramOptions) {
    this.tokens = pieces;
    this.ids = new Map(pieces.map((piece, id) => [piece, id]));
    this.#scores = Float64Array.from(scores);
    this.#unknownScore =
      scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
    this.#tree = new PieceTree(pieces);
    this.#options = options;
  }

  tokenize(word: string): WordTokens {
    const found = { ids: [] as number[], tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
    for (const { id, start, end } of this.#bestPath(word)) {
      const token = word.slice(start, end);
      const ownId = this.ids.get(token);
      const tokens = ownId === undefined && this.#options.byteFallback ? this.#byteTokens(token) : null;
      for (const [name, number] of tokens ?? [[token, ownId ?? id] as const]) {
        found.ids.push(number);
        found.tokens.push(name);
        found.starts.push(start);
        found.ends.push(end);
      }
    }
    return found;
  }

  /** The pieces of a word in order; neighbouring unknown characters are one piece. */
  #bestPath(word: string): readonly PathPiece[] {
    const size = word.length;
    const scoreAt = new Float64Array(size + 1); // of the best way to here
    const cameFrom = new Int32Array(size + 1).fill(-1);
    const pieceAt = new Int32Array(size + 1).fill(-1); // the last piece of that way, −1 for the unknown
    for (let start = 0; start < size; ) {
      const character = (word.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      const before = scoreAt[start] ?? 0;
      let known = false;
      const offer = (end: number, score: number, piece: number): void => {
        if ((cameFrom[end] ?? -1) >= 0 && score <= (scoreAt[end] ?? 0)) return;
        scoreAt[end] = score;
        cameFrom[end] = start;
        pieceAt[end] = piece;
      };
      this.#tree.visit(word, start, (piece, end) => {
        offer(end, (this.#scores[piece] ?? 0) + before, piece);
        known ||= end === start + character;
      });
      if (!known) offer(start + character, this.#unknownScore + before, -1);
      start += character;
    }
    return this.#walkBack(word, cameFrom, pieceAt);
  }

  #walkBack(word: string, cameFrom: Int32Array, pieceAt: Int32Array): readonly PathPiece[] {
    const { unknownId } = this.#options;
    const path: PathPiece[] = [];
    for (let end = word.length; end > 0; ) {
      const start = cameFrom[end] ?? 0;
      const piece = pieceAt[end] ?? -1;
      if (piece < 0 && unknownId === null) {
        throw new AmaasError(
          'INVALID_DATA',
          `tokenizer: there is no token for ${JSON.stringify(word.slice(start, end))} and none for the unknown`,
        );
      }
      const id = piece < 0 ? (unknownId ?? 0) : piece;
      const last = path.at(-1);
      if (last !== undefined && id === unknownId && last.id === unknownId) path[path.length - 1] = { ...last, start };
      else path.push({ id, start, end });
      end = start;
    }
    return path.reverse();
  }

  #byteTokens(text: string): (readonly [name: string, id: number])[] | null {
    const found: (readonly [string, number])[] = [];
    for (const byte of new TextEncoder().encode(text)) {
      const name = byteTokenName(byte);
      const id = this.ids.get(name);
      if (id === undefined) return null;
      found.push([name, id]);
    }
    return found;
  }
}

interface PathPiece {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}
