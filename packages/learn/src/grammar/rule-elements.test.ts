import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHARACTERS, END, OR, readRuleElements, RULE, TOKEN } from './rule-elements.ts';

/** Rules by number, elements in short. */
function read(grammar: string): readonly string[] {
  const { elements, starts, classes } = readRuleElements(grammar);
  const short = elements.map(({ kind, value }) => {
    if (kind === CHARACTERS) return JSON.stringify(classes[value]);
    return { [END]: '.', [OR]: '|', [RULE]: String(value), [TOKEN]: '<>' }[kind];
  });
  return starts.map((start, rule) => short.slice(start, starts[rule + 1]).join(' '));
}

test('readRuleElements writes groups and repetitions out as llama.cpp does', () => {
  assert.deepEqual(read('root ::= "a" b # c\nb ::= [x-z0] | <[5]> !<t>'), [
    '[[97,97]] 1 .',
    '[[48,48],[120,122]] | <> <> .',
  ]);
  const a = '[[97,97]]';
  assert.deepEqual(read('root ::= "a"*'), ['1 .', `${a} 1 | .`]);
  assert.deepEqual(read('root ::= "a"+'), [`${a} 1 .`, `${a} 1 | .`]);
  assert.deepEqual(read('root ::= "a"?'), ['1 .', `${a} | .`]);
  assert.deepEqual(read('root ::= "a"{2}'), [`${a} ${a} .`]);
  assert.deepEqual(read('root ::= "a"{0}'), ['.']);
  assert.deepEqual(read('root ::= "a"{1,3}'), [`${a} 2 .`, `${a} | .`, `${a} 1 | .`]);
  assert.deepEqual(read('root ::= "a"{2,}'), [`${a} ${a} 1 .`, `${a} 1 | .`]);
  assert.deepEqual(read('root ::= ("a" | "")?\n'), ['2 .', `${a} | .`, '1 | .']);
  assert.deepEqual(read('root ::= "aa"*'), ['1 .', `${a} ${a} 1 | .`]);
});

test('readRuleElements reads escapes, and classes of other characters', () => {
  assert.deepEqual(read('root ::= "\\n\\x41\\u00e9\\U0001F600\\"" [^\\]-\\x7f] []'), [
    '[[10,10]] [[65,65]] [[233,233]] [[128512,128512]] [[34,34]] [[0,92],[128,1114111]] .',
  ]);
});
