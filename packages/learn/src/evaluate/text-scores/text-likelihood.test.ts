import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeChoiceScores,
  measureTextLikelihood,
  parseChoiceQuestions,
  type ScoreTokens,
} from './text-likelihood.ts';

/** Every token is told once; how likely it is tells how much was seen before it. */
function recorder() {
  const told = new Map<number, number>();
  const score: ScoreTokens = async (prefix, tokens) =>
    tokens.map((token, index) => {
      assert(!told.has(token));
      assert.deepEqual(
        prefix,
        Array.from({ length: prefix.length }, (_, back) => (tokens[0] ?? 0) - prefix.length + back),
      );
      told.set(token, prefix.length + index);
      return -token;
    });
  return { told, score };
}

test('measureTextLikelihood predicts every token once, behind at least half a window', async () => {
  for (const [length, windowTokens, beginsTexts] of [
    [37, 8, true],
    [37, 8, false],
    [8, 8, true],
    [9, 8, true],
    [100, 7, false],
    [2, 2, false],
  ] as const) {
    const { told, score } = recorder();
    const tokens = Array.from({ length }, (_, index) => index);
    const { logLikelihoods, tokens: counts } = await measureTextLikelihood(score, tokens, {
      windowTokens,
      beginsTexts,
    });
    const first = beginsTexts ? 0 : 1;
    assert.deepEqual([...told.keys()], tokens.slice(first));
    assert.equal(
      Array.from(counts).reduce((a, b) => a + b, 0),
      length - first,
    );
    assert.equal(
      Array.from(logLikelihoods).reduce((a, b) => a + b, 0),
      -tokens.reduce((a, b) => a + b, 0),
    );
    for (const [token, before] of told) {
      assert(before >= Math.min(token, Math.ceil(windowTokens / 2)), `${token} behind ${before}`);
      assert(before < windowTokens);
    }
  }
  await assert.rejects(
    measureTextLikelihood(recorder().score, [1], { windowTokens: 4, beginsTexts: false }),
    /it has 1 tokens, and none to predict/,
  );
});

test('computeChoiceScores prefers the likeliest, and the likeliest per byte', () => {
  const questions = [
    { prompt: '', choices: ['a', 'bbbb'], answer: 1 },
    { prompt: '', choices: ['a', 'b', 'c', 'd'], answer: 0 },
  ];
  const scores = computeChoiceScores(questions, [
    [-2, -4],
    [-1, -2, -3, -4],
  ]);
  assert.deepEqual([scores.accuracy, scores.accuracyPerByte, scores.chance, scores.questions], [0.5, 1, 0.375, 2]);
  assert(scores.interval.lower < 0.5 && scores.interval.upper > 0.5);
});

test('parseChoiceQuestions names the line that is wrong', () => {
  const line = '{"prompt":"p","choices":["a","b"],"answer":1}';
  assert.deepEqual(parseChoiceQuestions(`${line}\n\n`), [{ prompt: 'p', choices: ['a', 'b'], answer: 1 }]);
  const refuses = (text: string, message: RegExp): void => assert.throws(() => parseChoiceQuestions(text), message);
  refuses(`${line}\n{`, /line 2: it is no JSON/);
  refuses('{"choices":["a","b"],"answer":1}', /line 1: "prompt" must be a text/);
  refuses('{"prompt":"p","choices":["a"],"answer":0}', /line 1: "choices" must be a list of at least two/);
  refuses('{"prompt":"p","choices":["a","b"],"answer":2}', /line 1: "answer" must be a whole number from 0 to 1/);
  refuses('\n', /the file has none/);
});
