import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import { alignTexts, computeErrorRate, errorRateMetric } from './error-rate.ts';
import { estimateTextScore } from './text-metric.ts';

const references = ['the cat sat on the mat', 'hello  wörld', 'one two', '', 'a 😀 b'];
const hypotheses = ['the cat sit on mat now', 'hello wörld', 'one\ttwo three', 'um', 'a 😀b'];

test('computeErrorRate counts words: edits of all rows by words of all references', () => {
  assert.deepEqual(computeErrorRate({ hypotheses, references }, 'word'), {
    rate: (3 + 0 + 1 + 1 + 2) / (6 + 2 + 2 + 0 + 3),
    // RapidFuzz's counts: the → mat and mat → now are as few edits as leaving "the" out and adding "now".
    substitutions: 4,
    insertions: 2,
    deletions: 1,
    hits: 8,
    referenceUnits: 13,
    exactRows: 1 / 5,
  });
});

test('computeErrorRate counts characters as code points, spaces inside the text included', () => {
  const rate = computeErrorRate({ hypotheses: [' hxllo w😀rld\n'], references: ['hello wörld '] }, 'character');
  assert.deepEqual([rate.rate, rate.substitutions, rate.referenceUnits], [2 / 11, 2, 11]);
  const spaces = computeErrorRate({ hypotheses: ['ab c'], references: ['a b c'] }, 'character');
  assert.deepEqual([spaces.rate, spaces.deletions], [1 / 5, 1]);
});

test('computeErrorRate may pass 1, and is undefined without reference words', () => {
  assert.equal(computeErrorRate({ hypotheses: ['a b c'], references: ['x'] }, 'word').rate, 3);
  assert(Number.isNaN(computeErrorRate({ hypotheses: ['a'], references: [' '] }, 'word').rate));
  assert.throws(() => computeErrorRate({ hypotheses: [], references: [] }, 'word'), { reason: 'INVALID_DATA' });
  assert.throws(() => computeErrorRate({ hypotheses: ['a'], references: [] }, 'word'), /for 1 hypotheses, got 0/);
});

test('alignTexts puts units side by side', () => {
  assert.deepEqual(alignTexts('the cat sat', 'a the cat', 'word'), [
    { reference: null, hypothesis: 'a' },
    { reference: 'the', hypothesis: 'the' },
    { reference: 'cat', hypothesis: 'cat' },
    { reference: 'sat', hypothesis: null },
  ]);
  assert.deepEqual(
    alignTexts('abc', 'axc', 'character').map(({ hypothesis }) => hypothesis),
    ['a', 'x', 'c'],
  );
});

test('errorRateMetric gives the same rate with an interval, and takes the nearest reference', () => {
  const rows = { hypotheses, references: references.map((reference) => [reference]) };
  const { value, interval } = estimateTextScore(errorRateMetric('word'), rows, { random: createRandom(1) });
  assert.equal(value, 7 / 13);
  assert(interval !== null && interval.lower < value && value < interval.upper);
  assert.deepEqual(errorRateMetric('word').countSegment('a b', ['c d e', 'a b c', 'x']), [1, 3]);
});
