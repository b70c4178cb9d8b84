import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pictureBytes } from './picture-bytes.ts';

test('pictureBytes decodes base64 text and leaves everything else as it is', () => {
  const picture = Uint8Array.from({ length: 500 }, (_, index) => (index * 77) % 256);
  const text = Buffer.from(picture).toString('base64');
  assert.deepEqual(new Uint8Array(pictureBytes(Buffer.from(text))), picture);
  const wrapped = text.replace(/.{76}/g, '$&\n');
  assert.deepEqual(new Uint8Array(pictureBytes(Buffer.from(`${wrapped}\r\n`))), picture);
  const nearly = Buffer.from(`${text}\0`); // what differs may come late
  for (const bytes of [picture, nearly, Buffer.from('no picture')]) assert.equal(pictureBytes(bytes), bytes);
});
