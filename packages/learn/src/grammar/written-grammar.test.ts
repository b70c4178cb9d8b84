import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWrittenGrammar } from './index.ts';

test('readWrittenGrammar gives every rule another name, and leaves texts, classes and comments', () => {
  const grammar =
    '# root\nroot ::= "root" [root] a{2,3} (a | b-1)* .\na ::= "\\"root" # a\nb-1 ::= !<[7]> <root> root?';
  assert.deepEqual(readWrittenGrammar(grammar), {
    root: 'asked-root',
    rules:
      '# root\nasked-root ::= "root" [root] asked-a{2,3} (asked-a | asked-b-1)* .\nasked-a ::= "\\"root" # a\nasked-b-1 ::= !<[7]> <root> asked-root?',
  });
});

test('readWrittenGrammar refuses what cannot be read, naming the line', () => {
  const refused: readonly (readonly [grammar: string, message: RegExp])[] = [
    ['root ::= "abc', /^grammar: line 1: "\\"abc" cannot be read$/],
    ['root ::= a\na ::= [b', /line 2: "\[b" cannot be read/],
    ['a ::= "b"', /no rule "root"/],
    ['', /no rule "root"/],
    ['root ::= "a" b', /the rule "b" is used and not defined/],
    ['root ::= ("a"\na ::= "b"', /line 2: a \( without its \) in the rule before/],
    ['root ::= "a")', /line 1: a \) without its \(/],
    [`root ::= ${'('.repeat(100_000)}"a"`, /nested more than 64 deep/],
    ['root ::= "a"{1,100000}', /more than 2000 repetitions/],
    ['root ::= "b"\nb ::= "a"{5,2}', /line 2: \{5,2\} asks for fewer repetitions at most than at least/],
    ['root ::= "a"{}', /cannot be read|without a number/],
    ['::= "a"', /a ::= without the name/],
    [`root ::= "${'a'.repeat(300_000)}"`, /more than 200000 characters/],
  ];
  for (const [grammar, message] of refused) {
    assert.throws(() => readWrittenGrammar(grammar), { reason: 'INVALID_ARGUMENT', message }, grammar.slice(0, 50));
  }
});
