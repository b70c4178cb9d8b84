// One step of GloVe by AdaGrad on one pair: ½ · f(x) · (w·c + b + b′ − ln x)², f(x) = min(1, (x / xMax)^α).
// Source: Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation", eq. 8 and 9; rows move by
// rate · gradient / √(1 + Σ of the squares so far), as in the authors' program.
import type { Random } from '../statistics/index.ts';

/** Vectors and biases of one side, and the sums of their squared gradients. */
interface Side {
  /** [words, dimensions] */
  readonly vectors: Float32Array;
  readonly biases: Float32Array;
  readonly vectorSquares: Float32Array;
  readonly biasSquares: Float32Array;
}

export interface GloveSettings {
  readonly words: number;
  readonly dimensions: number;
  readonly maxWeight: number;
  readonly exponent: number;
}

export class GloveStep {
  readonly words: Side;
  readonly contexts: Side;
  readonly #settings: GloveSettings;

  constructor(settings: GloveSettings, random: Random) {
    this.#settings = settings;
    this.words = firstSide(settings, random);
    this.contexts = firstSide(settings, random);
  }

  /** @param weight - what the pair counts, above 0 @returns the pair's loss before the step */
  fit(pair: { readonly word: number; readonly context: number; readonly weight: number }, rate: number): number {
    const { word, context, weight } = pair;
    const { dimensions, maxWeight, exponent } = this.#settings;
    const { words, contexts } = this;
    const [from, to] = [word * dimensions, context * dimensions];
    const difference =
      dotRows(words.vectors, contexts.vectors, { from, to, dimensions }) +
      (words.biases[word] ?? 0) +
      (contexts.biases[context] ?? 0) -
      Math.log(weight);
    const share = weight < maxWeight ? (weight / maxWeight) ** exponent : 1;
    const slope = share * difference;
    const { vectors: w, vectorSquares: wSquares } = words;
    const { vectors: c, vectorSquares: cSquares } = contexts;
    for (let d = 0; d < dimensions; d++) {
      const own = w[from + d] ?? 0;
      const other = c[to + d] ?? 0;
      const ownGradient = slope * other;
      const otherGradient = slope * own;
      const ownSquares = wSquares[from + d] ?? 1;
      const otherSquares = cSquares[to + d] ?? 1;
      w[from + d] = own - (rate * ownGradient) / Math.sqrt(ownSquares);
      c[to + d] = other - (rate * otherGradient) / Math.sqrt(otherSquares);
      wSquares[from + d] = ownSquares + ownGradient * ownGradient;
      cSquares[to + d] = otherSquares + otherGradient * otherGradient;
    }
    moveBias(words, word, { slope, rate });
    moveBias(contexts, context, { slope, rate });
    return 0.5 * slope * difference;
  }
}

function firstSide({ words, dimensions }: GloveSettings, random: Random): Side {
  const first = (length: number): Float32Array =>
    Float32Array.from({ length }, () => (random.uniform() - 0.5) / dimensions);
  return {
    vectors: first(words * dimensions),
    biases: first(words),
    vectorSquares: new Float32Array(words * dimensions).fill(1),
    biasSquares: new Float32Array(words).fill(1),
  };
}

function moveBias(
  { biases, biasSquares }: Side,
  row: number,
  { slope, rate }: { readonly slope: number; readonly rate: number },
): void {
  const squares = biasSquares[row] ?? 1;
  biases[row] = (biases[row] ?? 0) - (rate * slope) / Math.sqrt(squares);
  biasSquares[row] = squares + slope * slope;
}

function dotRows(
  a: Float32Array,
  b: Float32Array,
  { from, to, dimensions }: { readonly from: number; readonly to: number; readonly dimensions: number },
): number {
  const whole = dimensions - (dimensions % 2);
  let even = 0;
  let odd = 0;
  for (let d = 0; d < whole; d += 2) {
    even += (a[from + d] ?? 0) * (b[to + d] ?? 0);
    odd += (a[from + d + 1] ?? 0) * (b[to + d + 1] ?? 0);
  }
  if (whole < dimensions) even += (a[from + whole] ?? 0) * (b[to + whole] ?? 0);
  return even + odd;
}
