import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExternalDataInside, externalDataOf } from './external-data.ts';
import { EXTERNAL_DATA, type OnnxTensor } from './model.ts';

function inside(location: string): void {
  assertExternalDataInside({ externalData: [{ tensor: 'initializer "w"', location, offset: 0, length: null }] });
}

for (const location of [
  'weights.bin',
  'data/w.bin',
  './w.bin',
  'a//b',
  'über/ü.bin',
  '..weights',
  'a..b/c',
  '...x',
  '.hidden',
]) {
  test(`assertExternalDataInside accepts ${location}`, () => inside(location));
}

for (const location of [
  '',
  '.',
  './',
  '..',
  '../w.bin',
  'a/../../w.bin',
  'a/..',
  '/etc/passwd',
  '//host/share',
  '\\\\host\\share',
  'C:\\w.bin',
  'C:w.bin',
  'c:/w.bin',
  'a\\..\\..\\w.bin',
  '..\\w.bin',
  'file:///etc/passwd',
  'w.bin\0.png',
  'w\n.bin',
  '.. /w.bin',
  '../',
  'a/.../b',
  'w.bin ',
  '*/_ORT_MEM_ADDR_/*',
  '*/_ORT_NATIVE_ENDIAN_MEM_ADDR_/*',
]) {
  test(`assertExternalDataInside refuses ${JSON.stringify(location)}`, () => {
    assert.throws(
      () => inside(location),
      (error: Error) => {
        assert.equal('reason' in error && error.reason, 'INVALID_MODEL');
        assert.ok(error.message.includes('initializer "w"') && error.message.includes(JSON.stringify(location)));
        return true;
      },
    );
  });
}

const tensor = (entries: Readonly<Record<string, string>>): OnnxTensor => ({
  dims: [1],
  dataType: 1,
  dataLocation: EXTERNAL_DATA,
  externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
});

test('externalDataOf reads location, offset and length', () => {
  assert.deepEqual(externalDataOf(tensor({ location: 'w', offset: '4096', length: '12', checksum: 'x' }), 'p'), {
    tensor: 'p',
    location: 'w',
    offset: 4096,
    length: 12,
  });
  assert.deepEqual(externalDataOf(tensor({ location: 'w' }), 'p'), {
    tensor: 'p',
    location: 'w',
    offset: 0,
    length: null,
  });
  assert.equal(externalDataOf({ dims: [], dataType: 1, externalData: [{ key: 'location', value: 'w' }] }, 'p'), null);
});

test('externalDataOf refuses what is incomplete, ambiguous or no number', () => {
  const refuse = (stored: OnnxTensor, message: RegExp): void =>
    assert.throws(() => externalDataOf(stored, 'initializer "w"'), { reason: 'INVALID_MODEL', message });
  refuse(tensor({ offset: '0' }), /initializer "w" has external data without a location/);
  for (const offset of ['-1', '0x10', '1e3', ' 1', '', '99999999999999999']) {
    refuse(tensor({ location: 'w', offset }), /with offset ".*", expected a whole number/);
  }
  const twice = [
    { key: 'location', value: 'good' },
    { key: 'location', value: '../bad' },
  ];
  refuse({ ...tensor({}), externalData: twice }, /gives "location" of its external data twice/);
});
