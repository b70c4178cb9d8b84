import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moderate } from './moderate.ts';

const scores = (of: Readonly<Record<string, number>>) => Object.entries(of).map(([label, score]) => ({ label, score }));

test('moderate flags categories from one half on, and the input where one is', () => {
  assert.deepEqual(moderate([scores({ hate: 0.5, violence: 0.4999 })]), {
    isFlagged: true,
    categories: [
      { name: 'hate', score: 0.5, isFlagged: true },
      { name: 'violence', score: 0.4999, isFlagged: false },
    ],
  });
});

test('moderate leaves out labels that say that nothing is wrong', () => {
  for (const harmless of ['ham', 'OK', 'Neutral', 'non-toxic', 'not_hate', 'no violence']) {
    const { isFlagged, categories } = moderate([scores({ [harmless]: 0.9, spam: 0.1 })]);
    assert.deepEqual([isFlagged, categories.map(({ name }) => name)], [false, ['spam']], harmless);
  }
  for (const category of ['nonsense', 'nothing', 'hate', 'notice']) {
    assert.equal(moderate([scores({ [category]: 0.9 })]).isFlagged, true, category);
  }
});

test('moderate takes the greatest score of the parts of an input', () => {
  const { isFlagged, categories } = moderate([scores({ a: 0.2, b: 0.7 }), scores({ a: 0.3, b: 0.1 })]);
  assert.deepEqual(
    [isFlagged, categories.map(({ name, score }) => [name, score])],
    [
      true,
      [
        ['a', 0.3],
        ['b', 0.7],
      ],
    ],
  );
});
