// The states are walked here as a grammar's reader would; llama.cpp's own reading is held against them in the server's tests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFreeText, GbnfRules } from './index.ts';

/** Whether the rules, each a choice of characters and a next state, let a text through. */
function accepts(grammar: string, root: string, text: string): boolean {
  const rules = new Map(
    grammar.split('\n').map((line) => [line.slice(0, line.indexOf(' ::=')), line.slice(line.indexOf('::=') + 4)]),
  );
  let states = new Set([root]);
  for (const character of text) {
    const next = new Set<string>();
    for (const state of states) {
      for (const branch of rules.get(state)?.split(' | ') ?? []) {
        const [set = '', target = ''] = branch.split(' ');
        if (set !== '""' && new RegExp(`^${set.replaceAll('\\U0010ffff', '\u{10ffff}')}$`, 'u').test(character))
          next.add(target);
      }
    }
    states = next;
  }
  return [...states].some((state) => state === 'END' || rules.get(state)?.includes('""'));
}

test('addFreeText lets every text through in which the marker does not occur, however it overlaps itself', () => {
  for (const marker of ['aab', 'abab', 'aaa', 'abcabd']) {
    const rules = new GbnfRules();
    const [root, ...begun] = addFreeText(rules, { marker, next: 'END', mayEnd: true });
    assert.equal(begun.length, marker.length - 1);
    const grammar = rules.toString(root);
    const visit = (text: string): void => {
      const at = text.indexOf(marker);
      const isRight = at < 0 || at === text.length - marker.length;
      assert.equal(accepts(grammar, root, text), isRight, `${marker}: ${text}`);
      for (const [index, state] of begun.entries()) {
        const whole = marker.slice(0, index + 1) + text;
        const found = whole.indexOf(marker);
        const isFree = found < 0 || found === whole.length - marker.length;
        assert.equal(accepts(grammar, state, text), isFree, `${marker}: ${whole}`);
      }
      if (text.length < 6) for (const character of 'abc') visit(text + character);
    };
    visit('');
  }
});
