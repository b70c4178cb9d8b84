import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { input, type Value } from '../graph/index.ts';
import { fitTextVectoriser, type TextVectoriser } from './text-features.ts';
import { buildTextFeatures, buildWordSequence } from './text-graph.ts';
import { fitWordSequence } from './text-sequence.ts';

/** How it was made stands in text-features.test.ts. */
const scikit = JSON.parse(readFileSync(join(import.meta.dirname, 'testing', 'scikit-tfidf.json'), 'utf8')) as {
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly parts: Readonly<
    Record<'word' | 'character', { readonly rows: readonly Readonly<Record<string, number>>[] }>
  >;
}; // the shape the script wrote

const VECTORISER = fitTextVectoriser(scikit.train, {
  words: { lengths: [1, 2], maxFeatures: 1000 },
  characters: { lengths: [2, 3], maxFeatures: 1000 },
});
const executor = await createOrtNodeExecutor();

test("buildTextFeatures gives scikit-learn's features", async () => {
  const rows = await featuresOf(scikit.test, VECTORISER);
  for (const [row, features] of rows.entries()) {
    const expected = { ...scikit.parts.character.rows[row], ...scikit.parts.word.rows[row] };
    // Some n-grams are words and characters at once; they stand in both blocks.
    const { word, character } = features;
    assert.deepEqual(Object.keys(word).toSorted(), Object.keys(scikit.parts.word.rows[row] ?? {}).toSorted());
    assert.deepEqual(Object.keys(character).toSorted(), Object.keys(scikit.parts.character.rows[row] ?? {}).toSorted());
    for (const [gram, value] of Object.entries(character)) near(value, scikit.parts.character.rows[row]?.[gram]);
    for (const [gram, value] of Object.entries(word)) near(value, expected[gram]);
  }
});

test('buildTextFeatures gives a text the same features alone and in company', async () => {
  const texts = ['free lunch', '', 'a very long text about nothing that mentions cash, cash and cash', '💰 WIN 💰'];
  const together = await featuresOf(texts, VECTORISER);
  for (const [row, text] of texts.entries()) assert.deepEqual((await featuresOf([text], VECTORISER))[0], together[row]);
  assert.deepEqual(together[1], { word: {}, character: {} });
});

test('buildWordSequence numbers words, fills up and cuts off', async () => {
  const sequence = fitWordSequence(scikit.train, { maxLength: 4, minLength: 2 });
  const number = (word: string): number => sequence.words.indexOf(word) + 2;
  const x = input('text', 'string', ['N']);
  const rows = await run(['Win CASH!', 'zebra, now', '', 'now now now at at'], buildWordSequence(x, sequence), x);
  assert.deepEqual(
    rows.map((row) => row.map(Number)),
    [
      [number('win'), number('cash'), 0, 0],
      [1, number('now'), 0, 0],
      [0, 0, 0, 0],
      [number('now'), number('now'), number('now'), number('at')],
    ],
  );
});

test('buildTextFeatures looks at so many characters and no more', async () => {
  const short: TextVectoriser = { ...VECTORISER, maxCharacters: 64 };
  const text = `${'x '.repeat(32)}cash`; // 64 characters, then a word
  const [cut] = await featuresOf([text], short);
  const [whole] = await featuresOf([text], VECTORISER);
  assert.deepEqual([Object.keys(cut?.word ?? {}), Object.keys(whole?.word ?? {})], [[], ['cash']]);
});

function near(actual: number, expected: number | undefined): void {
  assert(Math.abs(actual - (expected ?? Number.NaN)) < 2e-6, `${actual} is not ${expected}`);
}

interface NamedFeatures {
  readonly word: Readonly<Record<string, number>>;
  readonly character: Readonly<Record<string, number>>;
}

/** The features that are not 0, by n-gram. */
async function featuresOf(texts: readonly string[], vectoriser: TextVectoriser): Promise<readonly NamedFeatures[]> {
  const x = input('text', 'string', ['N']);
  const rows = await run(texts, buildTextFeatures(x, vectoriser), x);
  const names = vectoriser.blocks.flatMap(({ unit, grams }) =>
    grams.map((gram) => ({ unit, gram: gram.join(unit === 'word' ? ' ' : '') })),
  );
  return rows.map((row) => {
    const found: Record<'word' | 'character', Record<string, number>> = { word: {}, character: {} };
    for (const [column, { unit, gram }] of names.entries()) {
      const value = Number(row[column]);
      if (value !== 0) found[unit][gram] = value;
    }
    return found;
  });
}

async function run(
  texts: readonly string[],
  output: Value,
  x: Value,
): Promise<readonly (readonly (number | bigint)[])[]> {
  const compiled = await executor.compile(compileToOnnx(simplify(new Map([['y', output]])), { inputs: [x] }));
  const encoder = new TextEncoder();
  const data = texts.map((text) => encoder.encode(text));
  const result = (await compiled.run(new Map([['text', createTensor('string', [texts.length], data)]]))).get('y');
  await compiled.dispose();
  assert(result?.dtype === 'float32' || result?.dtype === 'int64');
  const width = result.shape[1] ?? 0;
  const all: readonly (number | bigint)[] = Array.from<number | bigint>(result.data);
  return texts.map((_, row) => all.slice(row * width, (row + 1) * width));
}
