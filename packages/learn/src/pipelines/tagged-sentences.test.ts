import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTaggedSentences } from './tagged-sentences.ts';

test('readTaggedSentences reads words and tags, sentence by sentence', () => {
  const text = '\uFEFF# a comment\r\nThe\tDET\r\ncat\tNOUN\r\n\r\n\n#\tSYM\n1\tNUM\n# another\n\n';
  assert.deepEqual(readTaggedSentences(text, 'made'), [
    { words: ['The', 'cat'], tags: ['DET', 'NOUN'] },
    { words: ['#', '1'], tags: ['SYM', 'NUM'] },
  ]);
});

test('readTaggedSentences takes other columns and separators', () => {
  const conll = '1 EU eu PROPN B-ORG\n2 met meet VERB O';
  assert.deepEqual(readTaggedSentences(conll, 'made', { separator: ' ', wordColumn: 1 }), [
    { words: ['EU', 'met'], tags: ['B-ORG', 'O'] },
  ]);
  const [first] = readTaggedSentences(conll, 'made', { separator: ' ', wordColumn: 1, tagColumn: 3 });
  assert.deepEqual(first?.tags, ['PROPN', 'VERB']);
});

test('readTaggedSentences refuses lines without a word or a tag, and texts without sentences', () => {
  assert.throws(() => readTaggedSentences('a\tX\nb\n', 'made.tsv'), {
    reason: 'INVALID_DATA',
    message: 'made.tsv: line 2 needs a word and its tag, separated by "\\t"; it is "b"',
  });
  assert.throws(() => readTaggedSentences('\tX', 'made.tsv'), { message: /line 1 needs a word/ });
  assert.throws(() => readTaggedSentences('a\t ', 'made.tsv'), { message: /line 1 needs a word/ });
  assert.throws(() => readTaggedSentences('# nothing\n\n', 'made.tsv'), { message: /no tagged sentence/ });
});
