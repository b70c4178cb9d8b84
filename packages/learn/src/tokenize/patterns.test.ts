import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { JsonNode } from './json-node.ts';
import { compilePattern } from './patterns.ts';

function matches(regex: string, text: string): readonly string[] {
  return Array.from(text.matchAll(compilePattern(new JsonNode({ Regex: regex }, 'p'))), ([match]) => match);
}

test('compilePattern reads what tokenizer files write as Oniguruma does', () => {
  assert.deepEqual(matches("(?i:'s|'LL)", "it'S 'ſ 'll"), ["'S", "'ſ", "'ll"]);
  assert.deepEqual(matches('\\s+(?!\\S)|\\s+', 'a  \u0085b \ufeff'), ['  ', '\u0085', ' ']);
  assert.deepEqual(matches('\\p{Han}+|\\p{Lu}', '漢字Ab'), ['漢字', 'A']);
  assert.deepEqual(matches('[^\\r\\n\\p{L}\\p{N}]?\\p{L}+', '-ab\ncd1'), ['-ab', 'cd']);
  assert.deepEqual(matches('\\p{N}{1,3}', '12345'), ['123', '45']);
  assert.deepEqual(matches('^.', 'ab\ncd'), ['a', 'c']);
  assert.deepEqual(matches('.$', 'ab\ncd'), ['b', 'd']);
  assert.deepEqual(matches('[a\\-c]+', 'a-c b'), ['a-c']);
  assert.deepEqual(matches('[a-c&!(){}/|]+', 'b&!(){}/|'), ['b&!(){}/|']);
  assert.deepEqual(matches('[\\s\\S]', '🦙a'), ['🦙', 'a']);
  assert.deepEqual(matches('\\u4e00|\\x{1F999}|\\x41', '一🦙A'), ['一', '🦙', 'A']);
  assert.deepEqual(matches('\\bfox\\b', 'fox foxy fox²'), ['fox']);
  assert.deepEqual(matches('a{2}?b', 'aab'), ['aab']);
  assert.deepEqual(matches('(?<=a)b|(?<!a)c', 'ab ac c'), ['b', 'c']);
  assert.deepEqual(matches('(?:ab){2,}|(a|b)?c', 'ababab bc'), ['ababab', 'bc']);
  assert.deepEqual(matches('\\P{L}|\\p{^L}', 'a1'), ['1']);
});

test('compilePattern takes plain texts literally', () => {
  const pattern = compilePattern(new JsonNode({ String: 'a.b*[' }, 'p'));
  assert.deepEqual('xa.b*[ aab'.match(pattern), ['a.b*[']);
  assert.equal('abc'.match(compilePattern(new JsonNode({ String: '' }, 'p'))), null);
});

test('compilePattern refuses what could take forever, what JavaScript lacks and what is broken', () => {
  const refused = [
    ...[
      '(a+)+',
      '(a*)*b',
      '((a|b)+c?)*',
      '(?:a+b)+?',
      'a**',
      'a+{2,}',
      '(a|a)*',
      '(a?){50}',
      '(a{1,3}){1,50}',
      '(a)\\1',
      '(?<n>a)\\k<n>',
      'a++',
      '(?>a)',
    ],
    ...['(', 'a)', '[a', '\\', '*a', '\\p{Nope}', '\\xZZ', '[a&&b]', '[[:alpha:]]', '\\q', '(?#x)', '[z-a]'],
  ];
  for (const regex of [...refused, '('.repeat(1000), 'a'.repeat(20_000)]) {
    assert.throws(
      () => compilePattern(new JsonNode({ Regex: regex }, 'p')),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_MODEL' && error.message.includes('p.Regex'),
      regex.slice(0, 40),
    );
  }
});
