import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig, nearestName } from './names.ts';
import { SETTINGS } from './settings.ts';

test('describeConfig has a row for every setting with its name in each source', () => {
  const rows = describeConfig();
  assert.deepEqual(
    rows.map((row) => row.key),
    [...SETTINGS.keys()],
  );
  const row = rows.find(({ key }) => key === 'maxRequestBytes');
  assert.equal(row?.environment, 'AMAAS_MAX_REQUEST_BYTES');
  assert.equal(row?.flag, '--max-request-bytes');
  assert.equal(row?.default, '67108864');
  assert.equal(row?.allowed, 'a whole number from 1024 to 2147483647');
});

test('describeConfig: every setting says what it does and what it allows, every bound why', () => {
  for (const row of describeConfig()) {
    assert.ok(row.description.length > 10, row.key);
    assert.ok(row.allowed.length > 3 && !row.allowed.includes('undefined'), row.key);
    if (row.allowed.startsWith('a whole number')) assert.ok(row.bounds.length > 5, row.key);
  }
  assert.deepEqual(
    describeConfig()
      .filter((row) => row.secret)
      .map((row) => row.key),
    ['databaseUrl', 'blobUrl', 'natsUrl', 'adminKey', 'hubToken'],
  );
});

test('nearestName finds slips and leaves other words alone', () => {
  const names = ['port', 'grpcPort', 'host', 'maxModelBytes'];
  assert.equal(nearestName('prot', names), undefined); // two changes in four letters
  assert.equal(nearestName('ports', names), 'port');
  assert.equal(nearestName('MAXMODELBYTE', names), 'maxModelBytes');
  assert.equal(nearestName('zebra', names), undefined);
});
