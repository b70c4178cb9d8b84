import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseModel } from './choose-model.ts';

const model = (name: string, ...labels: readonly string[]) => ({ name, labels });

test('chooseModel takes the one there is, prefers others to the bundled one, and asks where several are meant', () => {
  const teller = model('story-teller');
  assert.equal(chooseModel([teller]), 'story-teller');
  assert.equal(chooseModel([model('chat')]), 'chat');
  assert.equal(chooseModel([model('chat'), teller]), 'chat');
  assert.equal(chooseModel([model('a'), model('b', 'canary', 'production'), teller]), 'b');
  assert.equal(chooseModel([model('a'), model('b'), teller]), 'story-teller');
  assert.throws(() => chooseModel([model('a'), model('b')]), /say which model: a, b/);
  assert.throws(() => chooseModel([]), /no language model: put one into it/);
});
