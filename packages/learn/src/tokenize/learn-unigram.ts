// Learns the pieces of a unigram model: from too many, expectation–maximisation says how likely each is, and those whose
// loss costs least are taken out, again and again until few enough remain.
// Source: Kudo, "Subword Regularization" (2018), section 3.2; the digamma step from SentencePiece's trainer, which takes
// rare pieces down as a sparse prior would.
import { PieceTree } from './piece-tree.ts';
import { forgetRare } from './word-counts.ts';

/** Characters of the longest piece. */
const MAX_PIECE_CHARACTERS = 16;
/** Longer words are learned from in pieces: their probabilities would leave the range of numbers. */
export const MAX_UNIGRAM_WORD_LENGTH = 48;
const MAX_COUNTED = 4_000_000;
/** Pieces to start with, for each one wanted. */
const SEEDS_PER_PIECE = 10;
const MAX_SEEDS = 1_000_000;
const STEPS_PER_ROUND = 2;
/** Share of the pieces that a round keeps. */
const KEPT_SHARE = 0.75;
/** Rounds end a little above the wanted size; the last pieces go by their probability. */
const LAST_ROUND_SHARE = 1.1;
/** Pieces that are expected less often than this are no pieces. */
const MIN_EXPECTED = 0.5;

export interface ScoredPieces {
  readonly pieces: readonly string[];
  /** Natural logarithms of their probabilities. */
  readonly scores: readonly number[];
}

/**
 * The `size` best pieces, the most likely first; all of `alphabet` is among them.
 * @param counts - words made of the alphabet alone, of at most {@link MAX_UNIGRAM_WORD_LENGTH} units, and how often they occur
 */
export function learnUnigram(
  counts: ReadonlyMap<string, number>,
  { alphabet, size }: { readonly alphabet: readonly string[]; readonly size: number },
): ScoredPieces {
  const required = new Set(alphabet);
  let lexicon = seedLexicon(counts, required, size);
  const target = Math.max(Math.ceil(size * LAST_ROUND_SHARE), required.size);
  for (;;) {
    for (let step = 0; step < STEPS_PER_ROUND; step++) lexicon = maximise(lexicon, counts, required);
    if (lexicon.pieces.length <= target) break;
    const before = lexicon.pieces.length;
    lexicon = prune(lexicon, counts, { required, target });
    if (lexicon.pieces.length >= before) break;
  }
  return finish(lexicon, required, size);
}

function seedLexicon(counts: ReadonlyMap<string, number>, required: ReadonlySet<string>, size: number): ScoredPieces {
  const substrings = new Map<string, number>();
  for (const [word, count] of counts) {
    const characters = Array.from(word);
    for (let start = 0; start < characters.length; start++) {
      let piece = '';
      const end = Math.min(characters.length, start + MAX_PIECE_CHARACTERS);
      for (let place = start; place < end; place++) {
        piece += characters[place];
        const known = substrings.get(piece);
        if (known === undefined && substrings.size >= MAX_COUNTED) forgetRare(substrings);
        substrings.set(piece, (known ?? 0) + count);
      }
    }
  }
  const limit = Math.min(MAX_SEEDS, size * SEEDS_PER_PIECE);
  const longer = [...substrings]
    .filter(([piece, count]) => count > 1 && !required.has(piece))
    .map(([piece, count]) => ({ piece, weight: count * Array.from(piece).length }))
    .sort((a, b) => b.weight - a.weight || compareText(a.piece, b.piece))
    .slice(0, limit);
  const seeds = [...[...required].map((piece) => ({ piece, weight: substrings.get(piece) ?? 1 })), ...longer];
  const total = Math.log(seeds.reduce((sum, { weight }) => sum + weight, 0));
  return { pieces: seeds.map(({ piece }) => piece), scores: seeds.map(({ weight }) => Math.log(weight) - total) };
}

/** One step of expectation and maximisation. */
function maximise(
  lexicon: ScoredPieces,
  counts: ReadonlyMap<string, number>,
  required: ReadonlySet<string>,
): ScoredPieces {
  const expected = expectCounts(lexicon, counts);
  const kept = lexicon.pieces
    .map((piece, index) => ({ piece, count: expected[index] ?? 0 }))
    .filter(({ piece, count }) => count >= MIN_EXPECTED || required.has(piece));
  const total = digamma(kept.reduce((sum, { count }) => sum + Math.max(count, MIN_EXPECTED), 0));
  return {
    pieces: kept.map(({ piece }) => piece),
    scores: kept.map(({ count }) => digamma(Math.max(count, MIN_EXPECTED)) - total),
  };
}

/** How often each piece is expected, over all ways to cut each word. */
function expectCounts({ pieces, scores }: ScoredPieces, counts: ReadonlyMap<string, number>): Float64Array {
  const tree = new PieceTree(pieces);
  const expected = new Float64Array(pieces.length);
  // Every character counts as much as the average makes it less likely, which no share notices: the sums over a word
  // then stay near 1, and no logarithms are needed against vanishing products.
  const perUnit = averageLogLoss(scores, pieces);
  const weights = Float64Array.from(scores, (score, index) => Math.exp(score + perUnit * (pieces[index] ?? '').length));
  const lattice = { starts: [] as number[], ends: [] as number[], pieces: [] as number[] };
  for (const [word, count] of counts) {
    const size = word.length;
    const forward = new Float64Array(size + 1);
    const backward = new Float64Array(size + 1);
    forward[0] = 1;
    backward[size] = 1;
    let arcs = 0;
    for (let start = 0; start < size; start++) {
      const before = forward[start] ?? 0;
      if (before === 0) continue;
      tree.visit(word, start, (piece, end) => {
        forward[end] = (forward[end] ?? 0) + before * (weights[piece] ?? 0);
        lattice.starts[arcs] = start;
        lattice.ends[arcs] = end;
        lattice.pieces[arcs] = piece;
        arcs++;
      });
    }
    const all = forward[size] ?? 0;
    if (all === 0) continue;
    // Arcs lie in the order of their starts, so that from the last one on all ends are known.
    for (let arc = arcs - 1; arc >= 0; arc--) {
      const start = lattice.starts[arc] ?? 0;
      const piece = lattice.pieces[arc] ?? 0;
      const behind = (weights[piece] ?? 0) * (backward[lattice.ends[arc] ?? 0] ?? 0);
      backward[start] = (backward[start] ?? 0) + behind;
      expected[piece] = (expected[piece] ?? 0) + (count * (forward[start] ?? 0) * behind) / all;
    }
  }
  return expected;
}

/** Natural logarithms that a unit of text costs, on average over the pieces by their probabilities. */
function averageLogLoss(scores: readonly number[], pieces: readonly string[]): number {
  let loss = 0;
  let units = 0;
  scores.forEach((score, index) => {
    loss -= Math.exp(score) * score;
    units += Math.exp(score) * (pieces[index] ?? '').length;
  });
  return loss / units;
}

/** Takes out the pieces whose loss makes the texts least unlikely. */
function prune(
  lexicon: ScoredPieces,
  counts: ReadonlyMap<string, number>,
  { required, target }: { readonly required: ReadonlySet<string>; readonly target: number },
): ScoredPieces {
  const { pieces, scores } = lexicon;
  const tree = new PieceTree(pieces);
  const used = new Float64Array(pieces.length); // how often the best cuts use each piece
  for (const [word, count] of counts) {
    for (const piece of bestCut(word, lexicon, tree, -1)) used[piece] = (used[piece] ?? 0) + count;
  }
  const total = used.reduce((sum, count) => sum + count, 0);
  const candidates: { readonly index: number; readonly loss: number }[] = [];
  const kept = new Set<number>();
  pieces.forEach((piece, index) => {
    if (required.has(piece)) {
      kept.add(index);
      return;
    }
    const alternative = bestCut(piece, lexicon, tree, index);
    const alternativeScore = alternative.reduce((sum, part) => sum + (scores[part] ?? 0), 0);
    const count = used[index] ?? 0;
    // A piece that is less likely than its own parts is never the best cut.
    if (count === 0 || alternativeScore >= (scores[index] ?? 0)) return;
    const withoutIt = Math.log(total + count * (alternative.length - 1));
    const asParts = alternative.reduce((sum, part) => sum + Math.log((used[part] ?? 0) + count) - withoutIt, 0);
    candidates.push({ index, loss: (count / total) * (Math.log(count) - Math.log(total) - asParts) });
  });
  candidates.sort((a, b) => b.loss - a.loss || a.index - b.index);
  const size = Math.max(target, Math.floor(pieces.length * KEPT_SHARE));
  for (const { index } of candidates) {
    if (kept.size >= size) break;
    kept.add(index);
  }
  const indexes = [...kept].sort((a, b) => a - b);
  return { pieces: indexes.map((index) => pieces[index] ?? ''), scores: indexes.map((index) => scores[index] ?? 0) };
}

/** The pieces of the most likely cut of a text, without piece `excluded`; empty when there is none. */
function bestCut(text: string, { scores }: ScoredPieces, tree: PieceTree, excluded: number): readonly number[] {
  const size = text.length;
  const best = new Float64Array(size + 1).fill(Number.NEGATIVE_INFINITY);
  const pieceAt = new Int32Array(size + 1).fill(-1);
  const cameFrom = new Int32Array(size + 1);
  best[0] = 0;
  for (let start = 0; start < size; start++) {
    const before = best[start] ?? 0;
    if (before === Number.NEGATIVE_INFINITY) continue;
    tree.visit(text, start, (piece, end) => {
      const score = before + (scores[piece] ?? 0);
      if (piece === excluded || score <= (best[end] ?? 0)) return;
      best[end] = score;
      pieceAt[end] = piece;
      cameFrom[end] = start;
    });
  }
  if (best[size] === Number.NEGATIVE_INFINITY) return [];
  const cut: number[] = [];
  for (let end = size; end > 0; end = cameFrom[end] ?? 0) cut.push(pieceAt[end] ?? 0);
  return cut.reverse();
}

function finish({ pieces, scores }: ScoredPieces, required: ReadonlySet<string>, size: number): ScoredPieces {
  const all = pieces.map((piece, index) => ({ piece, score: scores[index] ?? 0 }));
  all.sort((a, b) => b.score - a.score || compareText(a.piece, b.piece));
  const optional = all.filter(({ piece }) => !required.has(piece)).slice(0, Math.max(0, size - required.size));
  const chosen = new Set([...required, ...optional.map(({ piece }) => piece)]);
  const kept = all.filter(({ piece }) => chosen.has(piece));
  return { pieces: kept.map(({ piece }) => piece), scores: kept.map(({ score }) => score) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The derivative of ln Γ for x > 0, by recurrence and its asymptotic series. */
function digamma(x: number): number {
  let value = x;
  let result = 0;
  for (; value < 7; value++) result -= 1 / value;
  const inverse = 1 / (value - 0.5) ** 2;
  // Abramowitz & Stegun 6.3.18, taken at x − ½, where the odd terms vanish.
  return (
    result +
    Math.log(value - 0.5) +
    inverse * (1 / 24 - inverse * (7 / 960 - inverse * (31 / 8064 - (inverse * 127) / 30720)))
  );
}
