import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import { assertClose } from '../testing/scikit-learn-values.ts';
import { computeSpanScores, estimateSpanF1, type PrecisionRecall } from './span-scores.ts';
import { extractSpans } from './spans.ts';
import { spanValues } from './testing/published-values.ts';

const numbers = ({ precision, recall, f1 }: PrecisionRecall): readonly number[] => [precision, recall, f1];

test("extractSpans finds seqeval's spans in random tags, under every scheme", () => {
  for (const { scheme, targets, spans } of spanValues) {
    const found = targets.map((tags) =>
      extractSpans(tags, scheme).map(({ type, start, end }) => [type === '' ? '_' : type, start, end]),
    );
    assert.deepEqual(found, spans, scheme);
  }
});

test("computeSpanScores gives seqeval's scores per type and on average", () => {
  assert.deepEqual(
    spanValues.map(({ scheme }) => scheme),
    ['IOB1', 'IOB2', 'IOBES', 'lenient'],
  );
  for (const { scheme, targets, predictions, scores } of spanValues) {
    const ours = computeSpanScores({ targets, predictions }, scheme);
    assertClose(numbers(ours.micro), scores.micro);
    assertClose(numbers(ours.macro), scores.macro);
    assertClose(numbers(ours.weighted), scores.weighted);
    const byType = new Map(ours.types.map((scored) => [scored.type === '' ? '_' : scored.type, scored]));
    assert.deepEqual([...byType.keys()].sort(), [...scores.types].sort());
    scores.types.forEach((type, k) => {
      const scored = byType.get(type);
      assert(scored !== undefined);
      assertClose([...numbers(scored), scored.support], scores.classes[k] ?? []);
    });
  }
});

test('computeSpanScores on the example of its documentation: a span one tag too long is wrong', () => {
  const targets = [
    ['O', 'O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'O'],
    ['B-PER', 'I-PER', 'O'],
  ];
  const predictions = [
    ['O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'I-MISC', 'O'],
    ['B-PER', 'I-PER', 'O'],
  ];
  const { micro, types, tagAccuracy } = computeSpanScores({ targets, predictions });
  assert.deepEqual(numbers(micro), [0.5, 0.5, 0.5]);
  assert.deepEqual(
    types.map(({ type, f1, predicted, correct }) => [type, f1, predicted, correct]),
    [
      ['MISC', 0, 1, 0],
      ['PER', 1, 1, 1],
    ],
  );
  assert.equal(tagAccuracy, 0.8);
  assert.deepEqual(numbers(computeSpanScores({ targets: [['O']], predictions: [['O']] }).macro), [0, 0, 0]);
});

test('estimateSpanF1 gives the F1 of all spans with an interval over the sequences', () => {
  for (const { scheme, targets, predictions, scores } of spanValues) {
    const options = { scheme, random: createRandom('spans'), resamples: 400 };
    const { value, interval } = estimateSpanF1({ targets, predictions }, options);
    assertClose([value], [scores.micro[2] ?? 0]);
    assert(interval !== null && interval.lower < value && value < interval.upper);
    assert(interval.upper - interval.lower > 0.05 && interval.upper - interval.lower < 0.45);
  }
});

test('computeSpanScores refuses tags of another scheme and rows that do not match', () => {
  assert.throws(() => extractSpans(['O', 'S-PER'], 'IOB2'), {
    reason: 'INVALID_DATA',
    message: 'spans: tag "S-PER" at position 1 is none of IOB2: expected "O" or "I-type", "B-type"',
  });
  assert.throws(() => extractSpans(['Other'], 'lenient'), /tag "Other" at position 0/);
  assert.throws(() => extractSpans(['BPER'], 'lenient'), /tag "BPER"/);
  assert.throws(
    () => computeSpanScores({ targets: [['O']], predictions: [['O', 'O']] }),
    /has 1 tags, its prediction 2/,
  );
  assert.throws(() => computeSpanScores({ targets: [['O']], predictions: [] }), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => computeSpanScores({ targets: [], predictions: [] }), { reason: 'INVALID_DATA' });
});
