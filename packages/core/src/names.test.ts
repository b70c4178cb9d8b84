import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmaasError, ErrorReason } from './errors.ts';
import { assertName, formatModelReference, isName, MAX_VERSION, parseModelReference, parseVersion } from './names.ts';

function reason(expected: ErrorReason) {
  return (error: AmaasError) => error.reason === expected;
}

test('isName follows the naming rule', () => {
  for (const name of ['a', '0', 'resnet-50.v1_5', 'a'.repeat(128), 'constructor', 'a.b']) assert.ok(isName(name), name);
  for (const name of [
    '',
    'A',
    '-a',
    '.a',
    '_a',
    'a'.repeat(129),
    'a b',
    'a/b',
    'a\\b',
    'a:b',
    'a@1',
    'a..b',
    'a\n',
    'é',
    '__proto__',
    '..',
    'a%2f',
    'a\u0000',
  ]) {
    assert.ok(!isName(name), JSON.stringify(name));
  }
});

test('assertName says what came, cut short, and what is allowed', () => {
  assert.equal(assertName('model', 'iris'), 'iris');
  assert.throws(
    () => assertName('label', `Bad ${'x'.repeat(5_000)}`),
    (error: AmaasError) =>
      error.reason === 'INVALID_NAME' && error.message.startsWith('label name "Bad xxx') && error.message.length < 400,
  );
});

test('parseVersion reads whole numbers that JavaScript holds exactly', () => {
  assert.equal(parseVersion('m', '1'), 1);
  assert.equal(parseVersion('m', String(MAX_VERSION)), MAX_VERSION);
  for (const text of ['0', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '', '9007199254740992', '99999999999999999', '١']) {
    assert.throws(() => parseVersion('m', text), reason('VERSION_NOT_FOUND'), text);
  }
});

test('parseModelReference reads a name, a label and a version', () => {
  assert.deepEqual(parseModelReference('iris'), { model: 'iris' });
  assert.deepEqual(parseModelReference('iris:canary'), { model: 'iris', label: 'canary' });
  assert.deepEqual(parseModelReference('iris@12'), { model: 'iris', version: 12 });
  for (const text of ['', ':a', '@1', 'iris:', 'iris:A', 'a:b@3', 'a@3:b', 'Iris@1', '../x@1']) {
    assert.throws(
      () => parseModelReference(text),
      (error: AmaasError) => /INVALID_NAME|VERSION_NOT_FOUND/.test(error.reason),
      text,
    );
  }
  assert.throws(() => parseModelReference('iris@one'), reason('VERSION_NOT_FOUND'));
});

test('formatModelReference is the reverse of parseModelReference', () => {
  for (const text of ['iris', 'iris:canary', 'iris@12']) {
    assert.equal(formatModelReference(parseModelReference(text)), text);
  }
});
