import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BeamSequence, searchBeams } from './beam-search.ts';
import { generateSequences } from './generate.ts';
import { createRandomModel, logProbabilitiesOf, type RandomModel } from './testing/random-model.ts';

interface Scored {
  readonly tokens: readonly number[];
  readonly ended: boolean;
  readonly logProbability: number;
  readonly length: number;
}

const byScore = (lengthPenalty: number) => (a: Scored, b: Scored) =>
  b.logProbability / b.length ** lengthPenalty - a.logProbability / a.length ** lengthPenalty;

/** Every sequence there is. */
function enumerate(
  model: RandomModel,
  begin: readonly number[],
  limits: { max: number; end: number },
): readonly Scored[] {
  const go = (tokens: readonly number[], logProbability: number): readonly Scored[] => {
    const logProbabilities = logProbabilitiesOf(model.logitsAfter([...begin, ...tokens]));
    return logProbabilities.flatMap((step, token) => {
      const [total, length] = [logProbability + step, tokens.length + 1];
      if (token === limits.end) return [{ tokens, ended: true, logProbability: total, length }];
      if (length === limits.max) return [{ tokens: [...tokens, token], ended: false, logProbability: total, length }];
      return go([...tokens, token], total);
    });
  };
  return go([], 0);
}

/** Beam search in the plainest form: everything sorted, nothing stopped early. */
function plainSearch(
  model: RandomModel,
  begin: readonly number[],
  { beams, max, end, lengthPenalty }: { beams: number; max: number; end: number; lengthPenalty: number },
): readonly Scored[] {
  let live: readonly Scored[] = [{ tokens: [], ended: false, logProbability: 0, length: 0 }];
  const finished: Scored[] = [];
  for (let length = 1; length <= max; length++) {
    const candidates = live
      .flatMap(({ tokens, logProbability }) =>
        logProbabilitiesOf(model.logitsAfter([...begin, ...tokens])).map((step, token) => ({
          tokens: token === end ? tokens : [...tokens, token],
          ended: token === end,
          logProbability: logProbability + step,
          length,
        })),
      )
      .sort((a, b) => b.logProbability - a.logProbability);
    const going = candidates.filter(({ ended }) => !ended).slice(0, beams);
    const last = going.length < beams ? Number.NEGATIVE_INFINITY : (going.at(-1)?.logProbability ?? 0);
    finished.push(...candidates.filter(({ ended, logProbability }) => ended && logProbability > last));
    live = going;
  }
  return [...finished, ...live].sort(byScore(lengthPenalty)).slice(0, beams);
}

function assertSame(found: readonly BeamSequence[], expected: readonly Scored[], lengthPenalty: number): void {
  assert.deepEqual(
    found.map(({ tokens, ended }) => [tokens, ended]),
    expected.map(({ tokens, ended }) => [tokens, ended]),
  );
  found.forEach(({ logProbability, score }, rank) => {
    const { logProbability: wanted = 0, length = 1 } = expected[rank] ?? {};
    assert(Math.abs(logProbability - wanted) < 1e-12);
    assert(Math.abs(score - wanted / length ** lengthPenalty) < 1e-12);
  });
}

test('searchBeams wide enough finds every sequence in the order of its score', async () => {
  for (const lengthPenalty of [0, 0.6, 1, 2]) {
    for (let seed = 0; seed < 6; seed++) {
      const model = createRandomModel(`wide ${seed}`, 4);
      const expected = [...enumerate(model, [seed, 2], { max: 4, end: 3 })].sort(byScore(lengthPenalty));
      assert.equal(expected.length, 1 + 3 + 9 + 27 + 81);
      const [found = []] = await searchBeams(
        model,
        { tokens: Int32Array.of(2), state: [[seed]] },
        { beams: expected.length, maxTokens: 4, endTokens: [3], lengthPenalty },
      );
      assertSame(found, expected, lengthPenalty);
    }
  }
});

test('searchBeams of any width finds what a plain search without early stop finds', async () => {
  let [stopped, whole] = [0, 0];
  for (const lengthPenalty of [0, 0.6, 1, 2]) {
    for (const beams of [1, 2, 3, 7]) {
      for (let seed = 0; seed < 12; seed++) {
        const model = createRandomModel(`narrow ${seed}`, 5);
        const [found = []] = await searchBeams(
          model,
          { tokens: Int32Array.of(2), state: [[seed]] },
          { beams, maxTokens: 9, endTokens: [4], lengthPenalty },
        );
        assertSame(found, plainSearch(model, [seed, 2], { beams, max: 9, end: 4, lengthPenalty }), lengthPenalty);
        if (model.batches.length < 9) stopped++;
        else whole++;
      }
    }
  }
  assert(stopped > 20 && whole > 20, `${stopped} stopped early, ${whole} did not`);
});

test('searchBeams searches rows together as it does each alone', async () => {
  const model = createRandomModel('rows', 6);
  const options = { beams: 3, maxTokens: 7, endTokens: [0, 5] };
  const state = [[7], [8], [9], [10]];
  const together = await searchBeams(model, { tokens: Int32Array.of(1, 2, 3, 4), state }, options);
  for (let row = 0; row < 4; row++) {
    const alone = await searchBeams(
      model,
      { tokens: Int32Array.of(row + 1), state: state.slice(row, row + 1) },
      options,
    );
    assert.deepEqual(together[row], alone[0]);
  }
  assert.equal(new Set(together.map((found) => JSON.stringify(found))).size, 4);
});

test('searchBeams with one beam and no end token is greedy', async () => {
  const model = createRandomModel('greedy beam', 6);
  const start = { tokens: Int32Array.of(1), state: [[]] };
  const [[found] = []] = await searchBeams(model, start, { beams: 1, maxTokens: 5 });
  const [greedy] = await generateSequences(model, start, { maxTokens: 5 });
  assert.deepEqual(found?.tokens, greedy?.tokens);
});

test('searchBeams never goes on with forbidden tokens', async () => {
  const model = createRandomModel('forbidden', 4);
  const forbidding = {
    ...model,
    async step(tokens: Int32Array, state: readonly (readonly number[])[]) {
      const step = await model.step(tokens, state);
      return { ...step, logits: step.logits.map((logit, i) => (i % 4 === 1 ? Number.NEGATIVE_INFINITY : logit)) };
    },
  };
  const start = { tokens: Int32Array.of(0), state: [[]] };
  const [found = []] = await searchBeams(forbidding, start, { beams: 100, maxTokens: 3, endTokens: [3] });
  assert.equal(found.length, 1 + 2 + 4 + 8);
  assert(found.every(({ tokens }) => !tokens.includes(1)));
});

test('searchBeams refuses options out of range', async () => {
  const model = createRandomModel('refused', 4);
  const start = { tokens: Int32Array.of(0), state: [[]] };
  await assert.rejects(
    searchBeams(model, start, { beams: 0, maxTokens: 3 }),
    /beams must be a whole number ≥ 1, got 0/,
  );
  await assert.rejects(searchBeams(model, start, { beams: 2, maxTokens: 3, lengthPenalty: -1 }), {
    reason: 'INVALID_ARGUMENT',
    message: /lengthPenalty must lie in 0 … 10, got -1/,
  });
  const broken = { ...model, step: async () => ({ logits: Float32Array.of(0, Number.NaN, 0, 0), state: [[]] }) };
  await assert.rejects(searchBeams(broken, start, { beams: 2, maxTokens: 3 }), { reason: 'INVALID_DATA' });
});
