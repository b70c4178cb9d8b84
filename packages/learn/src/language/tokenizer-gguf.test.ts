import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GgufMetadata, GgufValue } from '../gguf/index.ts';
import {
  PIECE_TYPES,
  readTokenizer,
  type Tokenizer,
  tokenizerFromSentencePieces,
  trainBpe,
  trainCharacters,
  trainUnigram,
  trainWordPiece,
} from '../tokenize/index.ts';
import { tokenizerFromGguf } from './tokenizer-from-gguf.ts';
import { tokenizerToGguf } from './tokenizer-to-gguf.ts';

const TEXTS = ['the cat sat on the mat', 'a dog and a cat: äöü! 🚀', 'the theatre, 1234 times'];

function metadataOf(tokenizer: Tokenizer, more = 0): Map<string, GgufValue> {
  return new Map(tokenizerToGguf(tokenizer, { vocabularySize: tokenizer.vocabularySize + more }));
}

function assertAlike(tokenizer: Tokenizer | null, expected: Tokenizer): void {
  for (const text of [...TEXTS, ' x  y', '', 'the<|endoftext|>cat']) {
    assert.deepEqual([...(tokenizer?.encode(text).ids ?? [])], [...expected.encode(text).ids], JSON.stringify(text));
  }
}

/** Pieces as SentencePiece's BPE has them, with all bytes. */
function pieces(): Tokenizer {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = [...'▁theca', 'th', 'the', '▁the', 'at', 'cat', '▁cat', '▁t', 'he', 'ca', '▁c', '▁a'];
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...words];
  return tokenizerFromSentencePieces({
    tokens,
    scores: tokens.map((_, id) => (id < 259 ? 0 : 259 - id)),
    types: tokens.map((_, id) =>
      id === 0 ? PIECE_TYPES.unknown : id < 3 ? PIECE_TYPES.control : id < 259 ? PIECE_TYPES.byte : PIECE_TYPES.normal,
    ),
    startId: 1,
  });
}

for (const [name, tokenizer] of [
  ['byte-level BPE', trainBpe(TEXTS, { vocabularySize: 290 })],
  ['unigram', trainUnigram(TEXTS, { vocabularySize: 60, form: null, specialTokens: ['<|endoftext|>'] })],
  ['scored pieces', pieces()],
] as const) {
  test(`tokenizerFromGguf gives back the tokenizer that tokenizerToGguf was given: ${name}`, () => {
    const { tokenizer: again } = tokenizerFromGguf(metadataOf(tokenizer, 3));
    assertAlike(again, tokenizer);
    assert.equal(again?.vocabularySize, tokenizer.vocabularySize);
  });
}

test('tokenizerToGguf gives pieces scores in the order in which they merge, and the same where ranks interleave', () => {
  const scoresOf = (tokenizer: Tokenizer, ...tokens: readonly string[]): readonly number[] => {
    const scores = metadataOf(tokenizer).get('tokenizer.ggml.scores');
    assert.ok(scores?.type === 'array' && scores.of === 'float32');
    return tokens.map((token) => Number(scores.items[tokenizer.tokenToId(token) ?? -1]));
  };
  const inOrder = scoresOf(pieces(), 'th', 'the', '▁the', 'at', 'cat', '▁cat', '▁t', 'he', 'ca', '▁c', '▁a', 'e');
  for (let at = 1; at < inOrder.length; at++) assert.ok((inOrder[at] ?? 0) < (inOrder[at - 1] ?? 0), inOrder.join(' '));
  const document = JSON.parse(JSON.stringify(pieces().toJson()));
  // Of equal scores, as in runs of spaces: the two ways to make one piece with another piece between.
  const ways = [
    ['th', 'e'],
    ['c', 'a'],
    ['t', 'he'],
    ['▁', 't'],
  ];
  const others = document.model.merges.filter((merge: string[]) => !ways.some((way) => way.join() === merge.join()));
  const model = { ...document.model, merges: [...ways, ...others] };
  const [the, ca, t, th] = scoresOf(readTokenizer({ ...document, model }), 'the', 'ca', '▁t', 'th');
  assert.equal(the, ca);
  assert.ok(Number(t) < Number(ca) && Number(th) < Number(t));
});

test('tokenizerToGguf finds the tokens around texts, or takes those given', () => {
  const special = (metadata: GgufMetadata): unknown => tokenizerFromGguf(metadata).specialTokens;
  assert.deepEqual(special(metadataOf(pieces())), { start: 1, end: 2, addsStart: true, addsEnd: false });
  const bpe = trainBpe(TEXTS, { vocabularySize: 290 });
  assert.deepEqual(special(metadataOf(bpe)), { start: 0, end: 0, addsStart: false, addsEnd: false });
  const specialTokens = { start: 0, end: 5, addsStart: true, addsEnd: true };
  const given = new Map(tokenizerToGguf(bpe, { vocabularySize: 290, specialTokens }));
  assert.deepEqual(special(given), specialTokens);
  const text = [...(tokenizerFromGguf(given).tokenizer?.encode('cat').ids ?? [])];
  assert.deepEqual(text, [0, ...bpe.encode('cat').ids, 5]);
});

test('tokenizerToGguf refuses tokenizers that llama.cpp has none like, by what is in the way', () => {
  const bpe = JSON.parse(JSON.stringify(trainBpe(TEXTS, { vocabularySize: 290 }).toJson()));
  const refuses = (tokenizer: Tokenizer, message: RegExp): void => {
    assert.throws(() => metadataOf(tokenizer), { reason: 'INVALID_MODEL', message });
  };
  refuses(trainWordPiece(TEXTS, { vocabularySize: 80 }), /no tokenizer with a model WordPiece$/);
  refuses(trainCharacters(TEXTS), /no tokenizer with the pre-tokenizer null$/);
  refuses(
    trainUnigram(TEXTS, { vocabularySize: 60 }),
    /with a normalizer \(NFKC; train the tokenizer with form: null\)$/,
  );
  refuses(trainBpe(TEXTS, { vocabularySize: 290, form: 'NFC' }), /with a normalizer \(NFC\)$/);
  const prefixed = { ...bpe.pre_tokenizer, add_prefix_space: true };
  refuses(readTokenizer({ ...bpe, pre_tokenizer: prefixed }), /with the pre-tokenizer ByteLevel$/);
  refuses(readTokenizer({ ...bpe, model: { ...bpe.model, ignore_merges: true } }), /ByteLevel that ignores merges$/);
  const stripped = [{ ...bpe.added_tokens[0], lstrip: true }];
  refuses(readTokenizer({ ...bpe, added_tokens: stripped }), /the added token "<\|endoftext\|>", which takes spaces$/);
  const scored = JSON.parse(JSON.stringify(pieces().toJson()));
  const fewer = { ...scored.model, merges: scored.model.merges.slice(0, -2) };
  refuses(
    readTokenizer({ ...scored, model: { ...fewer, merges: scored.model.merges.slice(1) } }),
    /with merges without /,
  );
  const unbyted = Object.fromEntries(Object.entries(scored.model.vocab).filter(([token]) => token !== '<0x41>'));
  refuses(
    readTokenizer({ ...scored, model: { ...scored.model, vocab: unbyted } }),
    /with a vocabulary without <0x41>$/,
  );
  refuses(readTokenizer({ ...scored, normalizer: null }), /with the normalizer null$/);
  const sized = trainBpe(TEXTS, { vocabularySize: 290 });
  assert.throws(() => tokenizerToGguf(sized, { vocabularySize: 100 }), { reason: 'INVALID_DATA' });
});

test('tokenizerFromGguf refuses metadata that do not fit together, by key', () => {
  const bpe = metadataOf(trainBpe(TEXTS, { vocabularySize: 290 }));
  const unigram = metadataOf(trainUnigram(TEXTS, { vocabularySize: 60, form: null }));
  const refuses = (metadata: GgufMetadata, changes: Record<string, GgufValue | null>, message: RegExp): void => {
    const changed = new Map(metadata);
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) changed.delete(`tokenizer.ggml.${key}`);
      else changed.set(`tokenizer.ggml.${key}`, value);
    }
    assert.throws(() => tokenizerFromGguf(changed), { reason: 'INVALID_MODEL', message });
  };
  const texts = (...items: string[]): GgufValue => ({ type: 'array', of: 'string', items });
  refuses(bpe, { model: { type: 'string', value: 'rwkv' } }, /^gguf: tokenizer\.ggml\.model expects llama, gpt2 or t5/);
  refuses(bpe, { tokens: null }, /^gguf: tokenizer\.ggml\.tokens expects the tokens, got none$/);
  refuses(bpe, { tokens: texts('a', 'a') }, /expects tokens that differ$/);
  refuses(
    bpe,
    { tokens: texts('a', 'b') },
    /^gguf: tokenizer\.ggml\.token_type expects as many as tokens, 2, got 264$/,
  );
  refuses(
    bpe,
    { pre: { type: 'string', value: 'falcon' } },
    /^gguf: tokenizer\.ggml\.pre expects gpt-2, .* got "falcon"$/,
  );
  refuses(bpe, { merges: texts('ab') }, /^gguf: tokenizer\.ggml\.merges: merge 0 expects a space, got "ab"$/);
  refuses(bpe, { add_bos_token: { type: 'uint8', value: 1 } }, /add_bos_token expects a bool, got uint8$/);
  refuses(unigram, { scores: null }, /^gguf: tokenizer\.ggml\.scores: a tokenizer t5 expects them$/);
  refuses(unigram, { remove_extra_whitespaces: { type: 'bool', value: true } }, /texts that are rewritten so/);
  const scored = metadataOf(pieces());
  const tokens = scored.get('tokenizer.ggml.tokens');
  assert.ok(tokens?.type === 'array' && tokens.of === 'string');
  refuses(
    scored,
    { tokens: texts(...tokens.items.slice(0, -1), 'x'.repeat(40_000)) },
    /pieces of words, got longer ones$/,
  );
  refuses(scored, { token_type: null }, /^gguf: tokenizer\.ggml\.token_type has no unknown token$/);
  assert.deepEqual(tokenizerFromGguf(new Map()).tokenizer, null);
});
