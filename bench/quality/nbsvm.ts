// NBSVM: a linear support vector machine over one and two words, each scaled by how much more often it stands in positive
// texts than naive Bayes expects. A baseline for benches, not part of the product.
// Sources: Wang & Manning 2012 (NBSVM-bi, β = 0.25); Hsieh et al. 2008 (dual coordinate descent, squared hinge).
import { matchTokens } from '@amaas/learn/graph';
import { createRandom } from '@amaas/learn/statistics';

export interface LabelledSentence {
  readonly text: string;
  readonly isPositive: boolean;
}

/** Words and single signs. */
const TOKENS = "[\\p{L}\\p{M}\\p{N}_']+|[^\\p{L}\\p{M}\\p{N}_\\p{Z}\\p{C}]";
const [COST, INTERPOLATION, ROUNDS] = [1, 0.25, 30];

/** @returns whether a text is positive */
export function trainNbsvm(
  sentences: readonly LabelledSentence[],
  { seed }: { readonly seed: number },
): (text: string) => boolean {
  const numbers = new Map<string, number>();
  const rows = sentences.map(({ text }) =>
    ngramsOf(text).map((gram) => {
      const number = numbers.get(gram) ?? numbers.size;
      numbers.set(gram, number);
      return number;
    }),
  );
  const ratios = logRatios(rows, sentences, numbers.size);
  const weights = new Float64Array(numbers.size + 1); // the last one is the constant's
  const constant = numbers.size;
  const scoreOf = (row: readonly number[]): number =>
    row.reduce((sum, gram) => sum + (weights[gram] ?? 0) * (ratios[gram] ?? 0), weights[constant] ?? 0);
  const norms = rows.map((row) => row.reduce((sum, gram) => sum + (ratios[gram] ?? 0) ** 2, 1));
  const alphas = new Float64Array(rows.length);
  const random = createRandom(seed);
  for (let round = 0; round < ROUNDS; round++) {
    for (const at of random.shuffle(Int32Array.from(rows.keys()))) {
      const [row = [], sign] = [rows[at], sentences[at]?.isPositive === true ? 1 : -1];
      const alpha = alphas[at] ?? 0;
      const slope = sign * scoreOf(row) - 1 + alpha / (2 * COST);
      const next = Math.max(0, alpha - slope / ((norms[at] ?? 1) + 1 / (2 * COST)));
      const change = (next - alpha) * sign;
      if (change === 0) continue;
      alphas[at] = next;
      for (const gram of row) weights[gram] = (weights[gram] ?? 0) + change * (ratios[gram] ?? 0);
      weights[constant] = (weights[constant] ?? 0) + change;
    }
  }
  const mean = weights.subarray(0, constant).reduce((sum, weight) => sum + Math.abs(weight), 0) / constant;
  for (let gram = 0; gram < constant; gram++) {
    weights[gram] = (1 - INTERPOLATION) * mean + INTERPOLATION * (weights[gram] ?? 0);
  }
  weights[constant] = INTERPOLATION * (weights[constant] ?? 0);
  return (text) => scoreOf(ngramsOf(text).flatMap((gram) => numbers.get(gram) ?? [])) > 0;
}

/** One and two words, each once. */
function ngramsOf(text: string): readonly string[] {
  const words = matchTokens(text.toLowerCase(), TOKENS);
  return [...new Set([...words, ...words.slice(1).map((word, at) => `${words[at]} ${word}`)])];
}

/** ln of (share of an n-gram among those of positive texts / among those of negative ones), counts one higher. */
function logRatios(
  rows: readonly (readonly number[])[],
  sentences: readonly LabelledSentence[],
  size: number,
): Float64Array {
  const [positive, negative] = [new Float64Array(size).fill(1), new Float64Array(size).fill(1)];
  for (const [at, row] of rows.entries()) {
    const counts = sentences[at]?.isPositive === true ? positive : negative;
    for (const gram of row) counts[gram] = (counts[gram] ?? 0) + 1;
  }
  const total = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0);
  const shift = Math.log(total(negative) / total(positive));
  return positive.map((count, gram) => Math.log(count / (negative[gram] ?? 1)) + shift);
}
