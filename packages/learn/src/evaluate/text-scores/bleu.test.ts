import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { createRandom } from '../../statistics/index.ts';
import { assertClose } from '../testing/scikit-learn-values.ts';
import { type BleuOptions, bleuMetric, computeBleu, computeSentenceBleu } from './bleu.ts';
import { computeChrf } from './chrf.ts';
import { tokenizeForBleu } from './sacrebleu-tokenizers.ts';
import { sacrebleuValues } from './testing/published-values.ts';
import { compareTextScores, estimateTextScore } from './text-metric.ts';

const { segments, bleu, tokens, oneReference, multi30k } = sacrebleuValues;
const hypotheses = segments.map(({ hypothesis }) => hypothesis);
const references = segments.map((segment) => segment.references);

test("tokenizeForBleu cuts as sacreBLEU's tokenizers do", () => {
  for (const tokenizer of ['13a', 'intl', 'char', 'none'] as const) {
    const words = segments.slice(0, 8).map((segment) => tokenizeForBleu(segment.references.at(-1) ?? '', tokenizer));
    assert.deepEqual(words, tokens[tokenizer], tokenizer);
  }
});

test("computeBleu gives sacreBLEU's numbers and signatures under every option", () => {
  assert.equal(bleu.length, 13);
  for (const expected of bleu) {
    const { options } = expected;
    const ours: BleuOptions = {
      effectiveOrder: options.effective_order ?? false,
      lowerCase: options.lowercase ?? false,
      smoothing: options.smooth_method ?? 'exp',
      ...(options.smooth_value === undefined ? {} : { smoothingValue: options.smooth_value }),
      maxOrder: options.max_ngram_order ?? 4,
      tokenizer: options.tokenize ?? '13a',
    };
    const score = computeBleu({ hypotheses, references }, ours);
    assertClose([score.score, score.brevityPenalty], [expected.score, expected.bp], 1e-13);
    assertClose(score.precisions, expected.precisions, 1e-13);
    if (options.smooth_method !== 'add-k') {
      assert.deepEqual([score.matches, score.totals], [expected.counts, expected.totals]); // it adds to its counts
    }
    assert.deepEqual([score.hypothesisLength, score.referenceLength], [expected.hyp, expected.ref]);
    assert.equal(score.signature, expected.signature);
    const sentences = segments.map(
      (segment) => computeSentenceBleu(segment.hypothesis, segment.references, ours).score,
    );
    assertClose(sentences, expected.sentences, 1e-13);
  }
});

test('computeBleu with one reference each says so in its signature', () => {
  const score = computeBleu({ hypotheses, references: references.map((accepted) => accepted.slice(0, 1)) });
  assertClose([score.score], [oneReference.score], 1e-13);
  assert.equal(score.signature, oneReference.signature);
});

test('computeSentenceBleu leaves out orders a sentence is too short for', () => {
  assertClose([computeSentenceBleu('a b c', ['a b c']).score], [100]);
  assert(computeSentenceBleu('a b c', ['a b c'], { effectiveOrder: false }).score < 1e-9);
});

test('computeBleu refuses what cannot be scored', () => {
  assert.throws(() => computeBleu({ hypotheses: ['a'], references: [] }), /references for 1 hypotheses, got 0/);
  assert.throws(() => computeBleu({ hypotheses: [], references: [] }), { reason: 'INVALID_DATA' });
  assert.throws(() => computeBleu({ hypotheses: ['a', 'b'], references: [['a'], []] }), /segment 1 has no reference/);
  assert.throws(() => bleuMetric({ maxOrder: 0 }), /maxOrder must be a whole number in 1 … 16, got 0/);
  assert.throws(() => bleuMetric({ smoothingValue: 1 }), /got 1 with "exp"/);
});

const file = 'text/multi30k_test_2016_flickr.en.gz';

test("computeBleu and computeChrf of 1,000 captions are sacreBLEU's", { skip: skipWithoutSharedData(file) }, () => {
  const lines = readCaptions();
  const rows = { hypotheses: mangle(lines, 5, 7), references: lines.map((line) => [line]) };
  assertClose([computeBleu(rows).score], [multi30k.first], 1e-13);
  assertClose([computeChrf(rows).score], [multi30k.chrf], 1e-13);
  assertClose([computeChrf(rows, { wordOrder: 2 }).score], [multi30k.chrfpp], 1e-13);
});

test('estimateTextScore and compareTextScores bootstrap segments', { skip: skipWithoutSharedData(file) }, () => {
  const lines = readCaptions();
  const references = lines.map((line) => [line]);
  const [first, second] = [mangle(lines, 5, 7), mangle(lines, 6, 5)];
  const options = { random: createRandom(3), resamples: 400 };
  const { value, interval } = estimateTextScore(bleuMetric(), { hypotheses: second, references }, options);
  assertClose([value], [multi30k.second], 1e-13);
  // sacreBLEU's own bootstrap of 1,000 resamples: 33.483 ± 0.554.
  assert(interval !== null && Math.abs((interval.upper - interval.lower) / 2 - 0.554) < 0.07);
  const comparison = compareTextScores(bleuMetric(), { first, second, references }, options);
  assertClose([comparison.first, comparison.second], [multi30k.first, multi30k.second], 1e-13);
  assertClose([comparison.difference], [multi30k.first - multi30k.second], 1e-10);
  // 4,000 resamples by NumPy over sacreBLEU's own counts: p = 0.088, difference in -0.924 … 0.060.
  assert(Math.abs(comparison.pValue - 0.088) < 0.04, `p = ${comparison.pValue}`);
  assert(comparison.interval !== null && Math.abs(comparison.interval.lower + 0.924) < 0.12);
  assert(Math.abs(comparison.interval.upper - 0.06) < 0.12);
  const same = compareTextScores(bleuMetric(), { first, second: first, references }, options);
  assert.deepEqual([same.difference, same.pValue], [0, 1]);
});

function readCaptions(): readonly string[] {
  return gunzipSync(readFileSync(sharedDataPath(file)))
    .toString('utf8')
    .split('\n')
    .slice(0, 1000);
}

/** Every so many-th word left out, every so many-th replaced. */
function mangle(lines: readonly string[], every: number, replaced: number): readonly string[] {
  return lines.map((line) =>
    line
      .split(' ')
      .flatMap((word, i) => (i % every === every - 1 ? [] : [i % replaced === replaced - 1 ? 'thing' : word]))
      .join(' '),
  );
}
