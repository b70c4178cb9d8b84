import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseMark, SpecialTexts, splitAtMarks, withoutMarks } from './special-texts.ts';

const MARK = '\u{FDD0}';
const specials = new SpecialTexts([
  '<|im_end|>',
  '<|im_start|>',
  '[INST]',
  '<a>',
  '<a><b>',
  '\n\n',
  '\u2581\u2581',
  'x',
  '<\u{1F600}>',
]);
const shown = (text: string): string => specials.guard(text, MARK).replaceAll(MARK, '¦');

test('SpecialTexts.guard cuts inside every special text, once where one cut is enough', () => {
  const cases: readonly (readonly [text: string, guarded: string])[] = [
    ['plain text, x and\n\nall', 'plain text, x and\n\nall'],
    ['a <|im_end|> b', 'a <|im_end|¦> b'],
    ['<|im_end|><|im_start|>', '<|im_end|¦><|im_start|¦>'],
    ['<a><b>', '<a¦><b>'],
    ['<<a>.', '<<a¦>.'],
    ['<a>', '<a¦>¦'],
    ['<|im_end|', '<|im_end|¦'],
    ['hi <', 'hi <¦'],
    ['im_end|> hi', '¦im_end|> hi'],
    [' |> hi <|im  ', ' ¦|> hi <|im¦  '],
    ['im_start', '¦im_start'],
    ['see <\u{1F600}> it', 'see <\u{1F600}¦> it'],
  ];
  for (const [text, guarded] of cases) assert.equal(shown(text), guarded, text);
});

test('splitAtMarks cuts at marks, as they are and as JSON writes them', () => {
  assert.deepEqual(splitAtMarks(`a${MARK}b\\ufdd0${MARK}c`, MARK), [
    { text: 'a', special: true },
    { text: 'b', special: true },
    { text: 'c', special: true },
  ]);
});

test('chooseMark finds a mark that no text holds, in any writing', () => {
  assert.equal(chooseMark(['plain']), '\u{FDD0}');
  assert.equal(chooseMark(['\u{FDD0}', 'x \\uFDD1 x']), '\u{FDD2}');
  const all = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0xfdd0 + index)).join('');
  assert.equal(chooseMark([all]), null);
  assert.equal(withoutMarks(`a\u{FDEF}b\\uFdD3c`), 'a\u{FFFD}b\u{FFFD}c');
});
