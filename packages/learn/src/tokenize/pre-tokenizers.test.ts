// Expected values are those of Hugging Face's tokenizers 0.23.2.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignWhole } from './aligned-text.ts';
import { readTokenizer } from './index.ts';
import { JsonNode } from './json-node.ts';
import { readPreTokenizer } from './pre-tokenizers.ts';

function split(preTokenizer: object, text: string): readonly string[] {
  const { split: cut } = readPreTokenizer(new JsonNode(preTokenizer, 'pre_tokenizer'));
  return cut(alignWhole(text)).map((word) => word.text);
}

test('readPreTokenizer cuts at matches that follow each other as the behaviour says', () => {
  const punctuation = (behavior: string) => split({ type: 'Punctuation', behavior }, '??a!!,b-');
  assert.deepEqual(punctuation('Removed'), ['a', 'b']);
  assert.deepEqual(punctuation('Isolated'), ['?', '?', 'a', '!', '!', ',', 'b', '-']);
  assert.deepEqual(punctuation('MergedWithPrevious'), ['?', '?', 'a!', '!', ',', 'b-']);
  assert.deepEqual(punctuation('MergedWithNext'), ['?', '?a', '!', '!', ',b', '-']);
  assert.deepEqual(punctuation('Contiguous'), ['??', 'a', '!!,', 'b', '-']);
});

test('readPreTokenizer marks the beginning of the text, of each stretch, or none', () => {
  const tokens = (prepend_scheme: string): readonly string[] =>
    readTokenizer({
      model: { type: 'Unigram', vocab: [['<unk>', 0]], unk_id: 0 },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme },
      added_tokens: [{ id: 1, content: '<s>', special: true }],
    }).encode('a b<s>c d').tokens;
  assert.deepEqual(tokens('always'), ['▁a', '▁b', '<s>', '▁c', '▁d']);
  assert.deepEqual(tokens('first'), ['▁a', '▁b', '<s>', 'c', '▁d']);
  assert.deepEqual(tokens('never'), ['a', '▁b', '<s>', 'c', '▁d']);
});

test('readPreTokenizer cuts at a character that delimits', () => {
  assert.deepEqual(split({ type: 'CharDelimiterSplit', delimiter: '^' }, 'a^b^^c'), ['a', 'b', 'c']);
});
