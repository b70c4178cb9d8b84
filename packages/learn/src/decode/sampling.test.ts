import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import {
  chooseLikeliest,
  computeTokenProbabilities,
  type SamplingOptions,
  sampleToken,
  type TokenChoiceOptions,
} from './sampling.ts';

const LOGITS = [0.3, -1.2, 2.1, 0.3, Number.NEGATIVE_INFINITY, 1.4, -0.5, 1.9];
const HISTORY = [2, 6, 2];

const CASES: readonly TokenChoiceOptions[] = [
  {},
  { temperature: 0.6 },
  { temperature: 2.5, topK: 4 },
  { topK: 1 },
  { topK: 4 }, // 0.3 comes twice: the first one is in
  { topP: 0.5 },
  { topP: 0.83, temperature: 1.7 },
  { topP: 1e-9 },
  { minP: 0.3 },
  { minP: 1 },
  { topK: 3, topP: 0.7 }, // two tokens: 0.7 of the three, not of all
  { topK: 5, topP: 0.7, minP: 0.1, temperature: 1.3 },
  { repetitionPenalty: 1.8, history: HISTORY },
  { repetitionPenalty: 0.4, history: HISTORY, topK: 3, topP: 0.9 },
  { temperature: 0 },
  { topK: 100, topP: 1, minP: 0 },
];

/** The definitions one after another, on sorted lists. */
function expectedProbabilities(options: TokenChoiceOptions): readonly number[] {
  const { temperature = 1, topK = 1e9, topP = 1, minP = 0, repetitionPenalty = 1, history = [] } = options;
  const penalised = LOGITS.map((logit, token) => {
    if (!history.includes(token)) return logit;
    return logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty;
  });
  const heated = penalised.map((logit) => (temperature === 0 ? logit * 1e6 : logit / temperature));
  const normalise = (weights: readonly (readonly [number, number])[]): (readonly [number, number])[] => {
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    return weights.map(([token, weight]) => [token, weight / total]);
  };
  const top = Math.max(...heated);
  let kept = normalise(heated.map((logit, token) => [token, Math.exp(logit - top)] as const));
  kept.sort(([a, first], [b, second]) => second - first || a - b);
  kept = normalise(kept.slice(0, topK));
  let before = 0;
  kept = normalise(
    kept.filter(([, probability]) => {
      const isIn = before < topP;
      before += probability;
      return isIn;
    }),
  );
  const most = kept[0]?.[1] ?? 0;
  kept = normalise(kept.filter(([, probability]) => probability >= minP * most));
  const probabilities = LOGITS.map(() => 0);
  for (const [token, probability] of kept) probabilities[token] = probability;
  return probabilities;
}

test('computeTokenProbabilities follows the definitions of every filter, alone and together', () => {
  for (const options of CASES) {
    const probabilities = computeTokenProbabilities(LOGITS, options);
    expectedProbabilities(options).forEach((expected, token) => {
      const got = probabilities[token] ?? Number.NaN;
      assert(Math.abs(got - expected) < 1e-12, `${JSON.stringify(options)}: token ${token}: ${got}, not ${expected}`);
    });
  }
});

test('sampleToken draws as often as the probabilities say', () => {
  const random = createRandom('chi-square');
  const draws = 20_000;
  for (const options of CASES) {
    const counts = LOGITS.map(() => 0);
    for (let draw = 0; draw < draws; draw++) {
      const token = sampleToken(LOGITS, random, options);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    let chiSquare = 0;
    computeTokenProbabilities(LOGITS, options).forEach((probability, token) => {
      const count = counts[token] ?? 0;
      if (probability === 0) assert.equal(count, 0, `token ${token} was left out`);
      else chiSquare += (count - draws * probability) ** 2 / (draws * probability);
    });
    // At most 6 degrees of freedom: 22.5 is passed once in a thousand.
    assert(chiSquare < 22.5, `${JSON.stringify(options)}: chi-square ${chiSquare}`);
  }
});

test('sampleToken repeats itself with the same generator', () => {
  const draw = (seed: string): readonly number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 30 }, () => sampleToken(LOGITS, random, { topP: 0.9 }));
  };
  assert.deepEqual(draw('a'), draw('a'));
  assert.notDeepEqual(draw('a'), draw('b'));
});

test('chooseLikeliest takes the first of equal ones', () => {
  assert.equal(chooseLikeliest([1, 4, 4, 2]), 1);
  assert.equal(chooseLikeliest(Float32Array.of(Number.NEGATIVE_INFINITY, -3)), 1);
});

test('sampling refuses options out of range and what is no distribution', () => {
  const random = createRandom(0);
  const refused: readonly (readonly [SamplingOptions, RegExp])[] = [
    [{ temperature: -1 }, /temperature must be a number ≥ 0, got -1/],
    [{ topK: 0 }, /topK must be a whole number ≥ 1, got 0/],
    [{ topP: 0 }, /topP must be a number above 0 and at most 1, got 0/],
    [{ minP: 1.1 }, /minP must be a number in 0 … 1, got 1.1/],
    [{ repetitionPenalty: 0 }, /repetitionPenalty must be a number > 0, got 0/],
  ];
  for (const [options, message] of refused) {
    assert.throws(() => sampleToken(LOGITS, random, options), { reason: 'INVALID_ARGUMENT', message });
  }
  assert.throws(() => sampleToken([1, Number.NaN], random), { reason: 'INVALID_DATA', message: /logit 1 is NaN/ });
  assert.throws(() => sampleToken([Number.POSITIVE_INFINITY], random), /logit 0 is Infinity/);
  assert.throws(() => sampleToken([Number.NEGATIVE_INFINITY], random), /all of 1 logits are -Infinity/);
  assert.throws(() => chooseLikeliest([]), /all of 0 logits/);
});
