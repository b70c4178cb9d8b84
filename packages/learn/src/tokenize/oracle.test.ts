// Ids, stretches, words and decoded texts as Hugging Face's tokenizers gave them (0.23.2; 0.22.2 for truncation, which
// later versions do before counting), for every stage by itself and for whole tokenizers, on texts drawn at random from
// a dozen scripts. Made by: `t = Tokenizer.from_str(document); e = t.encode(text, pair, add_special_tokens=…)`, then
// e.ids, e.tokens, e.type_ids, e.word_ids (none as −1), e.offsets (turned into UTF-16 units, flat), the ids of
// e.overflowing, and t.decode(e.ids). The same was compared once on 75,466 texts, where only the
// stretch of one added token with spaces around it differed; this is a sample.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { readTokenizer, type Tokenizer } from './index.ts';

interface Row {
  readonly text: string;
  readonly pair?: string;
  readonly special: boolean;
  readonly ids: readonly number[];
  readonly tokens?: readonly string[];
  readonly types: readonly number[];
  readonly words: readonly number[];
  readonly spans: readonly number[];
  readonly decoded: string;
  readonly overflow: readonly (readonly number[])[];
}

interface SmallCase {
  readonly name: string;
  readonly document: unknown;
  readonly rows: readonly Row[];
}

interface SharedCase {
  readonly name: string;
  /** A published tokenizer, whose stages `changes` replace. */
  readonly file: string;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
}

function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'testing', 'fixtures', name), 'utf8'));
}

function assertRow(tokenizer: Tokenizer, row: Row): void {
  const encoding = tokenizer.encode(row.text, {
    addSpecialTokens: row.special,
    ...(row.pair === undefined ? {} : { pair: row.pair }),
  });
  const about = JSON.stringify([row.text, row.pair]);
  assert.deepEqual([...encoding.ids], row.ids, about);
  if (row.tokens !== undefined) assert.deepEqual(encoding.tokens, row.tokens, about);
  assert.deepEqual([...encoding.typeIds], row.types, about);
  assert.deepEqual([...encoding.wordIndexes], row.words, about);
  const spans = Array.from(encoding.starts).flatMap((start, index) => [start, encoding.ends[index]]);
  assert.deepEqual(spans, row.spans, about);
  const overflow = encoding.overflowing.map(({ ids }) => [...ids]);
  assert.deepEqual(overflow, row.overflow, about);
  assert.equal(tokenizer.decode(row.ids, { skipSpecialTokens: row.special }), row.decoded, about);
}

// The fixtures are of these types; they were written by the script the head of this file describes.
const smallCases = readFixture('oracle-small.json') as readonly SmallCase[];
const sharedCases = readFixture('oracle-shared.json') as readonly SharedCase[];

for (const { name, document, rows } of smallCases) {
  test(`Tokenizer.encode agrees with Hugging Face's tokenizers: ${name}`, () => {
    const tokenizer = readTokenizer(document);
    for (const row of rows) assertRow(tokenizer, row);
  });
}

for (const { name, file, changes, rows } of sharedCases) {
  const path = `llm/tokenizers/${file}.json`;
  test(`Tokenizer.encode agrees with Hugging Face's tokenizers on a published vocabulary: ${name}`, {
    skip: skipWithoutSharedData(path),
  }, () => {
    const { ignoreMerges = false, ...stages } = changes;
    const published = JSON.parse(readFileSync(sharedDataPath(path), 'utf8'));
    const model = { ...published.model, ignore_merges: ignoreMerges };
    const tokenizer = readTokenizer({ ...published, ...stages, model });
    for (const row of rows) assertRow(tokenizer, row);
  });
}
