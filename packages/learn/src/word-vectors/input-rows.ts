// Which rows of the input table each word is the sum of: its own, and with sub-words those of its parts' buckets.
import type { RowMath, RowTable } from './row-math.ts';
import { bucketsOf, type SubwordSettings } from './subwords.ts';

/** Of word w: rows[starts[w]] … rows[starts[w + 1] − 1]. */
export interface InputRows {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}

/** Words first, then buckets. */
export function inputRowsOf(words: readonly string[], subwords: SubwordSettings | null): InputRows {
  if (subwords === null) {
    return {
      starts: Int32Array.from({ length: words.length + 1 }, (_, word) => word),
      rows: Int32Array.from(words.keys()),
    };
  }
  const rows: number[] = [];
  const starts = new Int32Array(words.length + 1);
  words.forEach((word, row) => {
    rows.push(row, ...bucketsOf(word, subwords).map((bucket) => words.length + bucket));
    starts[row + 1] = rows.length;
  });
  return { starts, rows: Int32Array.from(rows) };
}

/** Vectors of all words: the sum of each one's rows, divided by the root of their number. @returns [words, dimensions] */
export function sumInputRows(math: RowMath<string>, inputs: RowTable, { starts, rows }: InputRows): Float32Array {
  const { dimensions } = inputs;
  const words = starts.length - 1;
  const vectors = new Float32Array(words * dimensions);
  for (let word = 0; word < words; word++) {
    const [start, end] = [starts[word] ?? 0, starts[word + 1] ?? 0];
    const scale = 1 / Math.sqrt(end - start);
    const vector = vectors.subarray(word * dimensions, (word + 1) * dimensions);
    for (let k = start; k < end; k++) {
      const row = math.row(inputs, rows[k] ?? 0);
      for (let d = 0; d < dimensions; d++) vector[d] = (vector[d] ?? 0) + scale * (row[d] ?? 0);
    }
  }
  return vectors;
}
