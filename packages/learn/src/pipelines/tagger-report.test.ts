import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaggedSentence } from './tagged-sentences.ts';
import { evaluateTagger, formatTaggerReport } from './tagger-report.ts';

function sentence(text: string): TaggedSentence {
  const pairs = text.split(' ').map((pair) => pair.split('/'));
  return { words: pairs.map(([word = '']) => word), tags: pairs.map(([, tag = '']) => tag) };
}

const TRAINING = ['the/D run/N', 'they/P run/V', 'they/P run/V', 'the/D cat/N'].map(sentence);

test('evaluateTagger counts words, unknown ones, tags, and what the most frequent tags would have given', () => {
  const report = evaluateTagger({
    training: TRAINING,
    sentences: ['the/D run/N', 'they/P jump/V'].map(sentence),
    predictions: [
      ['D', 'N'],
      ['P', 'N'],
    ],
    seed: 3,
  });
  assert.deepEqual([report.sentences, report.words, report.accuracy], [2, 4, 0.75]);
  // run is V twice of three times; jump is unknown, and the most frequent tags are D, N, P and V, twice each: D by name.
  assert.equal(report.baselineAccuracy, 0.5);
  assert.deepEqual(report.unknown, { words: 1, accuracy: 0, baselineAccuracy: 0 });
  assert.deepEqual(
    report.tags.map(({ tag, support, predicted, f1 }) => [tag, support, predicted, f1.toFixed(3)]),
    [
      ['D', 1, 1, '1.000'],
      ['N', 1, 2, '0.667'],
      ['P', 1, 1, '1.000'],
      ['V', 1, 0, '0.000'],
    ],
  );
  assert.equal(report.spans, null);
  assert.match(formatTaggerReport(report), /^4 words of 2 held-out sentences: 75\.0 % right/);
  assert.match(formatTaggerReport(report), /1 words not seen in training: 0\.0 %/);
});

test('evaluateTagger scores spans where tags write them', () => {
  const report = evaluateTagger({
    training: TRAINING,
    sentences: [sentence('Ann/B-PER Lee/I-PER saw/O Rome/B-LOC')],
    predictions: [['B-PER', 'I-PER', 'O', 'O']],
    seed: 0,
  });
  assert.deepEqual(report.spans?.micro, { precision: 1, recall: 0.5, f1: 2 / 3 });
  assert.equal(report.accuracy, 0.75);
});
