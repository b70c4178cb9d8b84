import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerText } from './answer-text.ts';

/** Tokens are bytes; 0 is a special token; the space before the first token of all is dropped, as some vocabularies do. */
function detokenize(tokens: readonly number[]): string {
  const bytes = tokens.filter((token) => token !== 0);
  const text = Buffer.from(bytes).toString();
  return tokens.length === bytes.length && text.startsWith(' ') ? text.slice(1) : text;
}

function write(text: string, stop: readonly string[] = [], before: number | null = null) {
  const answer = new AnswerText({ detokenize, before, stop });
  const parts: string[] = [];
  for (const byte of Buffer.from(text)) {
    const part = answer.push(byte);
    parts.push(part.text);
    if (part.stopText !== null) return { parts, stopText: part.stopText };
  }
  const end = answer.finish();
  parts.push(end.text);
  return { parts, stopText: end.stopText };
}

test('AnswerText gives whole characters only, and in the end all of them', () => {
  const text = 'Grüße, 日本 😀!';
  const { parts } = write(text);
  assert.equal(parts.join(''), text);
  assert.ok(parts.every((part) => !part.includes('\u{FFFD}')));
  const cut = new AnswerText({ detokenize, before: null, stop: [] });
  assert.deepEqual([cut.push(0xc3).text, cut.finish().text], ['', '\u{FFFD}']);
});

test('AnswerText keeps a space after a word and drops it at the beginning of a text', () => {
  assert.equal(write(' b', [], 'a'.charCodeAt(0)).parts.join(''), ' b');
  assert.equal(write(' b', [], 0).parts.join(''), 'b');
  assert.equal(write(' b').parts.join(''), 'b');
});

test('AnswerText ends before the first stop text, over the borders of tokens, and holds back what may become one', () => {
  assert.deepEqual(write('one END two', ['END', 'two']).parts.join(''), 'one ');
  assert.equal(write('one END two', ['END']).stopText, 'END');
  assert.deepEqual(write('aaab', ['aab']).parts.join(''), 'a');
  assert.deepEqual(write('EN EX', ['END']).parts.join(''), 'EN EX');
  assert.deepEqual(write('EN', ['END']).parts.join(''), 'EN');
  const answer = new AnswerText({ detokenize, before: null, stop: ['END', 'E'] });
  assert.deepEqual(answer.push('E'.charCodeAt(0)).stopText, 'E');
});

test('AnswerText gives tokens with the text they have brought', () => {
  const answer = new AnswerText({ detokenize, before: null, stop: ['xyz'] });
  const given = Array.from('ax日b', (character) => [...Buffer.from(character)]).flat();
  const seen = given.map((id) => {
    const token = { token: id, text: '', logProbability: -1, top: [] };
    return answer.push(id, token).tokens.map(({ token: each }) => each);
  });
  // The x may begin a stop text; the bytes of the sign come together.
  assert.deepEqual(
    seen.map((tokens) => tokens.length),
    [1, 0, 0, 0, 4, 1],
  );
  assert.deepEqual(seen.flat(), given);
  const stopped = new AnswerText({ detokenize, before: null, stop: ['xy'] });
  const parts = [...Buffer.from('axy')].map((id) =>
    stopped.push(id, { token: id, text: '', logProbability: -1, top: [] }),
  );
  assert.deepEqual(
    parts.map(({ tokens }) => tokens.length),
    [1, 0, 0],
  );
});
