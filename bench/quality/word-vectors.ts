// word2vec, GloVe and PPMI-SVD on the same text: Spearman's ρ with people's ratings of word pairs, and analogies.
// Settings were chosen by ρ on MEN alone, with seed 0, a few of each; the other sets were not looked at for it.
// Arguments: seeds (0,1,2), methods (all).
import { readdirSync, readFileSync } from 'node:fs';
import {
  evaluateAnalogies,
  evaluateWordSimilarity,
  parseAnalogies,
  parseRatedPairs,
  type WordVectors,
} from '@amaas/learn/evaluate';
import { type Corpus, readCorpus, trainGlove, trainPpmiSvd, trainWord2Vec } from '@amaas/learn/word-vectors';
import { sharedDataPath } from '../../tools/test-data.ts';
import { englishSentences } from './english-text.ts';

type Train = (corpus: Corpus, seed: number) => Promise<WordVectors>;

/** Tried beside it, by ρ on MEN with seed 0, in brackets where it was lower. */
const METHODS: ReadonlyMap<string, Train> = new Map<string, Train>([
  // The defaults: Levy et al.'s advice, nothing tried.
  ['ppmi-svd', (corpus, seed) => trainPpmiSvd(corpus, { seed })],
  // Powers of the singular values 0 (½), 100 dimensions (50), windows of 5 (2, 10).
  ['ppmi-svd-tuned', (corpus, seed) => trainPpmiSvd(corpus, { seed, eigenvalueWeight: 0 })],
  // Rates 0.1 (0.05, 0.2), epochs 10 (20), windows of 10 (5).
  ['skip-gram', (corpus, seed) => trainWord2Vec(corpus, { seed, epochs: 10, window: 10 })],
  // Rates 0.3 (0.15; 0.8 diverges); windows of 5, epochs 10.
  ['cbow', (corpus, seed) => trainWord2Vec(corpus, { seed, architecture: 'cbow', epochs: 10 })],
  // x_max 3 (1, 10, 100), windows weighted as in the paper (linearly, without frequent words: 0.28), 25 epochs (10; 60 with x_max 1).
  ['glove', (corpus, seed) => trainGlove(corpus, { seed, maxWeight: 3 })],
  // As skip-gram, nothing tried.
  [
    'skip-gram-subwords',
    (corpus, seed) => trainWord2Vec(corpus, { seed, epochs: 10, window: 10, subwords: { buckets: 200_000 } }),
  ],
]);

/** Those of the mean; the others are printed beside them. */
const MAIN = ['EN-WS-353-ALL', 'EN-MEN-TR-3k', 'EN-SIMLEX-999', 'EN-MTurk-771'];

const [seeds = '0,1,2', methods = [...METHODS.keys()].join()] = process.argv.slice(2);
const folder = sharedDataPath('text/wordsim');
const sets = readdirSync(folder).map((file) => ({
  name: file.replace('.txt', ''),
  pairs: parseRatedPairs(readFileSync(`${folder}/${file}`, 'utf8')),
}));
const questions = parseAnalogies(readFileSync(sharedDataPath('text/questions-words.txt'), 'utf8'));
const corpus = await readCorpus(englishSentences());
const { vocabulary, ends } = corpus;
print(`${vocabulary.total} words in ${ends.length} sentences, ${vocabulary.words.length} different ones`);

for (const method of methods.split(',')) {
  const train = METHODS.get(method);
  if (train === undefined) throw new Error(`no method ${method}; there are ${[...METHODS.keys()].join(', ')}`);
  const found: (readonly number[])[] = [];
  print(method);
  for (const seed of seeds.split(',').map(Number)) {
    const before = process.cpuUsage();
    const vectors = await train(corpus, seed);
    const { user, system } = process.cpuUsage(before);
    const scores = scoresOf(vectors);
    print(`${method}, seed ${seed}: ${((user + system) / 1e6).toFixed(0)} s of processor time`);
    found.push([...scores.values()]);
    const { right, asked, questions: all } = evaluateAnalogies(vectors, questions, { ignoreCase: true }).total;
    print(`  analogies: ${right} of ${asked} covered (${all} in all)`);
  }
  [...scoreNames()].forEach((name, k) => {
    const values = found.map((scores) => scores[k] ?? Number.NaN);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    print(`  ${name.padEnd(22)} ${mean.toFixed(3)}  (${values.map((value) => value.toFixed(3)).join(', ')})`);
  });
}

function scoreNames(): readonly string[] {
  const covered = new Set(vocabulary.words);
  const known = (word: string): boolean => covered.has(word.toLowerCase());
  return [
    'mean of the four',
    'mean without MEN',
    ...sets.map(({ name, pairs }) => {
      const count = pairs.filter(({ first, second }) => known(first) && known(second)).length;
      return `${name} ${count}/${pairs.length}`;
    }),
  ];
}

/** In the order of {@link scoreNames}. */
function scoresOf(vectors: WordVectors): ReadonlyMap<string, number> {
  const scores = new Map(
    sets.map(({ name, pairs }) => [name, evaluateWordSimilarity(vectors, pairs, { ignoreCase: true }).spearman]),
  );
  const meanOf = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + (scores.get(name) ?? Number.NaN), 0) / names.length;
  const others = MAIN.filter((name) => name !== 'EN-MEN-TR-3k');
  return new Map([['mean of the four', meanOf(MAIN)], ['mean without MEN', meanOf(others)], ...scores]);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
