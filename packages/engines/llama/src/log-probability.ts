// What the model itself thinks of tokens at a place of the last batch, before any sampling setting.
import type { BoundContext, BoundSampler } from './binding.ts';

export interface ObservedLogits {
  /** Of the token that was asked for. */
  readonly own: number;
  /** The likeliest first; at least one. */
  readonly top: readonly (readonly [token: number, logProbability: number])[];
}

interface Question {
  readonly token: number;
  /** A sampler that draws nothing. */
  readonly observer: BoundSampler;
}

/** Natural logarithms, of a token and of the `most` likeliest. */
export async function observe(
  context: BoundContext,
  place: number,
  { token, observer, most }: Question & { readonly most: number },
): Promise<ObservedLogits> {
  // The total is relative to the greatest logit, so the likeliest token is asked for even where none is wanted.
  const wanted = [[token], false, false, false, Math.max(1, most)] as const;
  const [, , , logits, total] = await context.sampleToken(place, observer, false, false, wanted, true);
  const pairs: (readonly [token: number, logit: number])[] = [];
  for (let at = 0; at + 1 < logits.length; at += 2) pairs.push([logits[at] ?? 0, logits[at + 1] ?? 0]);
  const greatest = pairs.reduce((highest, [, logit]) => Math.max(highest, logit), Number.NEGATIVE_INFINITY);
  const probability = (logit: number): number => logit - greatest - Math.log(total);
  const own = pairs.find(([each]) => each === token)?.[1] ?? Number.NEGATIVE_INFINITY;
  return {
    own: probability(own),
    top: pairs.slice(0, most).map(([each, logit]) => [each, probability(logit)]),
  };
}

export async function logProbabilityOf(context: BoundContext, place: number, question: Question): Promise<number> {
  return (await observe(context, place, { ...question, most: 0 })).own;
}
