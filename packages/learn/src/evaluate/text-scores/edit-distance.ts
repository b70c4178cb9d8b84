// The fewest single edits that turn one sequence into another, and which edits those are.
// Source: Wagner and Fischer (1974). Among alignments of equal cost the one that RapidFuzz (and so jiwer) shows is chosen:
// its counts of substitutions, insertions and deletions can then be compared with published ones.
import { AmaasError } from '@amaas/core';

/** One edit that turns the reference into the hypothesis. */
export interface Edit {
  readonly kind: 'substitution' | 'insertion' | 'deletion';
  /** Where in the reference: the element concerned, or the one the insertion stands before. */
  readonly referenceIndex: number;
  /** Where in the hypothesis: the element concerned, or the one the deletion stands before. */
  readonly hypothesisIndex: number;
}

/** Table cells of two bits: 100 MB at most. Two sequences of 20,000 elements fit. */
const MOST_CELLS = 4e8;

const KEEP = 0;
const DELETE = 1;
const INSERT = 2;

/**
 * The edits in order; as many as the distance.
 * @param reference - elements compared by `===`
 * @throws INVALID_DATA when both are so long that the table would pass 4e8 cells.
 */
export function alignSequences<T>(reference: ArrayLike<T>, hypothesis: ArrayLike<T>): readonly Edit[] {
  // What both begin and end with is never edited.
  let start = 0;
  const shorter = Math.min(reference.length, hypothesis.length);
  while (start < shorter && reference[start] === hypothesis[start]) start++;
  let tail = 0;
  while (
    tail < shorter - start &&
    reference[reference.length - 1 - tail] === hypothesis[hypothesis.length - 1 - tail]
  ) {
    tail++;
  }
  const rows = reference.length - start - tail;
  const columns = hypothesis.length - start - tail;
  const moves = computeMoves({ reference, hypothesis, start, rows, columns });
  const edits: Edit[] = [];
  let [i, j] = [rows, columns];
  while (i > 0 || j > 0) {
    const move = j === 0 ? DELETE : i === 0 ? INSERT : moves.get(i, j);
    if (move !== INSERT) i--;
    if (move !== DELETE) j--;
    const [referenceIndex, hypothesisIndex] = [start + i, start + j];
    if (move === DELETE) edits.push({ kind: 'deletion', referenceIndex, hypothesisIndex });
    else if (move === INSERT) edits.push({ kind: 'insertion', referenceIndex, hypothesisIndex });
    else if (reference[referenceIndex] !== hypothesis[hypothesisIndex]) {
      edits.push({ kind: 'substitution', referenceIndex, hypothesisIndex });
    }
  }
  return edits.reverse();
}

interface Middle<T> {
  readonly reference: ArrayLike<T>;
  readonly hypothesis: ArrayLike<T>;
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
}

/** How each cell of the table is left on the way back: four moves to a byte, since the table is what costs memory. */
class Moves {
  readonly #bytes: Uint8Array;
  readonly #columns: number;

  constructor(rows: number, columns: number) {
    this.#bytes = new Uint8Array(Math.ceil(((rows + 1) * (columns + 1)) / 4));
    this.#columns = columns + 1;
  }

  get(i: number, j: number): number {
    const cell = i * this.#columns + j;
    return ((this.#bytes[cell >>> 2] ?? 0) >>> (2 * (cell & 3))) & 3;
  }

  set(i: number, j: number, move: number): void {
    const cell = i * this.#columns + j;
    this.#bytes[cell >>> 2] = (this.#bytes[cell >>> 2] ?? 0) | (move << (2 * (cell & 3)));
  }
}

function computeMoves<T>({ reference, hypothesis, start, rows, columns }: Middle<T>): Moves {
  if (rows > 0 && columns > 0 && (rows + 1) * (columns + 1) > MOST_CELLS) {
    throw new AmaasError(
      'INVALID_DATA',
      `edit distance: sequences of ${reference.length} and ${hypothesis.length} elements need more than ${MOST_CELLS} cells; align them piece by piece`,
    );
  }
  if (rows === 0 || columns === 0) return new Moves(0, 0); // all of the other is inserted or deleted
  const moves = new Moves(rows, columns);
  let above = Int32Array.from({ length: columns + 1 }, (_, j) => j);
  let current = new Int32Array(columns + 1);
  for (let i = 1; i <= rows; i++) {
    current[0] = i;
    const element = reference[start + i - 1];
    for (let j = 1; j <= columns; j++) {
      const diagonal = above[j - 1] ?? 0;
      const up = above[j] ?? 0;
      const left = current[j - 1] ?? 0;
      const same = element === hypothesis[start + j - 1];
      const distance = Math.min(diagonal + (same ? 0 : 1), up + 1, left + 1);
      current[j] = distance;
      // A deletion wherever one is among the best, an insertion only where it beats a substitution.
      if (distance === up + 1) moves.set(i, j, DELETE);
      else if (left < diagonal) moves.set(i, j, INSERT);
      else moves.set(i, j, KEEP);
    }
    [above, current] = [current, above];
  }
  return moves;
}
