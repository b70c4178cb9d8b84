import assert from 'node:assert/strict';
import test from 'node:test';
import { readExpiry } from './keys.ts';
import { readPolicy } from './models.ts';
import { addressFlag } from './serve.ts';

test('readPolicy reads every form', () => {
  assert.deepEqual(['all', 'none', 'latest', 'latest:3', '2', '1,4,9'].map(readPolicy), [
    { kind: 'all' },
    { kind: 'none' },
    { kind: 'latest', count: 1 },
    { kind: 'latest', count: 3 },
    { kind: 'specific', versions: [2] },
    { kind: 'specific', versions: [1, 4, 9] },
  ]);
  for (const text of ['', 'latest:0', 'latest:', '1,', '0', 'ALL'])
    assert.throws(() => readPolicy(text), /must be/, text);
});

test('readExpiry reads spans and times, and refuses the past', () => {
  const now = new Date('2026-03-04T05:06:07.000Z');
  assert.equal(readExpiry('90m', now), '2026-03-04T06:36:07.000Z');
  assert.equal(readExpiry('36h', now), '2026-03-05T17:06:07.000Z');
  assert.equal(readExpiry('7d', now), '2026-03-11T05:06:07.000Z');
  assert.equal(readExpiry('2027-01-31T00:00:00+01:00', now), '2027-01-30T23:00:00.000Z');
  assert.throws(() => readExpiry('2026-03-04T05:06:06Z', now), /lies in the past/);
  for (const text of ['', 'soon', '0d', '-3d']) assert.throws(() => readExpiry(text, now), /--expires/, text);
});

test('addressFlag names a server that is not where commands look', () => {
  const flags = ['http://127.0.0.1:8080', 'http://0.0.0.0:8080', 'http://localhost:9000', 'http://10.0.0.7:8080'];
  assert.deepEqual(flags.map(addressFlag), ['', '', ' --url http://localhost:9000', ' --url http://10.0.0.7:8080']);
});
