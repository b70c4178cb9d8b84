import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readTokenizer } from '@amaas/learn/tokenize';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { type EncodedRows, TokenizerShelf } from './tokenizer-shelf.ts';

const BERT = 'llm/tokenizers/minilm_bert_tokenizer.json';
const GPT2 = 'llm/tokenizers/gpt2_tokenizer.json';
const skip = skipWithoutSharedData(BERT, GPT2);

function open(path: string) {
  const file = readFileSync(sharedDataPath(path));
  const shelf = new TokenizerShelf();
  const facts = shelf.put('t', file);
  return { shelf, facts, oracle: readTokenizer(file.toString()) };
}

const base = { key: 't', pair: false, maxTokens: 100, truncate: 'refuse', addSpecialTokens: true, what: 'x' } as const;

function rowsOf({ lengths, ids, typeIds }: EncodedRows): readonly { ids: number[]; typeIds: number[] }[] {
  let at = 0;
  return Array.from(lengths, (length) => {
    at += length;
    return { ids: [...ids.subarray(at - length, at)], typeIds: [...typeIds.subarray(at - length, at)] };
  });
}

const words = (count: number, word: string) => new Array(count).fill(word).join(' ');

test('TokenizerShelf.put tells what plans need to know', { skip }, () => {
  assert.deepEqual(open(BERT).facts, { vocabularySize: 30522, padding: 0, specialTokens: { single: 2, pair: 3 } });
  assert.deepEqual(open(GPT2).facts, { vocabularySize: 50257, padding: null, specialTokens: { single: 0, pair: 0 } });
});

test('TokenizerShelf.encode cuts as the tokenizer itself does, texts and pairs of every balance, at both ends', {
  skip,
}, () => {
  const { shelf, oracle } = open(BERT);
  const texts = [words(3, 'one'), words(20, 'two'), words(9, 'three'), '', 'a [SEP] b'];
  for (const maxTokens of [3, 4, 5, 6, 7, 10, 11, 16, 40]) {
    for (const [truncate, side] of [
      ['end', 'right'],
      ['start', 'left'],
    ] as const) {
      const single = rowsOf(shelf.encode({ ...base, texts, maxTokens, truncate }));
      for (const [row, text] of texts.entries()) {
        const { ids } = oracle.encode(text, { padding: null, truncation: { maxLength: maxTokens, side } });
        assert.deepEqual(single[row]?.ids, [...ids], `${text} in ${maxTokens}`);
      }
      if (maxTokens < 5) continue;
      const pairs = texts.flatMap((text) => texts.map((other) => [text, other] as const));
      const paired = rowsOf(shelf.encode({ ...base, texts: pairs.flat(), pair: true, maxTokens, truncate }));
      for (const [row, [text, pair]] of pairs.entries()) {
        const options = { pair, padding: null, truncation: { maxLength: maxTokens, side } } as const;
        const { ids, typeIds } = oracle.encode(text, options);
        assert.deepEqual(paired[row], { ids: [...ids], typeIds: [...typeIds] }, `${text} | ${pair} in ${maxTokens}`);
      }
    }
  }
});

test('TokenizerShelf.encode pays no heed to the lengths in the document, and leaves special tokens out when told to', {
  skip,
}, () => {
  const { shelf, oracle } = open(BERT);
  const long = words(300, 'word');
  assert.ok(oracle.encode(long).ids.length < 300, 'the document cuts texts');
  assert.equal(shelf.encode({ ...base, texts: [long, 'a'], maxTokens: 1000 }).ids.length, 302 + 3);
  const plain = shelf.encode({ ...base, texts: ['a b', ''], addSpecialTokens: false });
  assert.deepEqual(
    [[...plain.lengths], [...plain.ids]],
    [[2, 0], [...oracle.encode('a b', { padding: null }).ids].slice(1, 3)],
  );
});

test('TokenizerShelf.encode names the row of too many tokens', { skip }, () => {
  const { shelf } = open(GPT2);
  assert.throws(() => shelf.encode({ ...base, texts: ['a', words(9, 'b')], maxTokens: 5 }), {
    reason: 'INVALID_ARGUMENT',
    message: 'text: text 1 of 2 for x has 9 tokens; at most 5 are taken',
  });
  assert.throws(() => shelf.encode({ ...base, texts: ['a', 'b', 'c', words(9, 'b')], pair: true, maxTokens: 5 }), {
    message: 'text: text 1 of 2 for x has 10 tokens; at most 5 are taken',
  });
});

test('TokenizerShelf.decode ends a text at the first end token and leaves special ones out when told to', {
  skip,
}, () => {
  const { shelf, oracle } = open(GPT2);
  const end = 50256;
  const [a, b] = [oracle.encode('Hello').ids, oracle.encode(' 東京').ids];
  const row = [...a, ...b, end, ...a, -1, 99_999_999];
  const task = { key: 't', rowTokens: row.length, rows: 2, skipSpecialTokens: true, endIds: [] };
  const ids = BigInt64Array.from([...row, ...row.toReversed()], BigInt);
  assert.deepEqual(shelf.decode({ ...task, ids: ids.slice(0, row.length), rows: 1 }), ['Hello 東京Hello']);
  assert.deepEqual(shelf.decode({ ...task, ids: Int32Array.from(row), rows: 1, skipSpecialTokens: false }), [
    'Hello 東京<|endoftext|>Hello',
  ]);
  assert.deepEqual(shelf.decode({ ...task, ids, endIds: [end] }), ['Hello 東京', oracle.decode([...a.toReversed()])]);
  assert.deepEqual(shelf.idsOf('t', ['<|endoftext|>', '</s>']), [end, null]);
});

test('TokenizerShelf.put says what is wrong with a document', () => {
  const shelf = new TokenizerShelf();
  const put = (text: string) => () => shelf.put('t', Buffer.from(text));
  assert.throws(put('{'), { reason: 'INVALID_MODEL', message: /the document expects JSON, got text that is none/ });
  assert.throws(put('[]'), { message: 'tokenizer.json: the document expects an object, got a list of 0' });
  assert.throws(put('{"model":{"type":"Huh"}}'), { message: /model\.type expects one of .*, got "Huh"/ });
  assert.throws(() => shelf.put('t', Uint8Array.of(0xff)), { reason: 'INVALID_MODEL' });
});
