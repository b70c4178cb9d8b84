import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLine, encodeSse, encodeSseEvent } from './stream-text.ts';

test('encodeSse, encodeSseEvent and encodeLine keep every value on one line', () => {
  const value = { type: 'said', text: 'a\r\nb\n\ndata: c' };
  const json = '{"type":"said","text":"a\\r\\nb\\n\\ndata: c"}';
  assert.equal(encodeSse(value), `data: ${json}\n\n`);
  assert.equal(encodeSseEvent(value), `event: said\ndata: ${json}\n\n`);
  assert.equal(encodeLine(value), `${json}\n`);
});
