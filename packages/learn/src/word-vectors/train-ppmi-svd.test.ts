import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { type CoOccurrences, countCoOccurrences } from './co-occurrences.ts';
import { readCorpus, trainPpmiSvd } from './index.ts';
import { Pauses } from './pauses.ts';
import { decomposeSparse, type SparseMatrix } from './sparse-svd.ts';
import { numpyValues } from './testing/numpy-values.ts';
import { positiveInformation } from './train-ppmi-svd.ts';

function sparse(matrix: readonly (readonly number[])[]): SparseMatrix {
  const kept = matrix.map((row) => row.flatMap((value, place) => (value === 0 ? [] : [{ value, place }])));
  const starts = [0];
  for (const row of kept) starts.push((starts.at(-1) ?? 0) + row.length);
  return {
    rows: matrix.length,
    columns: matrix[0]?.length ?? 0,
    starts: Int32Array.from(starts),
    places: Int32Array.from(kept.flat(), ({ place }) => place),
    values: Float32Array.from(kept.flat(), ({ value }) => value),
  };
}

function dense({ rows, columns, starts, places, values }: SparseMatrix): number[][] {
  return Array.from({ length: rows }, (_, row) => {
    const line = new Array<number>(columns).fill(0);
    for (let k = starts[row] ?? 0; k < (starts[row + 1] ?? 0); k++) line[places[k] ?? 0] = values[k] ?? 0;
    return line;
  });
}

const svd = (matrix: readonly (readonly number[])[], rank: number, iterations: number) =>
  decomposeSparse(sparse(matrix), {
    rank,
    iterations,
    oversampling: 4,
    random: createRandom('svd'),
    pauses: new Pauses('test', undefined),
  });

test("decomposeSparse finds NumPy's largest singular values and left vectors", async () => {
  const { values, vectors } = await svd(numpyValues.matrix, 5, 60);
  assert.equal(values.length, 5);
  values.forEach((value, k) => {
    assert(Math.abs(value - (numpyValues.singularValues[k] ?? 0)) < 1e-5, `value ${k}: ${value}`);
    const expected = numpyValues.leftVectors[k] ?? [];
    const product = expected.reduce((sum, each, row) => sum + each * (vectors[k]?.[row] ?? 0), 0);
    assert(Math.abs(Math.abs(product) - 1) < 1e-6, `vector ${k}: ${product}`); // either sign is right
  });
});

test('decomposeSparse comes close with few passes', async () => {
  const { values } = await svd(numpyValues.matrix, 5, 2);
  values.forEach((value, k) => {
    const expected = numpyValues.singularValues[k] ?? 0;
    assert(value <= expected + 1e-6 && value > 0.99 * expected, `value ${k}: ${value}, not ${expected}`);
  });
});

test('decomposeSparse of less rank than asked for ends in zeros', async () => {
  const { values, vectors } = await svd(numpyValues.lowRank, 6, 3);
  assert([...values.subarray(0, 3)].every((value) => value > 0.1));
  assert(
    [...values.subarray(3)].every((value) => value < 1e-4),
    `${values}`,
  ); // float32 is not exactly of rank 3
  assert(vectors.flatMap((vector) => [...vector]).every(Number.isFinite));
});

/** Each pair once, as countCoOccurrences gives them. */
function halfOf(counts: readonly (readonly number[])[]): CoOccurrences {
  const pairs = counts.flatMap((row, first) =>
    row.flatMap((weight, second) => (second >= first && weight > 0 ? [{ first, second, weight }] : [])),
  );
  return {
    words: counts.length,
    first: Int32Array.from(pairs, ({ first }) => first),
    second: Int32Array.from(pairs, ({ second }) => second),
    weights: Float32Array.from(pairs, ({ weight }) => weight),
  };
}

test("positiveInformation gives NumPy's values, smoothed and shifted", () => {
  for (const { values, ...options } of numpyValues.ppmi) {
    const found = dense(positiveInformation(halfOf(numpyValues.counts), options));
    values.forEach((row, word) => {
      row.forEach((expected, context) => {
        const value = found[word]?.[context] ?? Number.NaN;
        assert(Math.abs(value - expected) < 1e-6, `${JSON.stringify(options)} ${word} ${context}: ${value}`);
      });
    });
  }
});

const text = ['a b c a b', 'c c a', 'd a b d a b d'].map((line) => line.split(' '));
const standard = { window: 3, subsample: 0, maxPairs: 100, seed: 0 };

for (const weighting of ['reciprocal', 'linear', 'equal'] as const) {
  test(`countCoOccurrences (${weighting}) sums over both sides`, async () => {
    const corpus = await readCorpus(text, { minCount: 1 });
    const found = await countCoOccurrences(corpus, { ...standard, weighting });
    const { words } = corpus.vocabulary;
    const expected = new Map<string, number>();
    for (const sentence of text) {
      sentence.forEach((a, i) => {
        sentence.forEach((b, j) => {
          const d = Math.abs(i - j);
          if (d === 0 || d > 3) return;
          const weight = { reciprocal: 1 / d, linear: (4 - d) / 3, equal: 1 }[weighting];
          expected.set(`${a} ${b}`, (expected.get(`${a} ${b}`) ?? 0) + weight);
        });
      });
    }
    const seen = new Map<string, number>();
    found.weights.forEach((weight, k) => {
      const [a, b] = [words[found.first[k] ?? -1], words[found.second[k] ?? -1]];
      seen.set(`${a} ${b}`, weight).set(`${b} ${a}`, weight);
    });
    assert.deepEqual(new Set(seen.keys()), new Set(expected.keys()));
    for (const [pair, weight] of expected) assert(Math.abs((seen.get(pair) ?? 0) - weight) < 1e-6, pair);
  });
}

test('countCoOccurrences holds many pairs, and refuses more than it may', async () => {
  const random = createRandom('pairs');
  const corpus = await readCorpus(
    Array.from({ length: 300 }, () => Array.from({ length: 30 }, () => `w${random.integer(3000)}`)),
    { minCount: 1 },
  );
  const options = { ...standard, window: 10, weighting: 'equal', maxPairs: 200_000 } as const;
  const { weights, first, second, words } = await countCoOccurrences(corpus, options);
  // 300 sentences of 30 words: each word meets up to ten before it; once per side.
  const sum = weights.reduce((total, weight, k) => total + (first[k] === second[k] ? weight / 2 : weight), 0);
  assert.equal(sum, 300 * (10 * 20 + 45));
  const keys = new Set(first.map((a, k) => a * words + (second[k] ?? 0)));
  assert(keys.size === weights.length && keys.size > 60_000);
  await assert.rejects(countCoOccurrences(corpus, { ...options, maxPairs: 1000 }), {
    reason: 'INVALID_DATA',
    message: /more than 1000 different pairs/,
  });
});

test('trainPpmiSvd puts words together that stand together, the same for a seed', async () => {
  const random = createRandom('circles');
  const circles = [
    ['sun', 'moon', 'star', 'the'],
    ['fork', 'knife', 'spoon', 'the'],
  ];
  const corpus = await readCorpus(
    Array.from({ length: 200 }, (_, k) => Array.from({ length: 6 }, () => circles[k % 2]?.[random.integer(4)] ?? '')),
  );
  const options = { dimensions: 3, subsample: 0.1 };
  const model = await trainPpmiSvd(corpus, options);
  const near = model.nearest('knife', 2).map(({ word }) => word);
  assert.deepEqual(new Set(near), new Set(['fork', 'spoon']));
  assert.deepEqual((await trainPpmiSvd(corpus, options)).vectors, model.vectors);
  // More numbers than words: those beyond the rank are 0.
  const wide = await trainPpmiSvd(corpus, { dimensions: 12 });
  assert(wide.dimensions === 12 && wide.vectors.every(Number.isFinite));
});

test('trainPpmiSvd refuses options out of range and ends when cancelled', async () => {
  const corpus = await readCorpus(text, { minCount: 1 });
  for (const wrong of [
    { dimensions: 0 },
    { eigenvalueWeight: 2 },
    { shift: 0 },
    { contextSmoothing: -1 },
    { window: 0 },
  ]) {
    await assert.rejects(trainPpmiSvd(corpus, wrong), { reason: 'INVALID_ARGUMENT' });
  }
  await assert.rejects(trainPpmiSvd(corpus, { shift: 1e9 }), { reason: 'INVALID_DATA' });
  await assert.rejects(trainPpmiSvd(corpus, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
});
