import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose } from '../testing/scikit-learn-values.ts';
import { chrfMetric, computeChrf, computeSentenceChrf } from './chrf.ts';
import { sacrebleuValues } from './testing/published-values.ts';

const { segments, chrf } = sacrebleuValues;

test("computeChrf gives sacreBLEU's numbers, names and signatures under every option", () => {
  assert.equal(chrf.length, 7);
  for (const expected of chrf) {
    const { options } = expected;
    const ours = {
      characterOrder: options.char_order ?? 6,
      wordOrder: options.word_order ?? 0,
      beta: options.beta ?? 2,
      lowerCase: options.lowercase ?? false,
      whitespace: options.whitespace ?? false,
      epsilonSmoothing: options.eps_smoothing ?? false,
    };
    const rows = {
      hypotheses: segments.map(({ hypothesis }) => hypothesis),
      references: segments.map(({ references }) => references),
    };
    const { score, name, signature } = computeChrf(rows, ours);
    assertClose([score], [expected.score], 1e-13);
    assert.deepEqual([name, signature], [expected.name, expected.signature]);
    const sentences = segments.map(
      (segment) => computeSentenceChrf(segment.hypothesis, segment.references, ours).score,
    );
    assertClose(sentences, expected.sentences, 1e-13);
  }
});

test('chrfMetric refuses options out of range', () => {
  assert.throws(() => chrfMetric({ characterOrder: 0 }), /characterOrder must be a whole number in 1 … 16, got 0/);
  assert.throws(() => chrfMetric({ wordOrder: -1 }), /wordOrder must be a whole number in 0 … 16/);
  assert.throws(() => chrfMetric({ beta: 0 }), /beta must be a number > 0, got 0/);
});
