import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { generateSequences } from './generate.ts';
import { computeTokenProbabilities } from './sampling.ts';
import { createRandomModel, logProbabilitiesOf } from './testing/random-model.ts';

const VOCABULARY = 5;
const END = 4;

function startOf(tokens: readonly number[]): { tokens: Int32Array; state: readonly (readonly number[])[] } {
  return { tokens: Int32Array.from(tokens), state: tokens.map((_, row) => [100 + row]) };
}

test('generateSequences goes on with the likeliest token until the end token or the limit', async () => {
  const model = createRandomModel('greedy', VOCABULARY);
  const start = startOf([0, 1, 2, 3, 1, 0]);
  const told = start.state.map((): number[] => []);
  const sequences = await generateSequences(model, start, {
    maxTokens: 6,
    endTokens: [END],
    onToken: (row, token) => told[row]?.push(token),
  });
  start.state.forEach((begin, row) => {
    const tokens: number[] = [];
    let logProbability = 0;
    let ended = false;
    while (!ended && tokens.length < 6) {
      const logProbabilities = logProbabilitiesOf(model.logitsAfter([...begin, start.tokens[row] ?? 0, ...tokens]));
      const best = logProbabilities.indexOf(Math.max(...logProbabilities));
      logProbability += logProbabilities[best] ?? 0;
      ended = best === END;
      if (!ended) tokens.push(best);
    }
    const got = sequences[row];
    assert.deepEqual([got?.tokens, got?.ended], [tokens, ended]);
    assert(Math.abs((got?.logProbability ?? 0) - logProbability) < 1e-12);
    assert.deepEqual(told[row], ended ? [...tokens, END] : tokens);
  });
  // Both kinds came about, and rows that ended were not computed any more.
  assert(sequences.some(({ ended }) => ended) && sequences.some(({ ended }) => !ended));
  assert.equal(model.batches[0], 6);
  assert.equal(
    model.batches.reduce((sum, rows) => sum + rows, 0),
    told.reduce((sum, tokens) => sum + tokens.length, 0),
  );
});

test('generateSequences samples each row by its own generator, whatever the other rows are', async () => {
  const model = createRandomModel('sampled', VOCABULARY);
  const sampling = { random: createRandom('texts'), temperature: 1.4, topK: 4 };
  const options = { maxTokens: 8, endTokens: [END], sampling };
  const together = await generateSequences(model, startOf([0, 1, 2]), options);
  const alone = await generateSequences(model, startOf([0]), options);
  assert.deepEqual(together[0], alone[0]);
  const other = { ...options, sampling: { ...sampling, random: createRandom('others') } };
  assert.notDeepEqual(await generateSequences(model, startOf([0, 1, 2]), other), together);
});

test('generateSequences draws whole sequences as often as the model says, with its penalty for repetitions', async () => {
  const model = createRandomModel('frequencies', 3);
  const rows = 6000;
  const start = { tokens: new Int32Array(rows), state: Array.from({ length: rows }, () => []) };
  const sampling = { random: createRandom('many'), repetitionPenalty: 5 };
  const histories = Array.from({ length: rows }, () => [2]);
  const sequences = await generateSequences(model, start, { maxTokens: 2, endTokens: [1], sampling, histories });
  const counts = new Map<string, number>();
  for (const { tokens, ended } of sequences) {
    const key = [...tokens, ...(ended ? [1] : [])].join(' ');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let chiSquare = 0;
  let cells = 0;
  for (let first = 0; first < 3; first++) {
    const probabilities = computeTokenProbabilities(model.logitsAfter([0]), { repetitionPenalty: 5, history: [2] });
    for (let second = 0; second < (first === 1 ? 1 : 3); second++) {
      const after = { repetitionPenalty: 5, history: [2, first] };
      const next = first === 1 ? 1 : (computeTokenProbabilities(model.logitsAfter([0, first]), after)[second] ?? 0);
      const expected = rows * (probabilities[first] ?? 0) * next;
      chiSquare += ((counts.get(first === 1 ? '1' : `${first} ${second}`) ?? 0) - expected) ** 2 / expected;
      cells++;
    }
  }
  assert.equal(cells, 7);
  assert(chiSquare < 22.5, `chi-square ${chiSquare}`); // 6 degrees of freedom: once in a thousand
});

test('generateSequences refuses bad limits and a model that gives too little', async () => {
  const model = createRandomModel('refused', VOCABULARY);
  const start = startOf([0]);
  await assert.rejects(
    generateSequences(model, start, { maxTokens: 0 }),
    /maxTokens must be a whole number ≥ 1, got 0/,
  );
  await assert.rejects(generateSequences(model, start, { maxTokens: 2, endTokens: [5] }), {
    reason: 'INVALID_ARGUMENT',
    message: /end token 5 is none of the model's 5 tokens/,
  });
  await assert.rejects(generateSequences(model, startOf([]), { maxTokens: 2 }), /at least one row/);
  await assert.rejects(generateSequences({ ...model, vocabularySize: 6 }, start, { maxTokens: 2 }), {
    reason: 'INVALID_SHAPE',
    message: 'generate: expects logits [1,6] of a step, got 5 numbers',
  });
  await assert.rejects(generateSequences(model, start, { maxTokens: 2, signal: AbortSignal.abort() }), {
    reason: 'CANCELLED',
  });
});
