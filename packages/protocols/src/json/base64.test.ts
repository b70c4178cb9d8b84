import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64 } from './index.ts';
import { createRandom } from './testing/random.ts';

test('decodeBase64 reads what Buffer writes, padded or not, also in lines', () => {
  const random = createRandom(6);
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => random.integer(0, 255));
    const text = Buffer.from(bytes).toString('base64');
    for (const form of [text, text.replace(/=+$/, ''), text.replace(/.{76}/g, '$&\r\n')]) {
      assert.deepEqual(decodeBase64(form), bytes, form);
    }
  }
});

test('decodeBase64 refuses anything else', () => {
  for (const text of [
    'A',
    'AAAAA',
    'AA=',
    'AAA==',
    'AA==AA==',
    '=',
    '====',
    'A-__',
    'AA\u00a0A',
    'AÄ==',
    'AA*=',
    '漢漢漢漢',
  ]) {
    assert.equal(decodeBase64(text), null, text);
  }
});
