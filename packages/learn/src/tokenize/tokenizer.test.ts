import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { readTokenizer, type Tokenizer, trainBpe, trainCharacters, trainUnigram, trainWordPiece } from './index.ts';
import { drawText } from './testing/awkward-characters.ts';

const TEXTS = [
  'The quick brown fox jumps over the lazy dog. The dog barks; the fox is quicker!',
  'She sells sea shells by the sea shore. The shells she sells are sea shells, surely.',
  'Größere Häuser, größere Gärten: нещо на Български, 中文字符 and 🦙🦙 llamas.',
];

const byteLevel = trainBpe(TEXTS, { vocabularySize: 340 });
const wordPiece = trainWordPiece(TEXTS, { vocabularySize: 160 });
const unigram = trainUnigram(TEXTS, { vocabularySize: 120 });
const characters = trainCharacters(TEXTS, { specialTokens: ['<s>'] });
const ALL: readonly (readonly [string, Tokenizer])[] = [
  ['byte-level BPE', byteLevel],
  ['WordPiece', wordPiece],
  ['unigram', unigram],
  ['characters', characters],
];

test('Tokenizer.decode gives back every text that a byte-level tokenizer encodes', () => {
  const random = createRandom('round trip');
  for (let round = 0; round < 2000; round++) {
    const text = drawText(random, 30).replaceAll('<|endoftext|>', '');
    assert.equal(byteLevel.decode(byteLevel.encode(text).ids), text);
  }
});

test('Tokenizer.encode cuts a byte-level text into stretches that cover it without a gap', () => {
  const random = createRandom('cover');
  const untrimmed = readTokenizer({ ...Object(byteLevel.toJson()), post_processor: null });
  for (let round = 0; round < 1000; round++) {
    const text = drawText(random, 30);
    const { starts, ends } = untrimmed.encode(text);
    let covered = 0;
    starts.forEach((start, index) => {
      const end = ends[index] ?? 0;
      // Tokens may share a character, each having some of its bytes; none may begin after a gap.
      assert.ok(start <= covered && end >= covered && end > start, JSON.stringify(text));
      covered = end;
    });
    assert.equal(covered, text.length);
  }
});

for (const [name, tokenizer] of ALL) {
  test(`Tokenizer.encode keeps stretches in order, inside the text and on characters: ${name}`, () => {
    const random = createRandom(name);
    for (let round = 0; round < 500; round++) {
      const text = drawText(random, 25);
      const encoding = tokenizer.encode(text);
      let before = 0;
      encoding.starts.forEach((start, index) => {
        if (encoding.specialTokensMask[index] === 1) return;
        const end = encoding.ends[index] ?? 0;
        assert.ok(before <= start && start <= end && end <= text.length, JSON.stringify(text));
        assert.ok(text.slice(start, end).isWellFormed(), JSON.stringify(text));
        before = start;
      });
      assert.equal(encoding.tokens.length, encoding.ids.length);
      assert.ok(encoding.ids.every((id) => id >= 0 && id < tokenizer.vocabularySize));
    }
  });

  test(`Tokenizer.encode takes long runs of one kind, broken text and nothing: ${name}`, () => {
    for (const unit of ['a', ' ', '\n', '\0', '!', '👩\u200d👧', '\u0301', 'ab', ' a', '\ud800']) {
      const text = unit.repeat(Math.floor(30_000 / unit.length));
      assert.ok(tokenizer.encode(text).ids.length <= 120_002);
    }
    assert.deepEqual(tokenizer.encode('x\udc00y').ids, tokenizer.encode('x\ufffdy').ids);
    assert.equal(tokenizer.encode('', { addSpecialTokens: false }).ids.length, 0);
    assert.equal(tokenizer.decode([]), '');
    assert.equal(tokenizer.decode([1_000_000, -1, 0.5]), '');
  });

  test(`Tokenizer.toJson writes a tokenizer.json that reads back the same: ${name}`, () => {
    const again = readTokenizer(JSON.stringify(tokenizer.toJson()));
    assert.deepEqual(again.toJson(), tokenizer.toJson());
    assert.equal(again.vocabularySize, tokenizer.vocabularySize);
    const random = createRandom('again');
    for (let round = 0; round < 200; round++) {
      const text = drawText(random, 25);
      assert.deepEqual(again.encode(text), tokenizer.encode(text));
    }
  });
}

test('Tokenizer.encode gives the tokens, stretches and masks of a pair', () => {
  const text = 'The fox';
  const encoding = wordPiece.encode(text, { pair: 'sells' });
  const stretches = encoding.tokens.map((_, index) => {
    const own = encoding.sequenceIndexes[index] === 1 ? 'sells' : text;
    return own.slice(encoding.starts[index], encoding.ends[index]);
  });
  assert.deepEqual([stretches.slice(1, -3).join(''), stretches.at(-2)], ['Thefox', 'sells']);
  assert.equal(encoding.tokens[0], '[CLS]');
  assert.deepEqual([...encoding.typeIds.slice(-2)], [1, 1]);
  assert.deepEqual([...encoding.specialTokensMask].filter((mask) => mask === 1).length, 3);
  assert.equal(encoding.sequenceIndexes[0], -1);
});

test('Tokenizer.encodeWords tells which word each token belongs to', () => {
  const words = ['Shells', 'zzz', '', 'foxes!'];
  const encoding = characters.encodeWords(words);
  const rebuilt = words.map((_, word) =>
    [...encoding.wordIndexes].flatMap((index, place) =>
      index === word ? [words[word]?.slice(encoding.starts[place], encoding.ends[place])] : [],
    ),
  );
  assert.deepEqual(
    rebuilt.map((parts) => parts.join('')),
    words,
  );
});

test('Tokenizer.encodeBatch pads to the longest, to a length and to a multiple, on either side', () => {
  const padding = { id: 0, token: '[PAD]' } as const;
  const lengths = (encodings: readonly { ids: Int32Array }[]) => encodings.map(({ ids }) => ids.length);
  const batch = ['the', 'the lazy dog barks'] as const;
  const [short, long] = wordPiece.encodeBatch(batch, { padding });
  assert.equal(short?.ids.length, long?.ids.length);
  assert.deepEqual([...(short?.attentionMask ?? [])].slice(0, 4), [1, 1, 1, 0]);
  assert.equal(short?.tokens.at(-1), '[PAD]');
  assert.deepEqual(
    lengths(wordPiece.encodeBatch(batch, { padding: { ...padding, length: 40, multipleOf: 16 } })),
    [48, 48],
  );
  const [left] = wordPiece.encodeBatch(batch, { padding: { ...padding, side: 'left' } });
  assert.equal(left?.tokens[0], '[PAD]');
  assert.equal(left?.attentionMask.at(-1), 1);
  assert.equal(left?.specialTokensMask[0], 1);
});

test('Tokenizer.encode truncates with overlap and loses nothing', () => {
  const text = 'she sells sea shells by the sea shore';
  const whole = characters.encode(text);
  const cut = characters.encode(text, { truncation: { maxLength: 9, stride: 3 } });
  const parts = [cut, ...cut.overflowing];
  assert.deepEqual(
    parts.flatMap(({ ids }, index) => [...(index === 0 ? ids : ids.slice(3))]),
    [...whole.ids],
  );
  assert.ok(parts.every(({ ids }) => ids.length <= 9));
});

test('Tokenizer.encode truncates the longer text of a pair first, or the one it is told to', () => {
  const lengths = (first: number, second: number, truncation: object): readonly number[] => {
    const options = { pair: 'b'.repeat(second), truncation: { maxLength: 7, ...truncation } };
    const { sequenceIndexes } = characters.encode('a'.repeat(first), options);
    return [0, 1].map((sequence) => sequenceIndexes.filter((own) => own === sequence).length);
  };
  assert.deepEqual(lengths(20, 2, {}), [5, 2]);
  assert.deepEqual(lengths(2, 20, {}), [2, 5]);
  assert.deepEqual(lengths(20, 10, {}), [4, 3]);
  assert.deepEqual(lengths(10, 20, {}), [3, 4]);
  assert.deepEqual(lengths(3, 4, {}), [3, 4]);
  assert.deepEqual(lengths(20, 5, { strategy: 'first' }), [2, 5]);
  assert.deepEqual(lengths(5, 20, { strategy: 'second' }), [5, 2]);
});

test('Tokenizer.encode gives what overflows of a pair in all combinations with what is kept', () => {
  const { ids, tokens, overflowing } = characters.encode('shel', { pair: 'lazy', truncation: { maxLength: 4 } });
  assert.equal(ids.length, 4);
  const texts = [tokens, ...overflowing.map((part) => part.tokens)].map((parts) => parts.join(''));
  assert.deepEqual(texts, ['shla', 'ella', 'elzy', 'shzy']);
});

test('Tokenizer.encode refuses truncation and padding that cannot be', () => {
  const refused = (options: object) =>
    assert.throws(
      () => wordPiece.encode('the fox', options),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_ARGUMENT',
    );
  refused({ truncation: { maxLength: 3, stride: 1 } });
  refused({ truncation: { maxLength: -1 } });
  refused({ truncation: { maxLength: 3, strategy: 'second' } });
  refused({ padding: { id: 0, token: '[PAD]', length: 1e12 } });
  refused({ padding: { id: -1, token: '[PAD]' } });
});

test('Tokenizer.decode leaves special tokens out unless told otherwise', () => {
  const { ids } = byteLevel.encode('a<|endoftext|>b');
  assert.equal(byteLevel.decode(ids), 'ab');
  assert.equal(byteLevel.decode(ids, { skipSpecialTokens: false }), 'a<|endoftext|>b');
  assert.deepEqual(byteLevel.decodeBatch([ids, []]), ['ab', '']);
  assert.equal(byteLevel.tokenToId('<|endoftext|>'), 0);
  assert.equal(byteLevel.idToToken(0), '<|endoftext|>');
  assert.equal(byteLevel.tokenToId('__proto__'), null);
  assert.equal(byteLevel.idToToken(9999), null);
});
