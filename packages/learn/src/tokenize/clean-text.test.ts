import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanText } from './index.ts';

test('cleanText normalises, drops what nobody sees and keeps what joins', () => {
  assert.equal(cleanText('e\u0301\u0000 \ufeffx\u00a0\u3000\ty\u200b '), 'é x y');
  assert.equal(cleanText('👩\u200d👧 \u202eabc\u202c'), '👩\u200d👧 abc');
  assert.equal(cleanText('a\ud800b'), 'a\ufffdb');
  assert.equal(cleanText('e\u0301 ﬁ', { form: null }), 'e\u0301 ﬁ');
  assert.equal(cleanText('ﬁ', { form: 'NFKC' }), 'fi');
  assert.equal(cleanText('a\u0001', { stripInvisible: false }), 'a\u0001');
});

test('cleanText keeps line breaks, or all spaces, when told to', () => {
  assert.equal(cleanText(' a  b \r\n\r\n\r\n\r\n c\u2028d ', { spaces: 'lines' }), 'a b\n\nc\nd');
  assert.equal(cleanText(' a  b ', { spaces: 'keep' }), ' a  b ');
});

test('cleanText puts words in place of addresses', () => {
  const options = { urls: '<url>', emails: '<email>' };
  assert.equal(
    cleanText('See https://example.org/a?b=c#d, or www.example.org! Write to jöhn.doe+x@mail.example.org.', options),
    'See <url>, or <url>! Write to <email>.',
  );
  assert.equal(cleanText('a@b no@tld @me www http:// x', options), 'a@b no@tld @me www http:// x');
  assert.equal(cleanText(`${'x'.repeat(65)}@example.org`, options), `${'x'.repeat(65)}@example.org`);
  assert.equal(cleanText('https://example.org', {}), 'https://example.org');
  assert.equal(cleanText('https://e.org', { urls: '$&' }), '$&');
});

test('cleanText takes a megabyte of one kind in one go', () => {
  const options = { urls: 'U', emails: 'E', spaces: 'lines' } as const;
  for (const unit of ['a', '@', 'a@', 'a.', ' ', '\n', 'http://', '-', 'www.', '!']) {
    const cleaned = cleanText(unit.repeat(1_000_000 / unit.length), options);
    assert.ok(cleaned.length <= 1_000_000);
  }
});
