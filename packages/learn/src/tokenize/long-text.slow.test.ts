// A megabyte of one kind in one go: whatever grows with the square of the length would not end here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trainBpe, trainUnigram } from './index.ts';

const TEXTS = ['aa aaaa aaaaaaaa', 'ab abab 👩\u200d👧 👩\u200d👧'];

for (const tokenizer of [trainBpe(TEXTS, { vocabularySize: 270 }), trainUnigram(TEXTS, { vocabularySize: 20 })]) {
  for (const unit of ['a', ' ', '👩\u200d👧', '\u0301', ' a']) {
    test(`Tokenizer.encode takes a megabyte of ${JSON.stringify(unit)}`, () => {
      const text = unit.repeat(Math.floor(1_000_000 / unit.length));
      const { ids, ends } = tokenizer.encode(text);
      assert.ok(ids.length > 0);
      assert.equal(ends.at(-1), text.length);
    });
  }
}

test('trainBpe takes a megabyte without a space', () => {
  const tokenizer = trainBpe(['ab'.repeat(500_000)], { vocabularySize: 300 });
  assert.ok(tokenizer.encode('ab'.repeat(1000)).ids.length < 100);
});
