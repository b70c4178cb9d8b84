// Expected values are those of Hugging Face's tokenizers 0.23.2.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDecoder } from './decoders.ts';
import { JsonNode } from './json-node.ts';

function decode(decoder: object | null, pieces: readonly string[]): string {
  return readDecoder(new JsonNode(decoder, 'decoder'))(pieces).join('');
}

test('readDecoder joins byte tokens to characters, and gives a mark for each byte of what is none', () => {
  const decoder = { type: 'ByteFallback' };
  assert.equal(decode(decoder, ['a', '<0xF0>', '<0x9F>', 'b']), 'a\ufffd\ufffdb');
  assert.equal(decode(decoder, ['<0xE4>', '<0xB8>', '<0xAD>']), '中');
  assert.equal(decode(decoder, ['<0x41>', '<0xFF>']), '\ufffd\ufffd');
  assert.equal(decode(decoder, ['<0xZZ>', '<0x4>']), '<0xZZ><0x4>');
});

test('readDecoder puts words together as each kind of tokenizer took them apart', () => {
  const words = ['do', 'not', 'un', '##do', "'", 's', 'it', '.'];
  assert.equal(decode({ type: 'WordPiece', prefix: '##', cleanup: true }, words), "do not undo ' s it.");
  assert.equal(decode({ type: 'WordPiece', prefix: '##', cleanup: false }, ['a', '##b', '.']), 'ab .');
  const metaspace = { type: 'Metaspace', replacement: '▁' };
  assert.equal(decode(metaspace, ['▁a', 'b▁c', '▁▁']), 'ab c  ');
  assert.equal(decode({ ...metaspace, prepend_scheme: 'never' }, ['▁a', 'b▁c']), ' ab c');
  assert.equal(decode({ type: 'BPEDecoder', suffix: '</w>' }, ['a', 'b</w>', 'c</w>']), 'ab c');
  assert.equal(decode({ type: 'Strip', content: ' ', start: 1, stop: 1 }, ['  a  ', ' b']), ' a b');
  assert.equal(decode({ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, ['▁a▁', 'b']), ' a b');
  assert.equal(decode({ type: 'ByteLevel' }, ['Ġhel', 'lo', 'ðŁ', 'x y', '¦Ļ']), ' hello\ufffdx y\ufffd\ufffd');
  assert.equal(decode(null, ['a', 'b']), 'a b');
});

test('readDecoder takes repetitions and blanks out of what a network gives frame by frame', () => {
  const frames = ['<pad>', 'h', 'h', '<pad>', 'e', 'l', '<pad>', 'l', 'o', '|', '|', 'x'];
  assert.equal(decode({ type: 'CTC' }, frames), 'hello x');
});
