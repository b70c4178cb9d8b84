import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorReason } from '@amaas/core';
import { type CreateKeyOptions, type CredentialHeaders, Gateway, type GatewayOptions } from './gateway.ts';
import { authorize, type Principal } from './principal.ts';
import type { Scope } from './scopes.ts';
import { MemoryKeyStore } from './testing/memory-key-store.ts';

const START_MS = Date.UTC(2031, 4, 17);

async function open(options: Partial<GatewayOptions> = {}) {
  const store = new MemoryKeyStore();
  const time = { nowMs: START_MS };
  const settings: GatewayOptions = { store, auth: 'required', wallTimeMs: () => time.nowMs, ...options };
  return { store, time, gateway: await Gateway.open(settings), reopen: () => Gateway.open(settings) };
}

function bearer(key: string): CredentialHeaders {
  return { authorization: `Bearer ${key}` };
}

function reason(expected: ErrorReason, pattern = /./) {
  return (error: unknown) => {
    assert.equal((error as { reason?: unknown }).reason, expected); // anything without a reason fails here
    assert.match(String(error), pattern);
    return true;
  };
}

function may(principal: Principal, scope: Scope, model?: string): boolean {
  try {
    authorize(principal, model === undefined ? { scope } : { scope, model });
    return true;
  } catch (error) {
    return !reason('FORBIDDEN')(error);
  }
}

test('Gateway.authenticate knows a key by Authorization and by x-api-key', async () => {
  const { gateway } = await open();
  const { key, summary } = await gateway.createKey({ name: 'ci', scopes: ['infer'] });
  assert.match(key, /^amaas_[0-9A-Za-z]{40}$/);
  assert.equal(summary.prefix, key.slice(0, 14));
  for (const headers of [
    bearer(key),
    { authorization: `bearer  ${key} ` },
    { 'x-api-key': key },
    { 'x-api-key': [key] },
    { authorization: 'Basic dTpw', 'x-api-key': key },
    { authorization: 'Bearer ', 'x-api-key': key },
  ]) {
    assert.equal(gateway.authenticate(headers, START_MS).name, 'ci');
  }
  assert.equal(gateway.authenticate(bearer(key), START_MS), gateway.authenticate(bearer(key), START_MS + 1));
});

test('Gateway.authenticate refuses requests without a key and with wrong ones, and reports each', async () => {
  const refused: string[] = [];
  const { gateway } = await open({ onRefused: (why) => refused.push(why) });
  const { key } = await gateway.createKey({ name: 'ci', scopes: ['infer'] });
  for (const headers of [{}, { authorization: 'Bearer ' }, { authorization: 'Basic dTpw' }, { 'x-api-key': ' ' }]) {
    assert.throws(() => gateway.authenticate(headers, START_MS), reason('MISSING_KEY', /Bearer/));
  }
  for (const wrong of [`${key}x`, key.slice(0, -1), key.toLowerCase(), 'x'.repeat(9000), '__proto__', 'é\u0000']) {
    assert.throws(() => gateway.authenticate(bearer(wrong), START_MS), reason('INVALID_KEY', /not known/));
  }
  assert.deepEqual([...new Set(refused)], ['MISSING_KEY', 'INVALID_KEY']);
  assert.equal(refused.length, 10);
});

test('Gateway.authenticate with auth off lets everybody do everything', async () => {
  const { gateway } = await open({ auth: 'off' });
  const principal = gateway.authenticate({}, START_MS);
  assert.ok(may(principal, 'admin') && may(principal, 'deploy', 'm') && may(principal, 'infer', 'm'));
});

test('Gateway.authenticate refuses a key from its expiry on and says when that was', async () => {
  const { gateway, time } = await open();
  const expiresAtMs = START_MS + 5_000;
  const { key } = await gateway.createKey({ name: 'short', scopes: ['infer'], expiresAtMs });
  assert.equal(gateway.authenticate(bearer(key), expiresAtMs - 1).name, 'short');
  const expired = reason('INVALID_KEY', /expired at 2031-05-17T00:00:05\.000Z/);
  assert.throws(() => gateway.authenticate(bearer(key), expiresAtMs), expired);
  time.nowMs = expiresAtMs;
  await assert.rejects(gateway.createKey({ name: 'late', scopes: ['infer'], expiresAtMs }), /future/);
});

test('Gateway.principalOf knows a key by its id as long as it is usable, and work begun without keys where there are none', async () => {
  const store = new MemoryKeyStore();
  const { gateway, time } = await open({ store });
  const options = { name: 'ci', scopes: ['infer'], models: ['a*'], expiresAtMs: START_MS + 10 } as const;
  const { summary } = await gateway.createKey(options);
  const principal = gateway.principalOf(summary.id, START_MS + 9);
  assert.deepEqual([principal.name, may(principal, 'infer', 'ab'), may(principal, 'infer', 'b')], ['ci', true, false]);
  assert.throws(() => gateway.principalOf(summary.id, START_MS + 10), reason('INVALID_KEY', /expired/));
  assert.throws(() => gateway.principalOf('another', time.nowMs), reason('INVALID_KEY', /not known/));
  assert.throws(() => gateway.principalOf(null, time.nowMs), reason('MISSING_KEY'));
  await gateway.revokeKey('ci');
  assert.throws(() => gateway.principalOf(summary.id, START_MS), reason('INVALID_KEY', /revoked/));
  const off = await open({ store, auth: 'off' });
  for (const id of [null, summary.id]) assert.equal(may(off.gateway.principalOf(id, START_MS), 'admin'), true);
});

test('Gateway.revokeKey works at once, after a restart too, by name or id', async () => {
  const { gateway, reopen } = await open();
  const first = await gateway.createKey({ name: 'ci', scopes: ['infer'] });
  await gateway.revokeKey('ci');
  assert.throws(() => gateway.authenticate(bearer(first.key), START_MS), reason('INVALID_KEY', /was revoked/));
  const second = await gateway.createKey({ name: 'ci', scopes: ['deploy'] });
  assert.equal(gateway.authenticate(bearer(second.key), START_MS).keyId, second.summary.id);
  assert.equal((await gateway.revokeKey(first.summary.id)).revokedAtMs, START_MS);
  assert.equal(gateway.authenticate(bearer(second.key), START_MS).keyId, second.summary.id);
  const again = await reopen();
  assert.throws(() => again.authenticate(bearer(first.key), START_MS), reason('INVALID_KEY', /was revoked/));
  assert.equal(again.authenticate(bearer(second.key), START_MS).name, 'ci');
  await assert.rejects(gateway.revokeKey('nobody'), reason('KEY_NOT_FOUND', /nobody/));
});

test('Gateway.createKey refuses what no key may be', async () => {
  const { gateway } = await open();
  const refuses = (options: Partial<CreateKeyOptions>, expected: ErrorReason, pattern: RegExp) =>
    assert.rejects(gateway.createKey({ name: 'k', scopes: ['infer'], ...options }), reason(expected, pattern));
  await refuses({ name: 'No Name' }, 'INVALID_NAME', /No Name/);
  await refuses({ name: 'admin' }, 'NAME_TAKEN', /kept for the server/);
  await refuses({ scopes: [] }, 'INVALID_ARGUMENT', /one or more of the scopes/);
  await refuses({ scopes: ['root' as 'admin'] }, 'INVALID_ARGUMENT', /root/); // callers pass parsed JSON
  await refuses({ models: [] }, 'INVALID_ARGUMENT', /none/);
  await refuses({ models: ['a*b'] }, 'INVALID_ARGUMENT', /a\*b/);
  await refuses({ models: ['../x'] }, 'INVALID_ARGUMENT', /\.\.\/x/);
  await refuses({ scopes: ['admin'], models: ['a'] }, 'INVALID_ARGUMENT', /all models/);
  await refuses({ expiresAtMs: Number.NaN }, 'INVALID_ARGUMENT', /future/);
  await gateway.createKey({ name: 'k', scopes: ['infer'] });
  await refuses({}, 'NAME_TAKEN', /"k" exists/);
});

test('Gateway.createKey lets one of two callers have a name', async () => {
  const { gateway } = await open();
  const both = await Promise.allSettled([1, 2].map(() => gateway.createKey({ name: 'k', scopes: ['infer'] })));
  assert.deepEqual(
    both.map((result) => result.status),
    ['fulfilled', 'rejected'],
  );
});

test('authorize: admin may do everything, deploy and infer their own, all may read', async () => {
  const { gateway } = await open();
  const principal = async (name: string, scopes: CreateKeyOptions['scopes']) =>
    gateway.authenticate(bearer((await gateway.createKey({ name, scopes })).key), START_MS);
  const table = {
    a: await principal('a', ['admin']),
    d: await principal('d', ['deploy']),
    i: await principal('i', ['infer']),
  };
  const allowed = (who: Principal) =>
    (['admin', 'deploy', 'infer', 'read'] as const).filter((access) => may(who, access));
  assert.deepEqual(allowed(table.a), ['admin', 'deploy', 'infer', 'read']);
  assert.deepEqual(allowed(table.d), ['deploy', 'read']);
  assert.deepEqual(allowed(table.i), ['infer', 'read']);
  assert.throws(
    () => authorize(table.i, { scope: 'deploy', model: 'm' }),
    reason('FORBIDDEN', /key "i" may not deploy on model "m": its scopes are infer/),
  );
});

test('authorize holds keys to their models', async () => {
  const { gateway } = await open();
  const models = ['resnet', 'team-a-*'];
  const { key } = await gateway.createKey({ name: 'k', scopes: ['infer'], models });
  const principal = gateway.authenticate(bearer(key), START_MS);
  for (const model of ['resnet', 'team-a-', 'team-a-x']) assert.ok(may(principal, 'infer', model), model);
  for (const model of ['resnet2', 'resne', 'team-a', 'team-b-x', '', '*', 'x-team-a-y']) {
    assert.ok(!may(principal, 'infer', model), model);
    assert.ok(!may(principal, 'read', model), model);
  }
  assert.ok(may(principal, 'read'));
});

test('Gateway.ensureAdminKey makes a key once and never shows it again', async () => {
  const { gateway, reopen } = await open();
  const key = await gateway.ensureAdminKey();
  assert.ok(key !== undefined);
  assert.ok(may(gateway.authenticate(bearer(key), START_MS), 'admin'));
  assert.equal(await gateway.ensureAdminKey(), undefined);
  const again = await reopen();
  assert.equal(await again.ensureAdminKey(), undefined);
  assert.ok(may(again.authenticate(bearer(key), START_MS), 'admin'));
});

test('Gateway.ensureAdminKey takes the configured key, changes with it and can go back', async () => {
  const { gateway, store } = await open();
  const keyA = 'configured-key-A-0123456789';
  const keyB = 'configured-key-B-0123456789';
  for (const [current, other] of [
    [keyA, keyB],
    [keyB, keyA],
    [keyA, keyB],
  ] as const) {
    assert.equal(await gateway.ensureAdminKey({ configured: current }), undefined);
    assert.ok(may(gateway.authenticate(bearer(current), START_MS), 'admin'));
    assert.throws(() => gateway.authenticate(bearer(other), START_MS), reason('INVALID_KEY'));
  }
  assert.equal((await store.list()).length, 2);
  const ci = await gateway.createKey({ name: 'ci', scopes: ['infer'] });
  await assert.rejects(gateway.ensureAdminKey({ configured: ci.key }), reason('INVALID_CONFIG', /"ci"/));
});

test('Gateway.resetAdminKey replaces the admin key and leaves the others', async () => {
  const { gateway, reopen } = await open();
  const before = await gateway.ensureAdminKey();
  const ci = await gateway.createKey({ name: 'ci', scopes: ['infer'] });
  const after = await gateway.resetAdminKey();
  for (const server of [gateway, await reopen()]) {
    assert.throws(() => server.authenticate(bearer(before ?? ''), START_MS), reason('INVALID_KEY', /revoked/));
    assert.ok(may(server.authenticate(bearer(after), START_MS), 'admin'));
    assert.equal(server.authenticate(bearer(ci.key), START_MS).name, 'ci');
  }
});

test('Gateway.revokeKey keeps the last admin key', async () => {
  const { gateway } = await open();
  const first = await gateway.ensureAdminKey();
  await assert.rejects(gateway.revokeKey('admin'), reason('INVALID_ARGUMENT', /last key with the admin scope/));
  const second = await gateway.createKey({ name: 'second', scopes: ['admin'] });
  await gateway.revokeKey('admin');
  assert.throws(() => gateway.authenticate(bearer(first ?? ''), START_MS), reason('INVALID_KEY'));
  await assert.rejects(gateway.revokeKey('second'), reason('INVALID_ARGUMENT'));
  assert.ok(may(gateway.authenticate(bearer(second.key), START_MS), 'admin'));
});

test('Gateway keeps keys out of the store and hashes out of lists', async () => {
  const { gateway, store } = await open();
  const key = (await gateway.ensureAdminKey()) ?? '';
  assert.ok(!JSON.stringify(await store.list()).includes(key.slice(20)));
  assert.ok(!JSON.stringify(gateway.listKeys()).includes('hash'));
});

test('Gateway does not know a key whose store write failed', async () => {
  const store = new MemoryKeyStore();
  store.insert = () => Promise.reject(new Error('disk'));
  const { gateway } = await open({ store });
  await assert.rejects(gateway.createKey({ name: 'k', scopes: ['infer'] }), /disk/);
  assert.equal(gateway.listKeys().length, 0);
});
