import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { fitTextVectoriser, textFeatureCount } from './text-features.ts';
import { fitWordSequence, wordCodes } from './text-sequence.ts';

// Made with scikit-learn 1.9.1: TfidfVectorizer(min_df=2, sublinear_tf=True), token_pattern=r'(?u)\w+' and ngram_range=(1, 2)
// for words, analyzer='char' and ngram_range=(2, 3) for characters, fitted on `train`, `rows` of `test` by n-gram.
const scikit = JSON.parse(readFileSync(join(import.meta.dirname, 'testing', 'scikit-tfidf.json'), 'utf8')) as {
  readonly train: readonly string[];
  readonly parts: Readonly<Record<'word' | 'character', { readonly vocabulary: readonly string[] }>>;
}; // the shape the script wrote

const limits = (shortest: number, longest: number, maxFeatures = 1000) => ({
  lengths: [shortest, longest] as const,
  maxFeatures,
});

test('fitTextVectoriser finds the n-grams that scikit-learn finds', () => {
  const { blocks } = fitTextVectoriser(scikit.train, { words: limits(1, 2), characters: limits(2, 3) });
  const grams = blocks.map(({ unit, grams }) => grams.map((gram) => gram.join(unit === 'word' ? ' ' : '')).toSorted());
  assert.deepEqual(grams, [scikit.parts.word.vocabulary, scikit.parts.character.vocabulary]);
});

test('fitTextVectoriser keeps what is in most texts, whatever their order', () => {
  const texts = ['one two three', 'two three', 'three four', 'four two'];
  const options = { words: limits(1, 1, 3), characters: null };
  const vectoriser = fitTextVectoriser(texts, options);
  assert.deepEqual(vectoriser.blocks[0]?.grams, [['three'], ['two'], ['four']]);
  assert.deepEqual(fitTextVectoriser(texts.toReversed(), options), vectoriser);
  assert.equal(textFeatureCount(vectoriser), 3);
  const weights = vectoriser.blocks[0]?.weights.map((weight) => weight.toFixed(6));
  assert.deepEqual(weights, ['1.223144', '1.223144', '1.510826']); // ln(5/4) + 1, ln(5/3) + 1
});

test('fitTextVectoriser tells upper from lower case when asked', () => {
  const grams = (lowerCase: boolean) =>
    fitTextVectoriser(['Aber ABER', 'aber Aber'], { words: limits(1, 1), characters: null, lowerCase, minTexts: 1 })
      .blocks[0]?.grams.flat()
      .toSorted();
  assert.deepEqual(grams(true), ['aber']);
  assert.deepEqual(grams(false), ['ABER', 'Aber', 'aber']);
});

test('fitTextVectoriser and fitWordSequence refuse texts that have nothing in common', () => {
  const refused = (error: unknown): boolean => error instanceof AmaasError && error.reason === 'INVALID_DATA';
  assert.throws(() => fitTextVectoriser(['ab', 'cd', '']), refused);
  assert.throws(() => fitTextVectoriser([]), refused);
  assert.throws(() => fitWordSequence(['one', 'two']), refused);
  assert.throws(
    () => fitTextVectoriser(['a', 'a'], { words: limits(2, 1) }),
    (error) => error instanceof AmaasError && error.reason === 'INVALID_ARGUMENT',
  );
});

test('fitWordSequence numbers the most frequent words and reads no more than the longest text', () => {
  const sequence = fitWordSequence(['b a b', 'a b', 'c a d e f g h i j k'], { minTexts: 1, maxWords: 2, minLength: 2 });
  assert.deepEqual(sequence.words, ['a', 'b']);
  assert.equal(sequence.length, 10);
  assert.equal(wordCodes(sequence), 4);
  assert.equal(fitWordSequence(['a a a a', 'a'], { maxLength: 3, minLength: 2 }).length, 3);
});
