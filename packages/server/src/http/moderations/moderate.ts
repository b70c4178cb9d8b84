// From scores of a classifier's labels to what is objectionable about a text.
import type { Moderation } from '@amaas/protocols/openai-files';
import type { LabelScores } from './text-classifier.ts';

/** A category applies from this probability on. */
const THRESHOLD = 0.5;

/** Labels by which classifiers say that there is nothing to object to; all others are categories. */
const HARMLESS = 'ok okay none safe clean neutral normal ham harmless benign acceptable other'.split(' ');
const DENIAL = /^(non?|not)[-_ ]/;

/** @param parts - of the texts of one input: what holds for one of them holds for the input */
export function moderate(parts: readonly LabelScores[]): Moderation {
  const greatest = new Map<string, number>();
  for (const { label, score } of parts.flat()) {
    if (!isHarmless(label)) greatest.set(label, Math.max(score, greatest.get(label) ?? 0));
  }
  const categories = [...greatest].map(([name, score]) => ({ name, score, isFlagged: score >= THRESHOLD }));
  return { isFlagged: categories.some(({ isFlagged }) => isFlagged), categories };
}

function isHarmless(label: string): boolean {
  const name = label.toLowerCase();
  return HARMLESS.includes(name) || DENIAL.test(name);
}
