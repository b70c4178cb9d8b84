import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createLogger, type LoggerOptions } from './logging.ts';

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) }, ...options });
  return { logger, lines, text: () => lines.join('') };
}

test('createLogger writes one JSON object per line with time, level and fields', () => {
  const { logger, lines } = capture();
  logger.child({ requestId: 'r-1' }).info({ model: 'iris', version: 3 }, 'model loaded');
  logger.debug('not shown');
  assert.equal(lines.length, 1);
  const { time, ...record } = JSON.parse(lines[0] ?? '');
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(record, { level: 'info', requestId: 'r-1', model: 'iris', version: 3, msg: 'model loaded' });
});

test('createLogger writes errors with their reason, stack and cause', () => {
  const { logger, lines } = capture();
  const error = new AmaasError('RUN_FAILED', 'infer: no', {
    cause: new Error('underneath'),
    details: { model: 'iris' },
  });
  logger.error({ err: error }, 'request failed');
  const { err } = JSON.parse(lines[0] ?? '');
  assert.equal(err.reason, 'RUN_FAILED');
  assert.match(err.stack, /logging\.test/);
  assert.match(err.stack, /underneath/);
});

test('createLogger takes secrets out of fields at any depth, of children and of lists', () => {
  const { logger, text } = capture();
  const request = { headers: { Authorization: 'Bearer hunter2', 'x-api-key': 'hunter2', accept: 'kept' } };
  logger.info({ request, config: { adminKey: 'hunter2', databaseUrl: 'hunter2' }, list: [{ token: 'hunter2' }] }, 'a');
  logger.child({ password: 'hunter2', keyName: 'kept' }).info('b');
  logger.info({ authorization: 'hunter2', cookie: ['hunter2', 'x'], api_key: 'a\\"hunter2' });
  assert.doesNotMatch(text(), /hunter2/);
  assert.equal(text().match(/kept/g)?.length, 2);
});

test('createLogger takes secrets out of messages and errors by their look', () => {
  const secrets = ['configured-admin-key'];
  const { logger, text } = capture({ secrets });
  logger.info('made amaas_0123456789abcdefghijABCDEFGHIJ0123456789 for you');
  logger.warn({ url: 'postgres://root:hunter2@db:5432/x' }, 'cannot reach postgres://root:hunter2@db/x');
  logger.error({ err: new Error('key configured-admin-key is bad, so is postgres://a:hunter2@b') }, 'x');
  logger.info({ deep: { a: { b: { c: { d: { e: { token: 'hunter2' } } } } } } }, 'deep');
  assert.doesNotMatch(text(), /0123456789abc|hunter2|configured-admin/);
  assert.match(text(), /postgres:\/\/root:\[redacted\]@db:5432\/x/);
  assert.match(text(), /made amaas_\[redacted\] for you/);
});

test('createLogger is not misled by what a caller sent', () => {
  const { logger, lines } = capture();
  const path = '/","authorization":"x","admin-key":"';
  logger.info({ path, model: 'kept' }, '"token":"x"');
  const record = JSON.parse(lines[0] ?? '');
  assert.deepEqual([record.path, record.model, record.msg], [path, 'kept', '"token":"x"']);
});

test('createLogger leaves names with the mark and ordinary URLs as they are', () => {
  const { logger, text } = capture();
  logger.info(
    { path: '/etc/amaas_models', url: 'http://127.0.0.1:8080/a@b', prefix: 'amaas_abcdefgh' },
    'amaas_server up',
  );
  for (const part of ['/etc/amaas_models', 'http://127.0.0.1:8080/a@b', 'amaas_abcdefgh', 'amaas_server']) {
    assert.ok(text().includes(part), part);
  }
});

test('createLogger pretty writes one-liners and an error stack below', () => {
  const { logger, lines } = capture({ pretty: true });
  logger.info({ model: 'iris', version: 3, note: 'two words', empty: '' }, 'model loaded');
  logger.error({ err: new Error('underneath') }, 'failed');
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}model loaded model=iris version=3 note="two words" empty=""\n$/,
  );
  assert.match(lines[1] ?? '', /ERROR failed\n {4}Error: underneath\n {4} +at /);
});

test('createLogger pretty shows control characters instead of sending them to the terminal', () => {
  const { logger, lines } = capture({ pretty: true });
  logger.info({ path: '/\u001b[2J\u0007', 'na\u001bme': 'x\u009b' }, 'GET /\u001b]0;title\u0007\nfake line');
  assert.equal(lines.length, 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must be gone
  assert.doesNotMatch(lines[0]?.trimEnd() ?? '', /[\u0000-\u001f\u007f-\u009f]/);
});
