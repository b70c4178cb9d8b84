// Made sentences whose tags need the neighbours and the endings of words.
import type { Random } from '../../statistics/index.ts';
import type { TaggedSentence } from '../tagged-sentences.ts';

const STEMS = ['blik', 'dron', 'fam', 'gost', 'lup', 'mev', 'nif', 'pral', 'quem', 'rost', 'sul', 'tarp', 'wem', 'zil'];

/** Articles stand before nouns, pronouns before verbs; stems are both, and what ends in -ly is an adverb. */
export function madeSentences(count: number, random: Random): readonly TaggedSentence[] {
  const stem = (): string => STEMS[random.integer(STEMS.length)] ?? '';
  return Array.from({ length: count }, () => {
    const pairs: (readonly [string, string])[] = [];
    for (let part = 0; part < 1 + random.integer(3); part++) {
      if (random.integer(2) === 0) pairs.push(['the', 'DET'], [stem(), 'NOUN']);
      else pairs.push(['they', 'PRON'], [stem(), 'VERB']);
      if (random.integer(3) === 0) pairs.push([`${stem()}${stem()}ly`, 'ADV']);
    }
    pairs.push(['.', 'PUNCT']);
    return { words: pairs.map(([word]) => word), tags: pairs.map(([, tag]) => tag) };
  });
}
