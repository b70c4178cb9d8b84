// One step of GloVe by AdaGrad on one pair: ½ · f(x) · (w·c + b + b′ − ln x)², f(x) = min(1, (x / xMax)^α).
// Source: Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation", eq. 8 and 9; rows move by
// rate · gradient / √(1 + Σ of the squares so far), as in the authors' program.
import type { Random } from '../statistics/index.ts';
import { RowMath, type RowTable } from './row-math.ts';

/** Vectors and biases of one side, and the sums of one and their squared gradients. */
export interface GloveSide {
  readonly vectors: RowTable;
  readonly squares: RowTable;
  readonly biases: Float32Array;
  readonly biasSquares: Float32Array;
}

export interface GloveSettings {
  readonly words: number;
  readonly dimensions: number;
  readonly maxWeight: number;
  readonly exponent: number;
}

type TableName = 'words' | 'contexts' | 'wordSquares' | 'contextSquares';

export class GloveStep {
  readonly math: RowMath<TableName>;
  readonly words: GloveSide;
  readonly contexts: GloveSide;
  readonly #settings: GloveSettings;

  constructor(settings: GloveSettings, random: Random) {
    const { words, dimensions } = settings;
    const sizes = { words, contexts: words, wordSquares: words, contextSquares: words };
    this.math = new RowMath<TableName>(sizes, dimensions);
    const { tables } = this.math;
    this.#settings = settings;
    this.words = this.#firstSide(tables.words, tables.wordSquares, random);
    this.contexts = this.#firstSide(tables.contexts, tables.contextSquares, random);
  }

  /** @param weight - what the pair counts, above 0 @returns the pair's loss before the step */
  fit(pair: { readonly word: number; readonly context: number; readonly weight: number }, rate: number): number {
    const { word, context, weight } = pair;
    const { maxWeight, exponent } = this.#settings;
    const { functions } = this.math;
    const { words, contexts } = this;
    const { rowBytes } = words.vectors;
    const [wordAt, contextAt] = [word * rowBytes, context * rowBytes];
    const [own, other] = [words.vectors.start + wordAt, contexts.vectors.start + contextAt];
    const biases = (words.biases[word] ?? 0) + (contexts.biases[context] ?? 0);
    const difference = functions.dot(own, other, rowBytes) + biases - Math.log(weight);
    const share = weight < maxWeight ? (weight / maxWeight) ** exponent : 1;
    const slope = share * difference;
    const [ownSquares, otherSquares] = [words.squares.start + wordAt, contexts.squares.start + contextAt];
    functions.adagrad(own, other, ownSquares, otherSquares, rowBytes, slope, rate);
    moveBias(words, word, { slope, rate });
    moveBias(contexts, context, { slope, rate });
    return 0.5 * slope * difference;
  }

  #firstSide(vectors: RowTable, squares: RowTable, random: Random): GloveSide {
    const { words, dimensions } = this.#settings;
    const next = (): number => (random.uniform() - 0.5) / dimensions;
    this.math.fill(vectors, next);
    this.math.fillAll(squares, 1);
    return {
      vectors,
      squares,
      biases: Float32Array.from({ length: words }, next),
      biasSquares: new Float32Array(words).fill(1),
    };
  }
}

function moveBias(
  { biases, biasSquares }: GloveSide,
  row: number,
  { slope, rate }: { readonly slope: number; readonly rate: number },
): void {
  const squares = biasSquares[row] ?? 1;
  biases[row] = (biases[row] ?? 0) - (rate * slope) / Math.sqrt(squares);
  biasSquares[row] = squares + slope * slope;
}
