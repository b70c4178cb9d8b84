import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmaasError } from '@amaas/core';
import { parseFetchUrl, parseRedirect, type ResolvedAddress, resolveChecked } from './url-policy.ts';

const strict = { allowPrivate: false };

function names(table: Readonly<Record<string, readonly string[]>>) {
  return async (hostname: string): Promise<readonly ResolvedAddress[]> =>
    (table[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

test('parseFetchUrl refuses everything but http and https without credentials', () => {
  for (const [text, pattern] of [
    ['ftp://example.com/m.onnx', /got ftp:/],
    ['file:///etc/passwd', /got file:/],
    ['data:,x', /got data:/],
    ['//example.com/x', /not an absolute URL/],
    ['http://', /not an absolute URL/],
    ['https://user@example.com/', /user name or password/],
    ['https://:secret@example.com/', /user name or password/],
    [`https://example.com/${'x'.repeat(9_000)}`, /at most 8192/],
  ] as const) {
    assert.throws(
      () => parseFetchUrl(text),
      (error: AmaasError) => error.reason === 'URL_REFUSED' && pattern.test(error.message),
      text,
    );
  }
  assert.equal(parseFetchUrl('HTTPS://Example.COM:8443/m.onnx').host, 'example.com:8443');
});

test('parseFetchUrl keeps queries, which may hold signatures, out of messages', () => {
  assert.throws(
    () => parseFetchUrl('https://user@example.com/m?signature=hunter2'),
    (error: Error) => !error.message.includes('hunter2'),
  );
  assert.throws(
    () => parseFetchUrl('nonsense?signature=hunter2'),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

test('resolveChecked sees through every spelling of an internal address', async () => {
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.1',
    '0',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '１２７.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:0:0:1]',
    '[64:ff9b::169.254.169.254]',
    '169.254.169.254',
    '[fd00:ec2::254]',
    'localhost',
    'localhost.',
    'metadata.internal',
  ]) {
    const url = parseFetchUrl(`http://${host}/latest/meta-data`);
    const resolve = names({
      localhost: ['127.0.0.1'],
      'localhost.': ['::1'],
      'metadata.internal': ['169.254.169.254'],
    });
    await assert.rejects(
      resolveChecked(url, strict, resolve),
      (error: AmaasError) => error.reason === 'URL_REFUSED',
      host,
    );
  }
});

test('resolveChecked refuses a name with one internal address among public ones', async () => {
  const url = new URL('http://mixed.example/');
  const resolve = names({ 'mixed.example': ['93.184.215.14', '2606:2800:220:1::1', '10.1.2.3'] });
  await assert.rejects(resolveChecked(url, strict, resolve), /10\.1\.2\.3 \(private\)/);
  assert.deepEqual(await resolveChecked(url, { allowPrivate: true }, resolve), { address: '93.184.215.14', family: 4 });
});

test('resolveChecked gives public addresses back to be connected to', async () => {
  const resolve = names({ 'models.example': ['2606:2800:220:1::1', '93.184.215.14'] });
  const address = await resolveChecked(new URL('https://models.example/m.onnx'), strict, resolve);
  assert.deepEqual(address, { address: '2606:2800:220:1::1', family: 6 });
  const literal = await resolveChecked(new URL('http://[2606:4700::1111]/'), strict, names({}));
  assert.deepEqual(literal, { address: '2606:4700::1111', family: 6 });
});

test('resolveChecked says that a name cannot be resolved', async () => {
  const failed = (error: AmaasError) => error.reason === 'FETCH_FAILED' && /nowhere\.example/.test(error.message);
  await assert.rejects(resolveChecked(new URL('http://nowhere.example/'), strict, names({})), failed);
  const enoent = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }));
  await assert.rejects(resolveChecked(new URL('http://nowhere.example/'), strict, enoent), failed);
});

test('parseRedirect follows relative locations and refuses to leave https or the schemes', () => {
  const from = new URL('https://a.example/x/y?q=1');
  assert.equal(parseRedirect(from, '../z').href, 'https://a.example/z');
  assert.equal(parseRedirect(from, '//b.example/m').href, 'https://b.example/m');
  assert.throws(() => parseRedirect(from, 'http://a.example/m'), /from https to http/);
  assert.throws(() => parseRedirect(from, 'file:///etc/passwd'), /got file:/);
  assert.throws(() => parseRedirect(from, 'https://u:p@a.example/'), /user name or password/);
  assert.throws(() => parseRedirect(from, 'https://'), /not a URL/);
  assert.equal(parseRedirect(new URL('http://a.example/'), 'https://a.example/m').protocol, 'https:');
});
