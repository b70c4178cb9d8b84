import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTokenizer } from './index.ts';

/** Every character is a token of its own, so that whatever is longer was added. */
function tokensOf(text: string, added: readonly object[], normalizer: object | null = null): readonly string[] {
  const tokenizer = readTokenizer({
    model: { type: 'BPE', vocab: { '?': 0 }, merges: [], unk_token: '?' },
    normalizer,
    added_tokens: added.map((token, index) => ({ id: index + 1, normalized: false, special: false, ...token })),
  });
  return tokenizer.encode(text).tokens;
}

test('AddedTokenFinder takes the leftmost and there the longest token', () => {
  const added = [{ content: '<a' }, { content: '<a>' }, { content: 'a>b' }];
  assert.deepEqual(tokensOf('<a>b', added), ['<a>', '?']);
  assert.deepEqual(tokensOf('x<a<a>', added), ['?', '<a', '<a>']);
  assert.deepEqual(tokensOf('xa>b', added), ['?', 'a>b']);
});

test('AddedTokenFinder takes single words only where no word goes on', () => {
  const added = [{ content: 'fox', single_word: true }];
  assert.deepEqual(tokensOf('fox', added), ['fox']);
  assert.deepEqual(tokensOf('-fox.', added), ['?', 'fox', '?']);
  assert.deepEqual(tokensOf('foxy', added), ['?', '?', '?', '?']);
  assert.deepEqual(tokensOf('éfox', added), ['?', '?', '?', '?']);
  assert.deepEqual(tokensOf('𝒜fox', added), ['?', '?', '?', '?']);
});

test('AddedTokenFinder gives a token the spaces beside it that it strips', () => {
  const added = [{ content: '<m>', lstrip: true, rstrip: true }];
  assert.deepEqual(tokensOf('a \u3000<m>\n b', added), ['?', ' \u3000<m>\n ', '?']);
  assert.deepEqual(tokensOf('<m> <m>', added), ['<m> ', '<m>']);
});

test('AddedTokenFinder looks for normalized tokens in the normalized text, for others in the text itself', () => {
  const lower = { type: 'Lowercase' };
  assert.deepEqual(tokensOf('Fox', [{ content: 'FOX', normalized: true }], lower), ['fox']);
  assert.deepEqual(tokensOf('Fox FOX', [{ content: 'FOX' }], lower), ['?', '?', '?', '?', 'FOX']);
  assert.deepEqual(tokensOf('a', [{ content: '' }]), ['?']);
});
