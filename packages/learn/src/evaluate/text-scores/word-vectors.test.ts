import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { createRandom, spearmanCorrelation, wilsonInterval } from '../../statistics/index.ts';
import { assertClose } from '../testing/scikit-learn-values.ts';
import { type AnalogyMethod, type AnalogySection, evaluateAnalogies, parseAnalogies } from './analogies.ts';
import { evaluateWordSimilarity, parseRatedPairs } from './word-similarity.ts';

const DIMENSIONS = 5;
// More words than one tile of the search.
const words = Array.from({ length: 2500 }, (_, i) => `w${i}`);
const vectors = drawVectors();

function drawVectors(): Float32Array {
  const random = createRandom('vectors');
  return Float32Array.from({ length: words.length * DIMENSIONS }, () => random.normal() + 0.2);
}

function vectorOf(word: string): readonly number[] {
  const row = words.indexOf(word);
  return [...vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)];
}

function cosine(first: string, second: string): number {
  const [a, b] = [vectorOf(first), vectorOf(second)];
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, k) => sum + v * (y[k] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The best word by the definitions, one word after another. */
function answer([a, b, c]: readonly string[], method: AnalogyMethod): string | undefined {
  if (a === undefined || b === undefined || c === undefined) return undefined;
  const shifted = (x: string, y: string): number => (cosine(x, y) + 1) / 2;
  const scored = words
    .filter((word) => word !== a && word !== b && word !== c)
    .map((word) => ({
      word,
      score:
        method === 'add'
          ? cosine(word, b) - cosine(word, a) + cosine(word, c)
          : (shifted(word, b) * shifted(word, c)) / (shifted(word, a) + 0.001),
    }));
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).word;
}

function questionsFor(method: AnalogyMethod): readonly AnalogySection[] {
  const random = createRandom(`questions ${method}`);
  const draw = (): string => words[random.integer(words.length)] ?? '';
  const section = (name: string, wrongEvery: number): AnalogySection => ({
    name,
    questions: Array.from({ length: 8 }, (_, i) => {
      const [a, b, c] = [draw(), draw(), draw()];
      const expected = i % wrongEvery === 0 ? draw() : (answer([a, b, c], method) ?? '');
      return [a, b, c, expected] as const;
    }),
  });
  return [section('some', 2), section('most', 4)];
}

test('evaluateAnalogies finds the word that a plain search finds, by 3CosAdd and 3CosMul', () => {
  for (const method of ['add', 'multiply'] as const) {
    const { total, sections } = evaluateAnalogies({ words, vectors }, questionsFor(method), { method });
    assert.deepEqual(
      sections.map(({ name, right, asked, accuracy }) => [name, right, asked, accuracy]),
      [
        ['some', 4, 8, 0.5],
        ['most', 6, 8, 0.75],
      ],
    );
    assert.deepEqual(total, {
      accuracy: 10 / 16,
      right: 10,
      asked: 16,
      questions: 16,
      interval: wilsonInterval(10, 16),
    });
  }
});

test('evaluateAnalogies never answers with a word of the question, nor asks with unknown words', () => {
  const small = { words: ['a', 'b', 'c', 'd'], vectors: Float32Array.from([1, 0.1, 1, 0.9, 0.8, 0.1, 0.2, 1]) };
  const sections: readonly AnalogySection[] = [
    {
      name: 'x',
      questions: [
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c', 'unknown'],
        ['a', 'b', 'c', 'b'],
        ['A', 'b', 'c', 'd'],
      ],
    },
    { name: 'none', questions: [['u', 'v', 'w', 'x']] },
  ];
  const {
    total,
    sections: [first, second],
  } = evaluateAnalogies(small, sections);
  assert.deepEqual([total.right, total.asked, total.questions], [1, 2, 5]);
  assert.deepEqual([first?.accuracy, second?.accuracy, second?.interval], [0.5, Number.NaN, null]);
  // Without its own exclusion each of a, b and c would be the answer to one of these.
  const near = { words: ['x', 'y', 'z', 'far'], vectors: Float32Array.from([1, 0, 0.99, 0.1, 0.99, -0.1, -0.1, 1]) };
  for (const [a, b, c] of [
    ['x', 'y', 'z'],
    ['y', 'x', 'z'],
    ['z', 'y', 'x'],
  ] as const) {
    assert.equal(evaluateAnalogies(near, [{ name: 'near', questions: [[a, b, c, 'far']] }]).total.right, 1);
  }
  assert.equal(evaluateAnalogies(small, sections, { ignoreCase: true }).total.asked, 3);
  assert.equal(evaluateAnalogies(small, sections, { mostWords: 3 }).total.asked, 1);
});

test('parseAnalogies reads questions-words.txt', { skip: skipWithoutSharedData('text/questions-words.txt') }, () => {
  const sections = parseAnalogies(readFileSync(sharedDataPath('text/questions-words.txt'), 'utf8'));
  assert.equal(sections.length, 14);
  assert.deepEqual([sections[4]?.name, sections[4]?.questions.length], ['family', 506]);
  assert.equal(
    sections.reduce((sum, { questions }) => sum + questions.length, 0),
    19_544,
  );
  assert.deepEqual(sections[0]?.questions[0], ['Athens', 'Greece', 'Baghdad', 'Iraq']);
});

test('parseAnalogies and parseRatedPairs say which line is wrong', () => {
  assert.throws(() => parseAnalogies('a b c d'), /line 1 is "a b c d", expected four words in a section/);
  assert.throws(() => parseAnalogies(': s\na b c\n'), { reason: 'INVALID_DATA', message: /line 2/ });
  assert.throws(() => parseRatedPairs('a\tb\t1\na b\n'), /line 2 is "a b", expected two words and a number/);
  assert.deepEqual(parseRatedPairs('# words\n\ncat dog 7.5\r\n'), [{ first: 'cat', second: 'dog', rating: 7.5 }]);
});

test('evaluateWordSimilarity correlates cosines with ratings over the pairs covered', () => {
  const random = createRandom('pairs');
  const draw = (): string => words[random.integer(words.length)] ?? '';
  const pairs = Array.from({ length: 40 }, () => {
    const [first, second] = [draw(), draw()];
    return { first, second, rating: Math.round(4 * (cosine(first, second) + random.normal())) };
  });
  const expected = spearmanCorrelation(
    pairs.map(({ first, second }) => cosine(first, second)),
    pairs.map(({ rating }) => rating),
  );
  const unknown = { first: 'w0', second: 'unknown', rating: 3 };
  const scores = evaluateWordSimilarity({ words, vectors }, [...pairs, unknown], {
    resampling: { random, resamples: 300 },
  });
  assertClose([scores.spearman], [expected], 1e-9);
  assert.deepEqual([scores.covered, scores.pairs], [40, 41]);
  assert(scores.interval !== null && scores.interval.lower < expected && expected < scores.interval.upper);
  assert(Number.isNaN(evaluateWordSimilarity({ words, vectors }, [unknown]).spearman));
  assert.throws(
    () => evaluateWordSimilarity({ words, vectors: vectors.subarray(1) }, pairs),
    /expects vectors \[2500,/,
  );
  assert.throws(() => evaluateWordSimilarity({ words: ['a'], vectors: Float32Array.from([Infinity]) }, pairs), {
    reason: 'INVALID_DATA',
    message: /the vector of "a" is not finite/,
  });
});
