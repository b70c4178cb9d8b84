// One contract, run on every key store.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '../storage/index.ts';
import { createTestDatabase, DATABASE_KINDS } from '../storage/testing/databases.ts';
import { Gateway } from './gateway.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';
import { createSqlKeyStore } from './sql-key-store.ts';
import { MemoryKeyStore } from './testing/memory-key-store.ts';

type UseStore = (store: KeyStore, reopen: () => Promise<KeyStore>) => Promise<void>;

interface StoreKind {
  readonly name: string;
  readonly skip: string | false;
  with(context: TestContext, use: UseStore): Promise<void>;
}

const memory: StoreKind = {
  name: 'MemoryKeyStore',
  skip: false,
  async with(_context, use) {
    const store = new MemoryKeyStore();
    await use(store, async () => store);
  },
};

const onDatabases = DATABASE_KINDS.map(
  ({ dialect, skip }): StoreKind => ({
    name: `SqlKeyStore on ${dialect}`,
    skip,
    async with(context, use) {
      const options = await createTestDatabase(context, dialect);
      let database = await openDatabase(options);
      try {
        await use(createSqlKeyStore(database), async () => {
          await database.close();
          database = await openDatabase(options);
          return createSqlKeyStore(database);
        });
      } finally {
        await database.close();
      }
    },
  }),
);

function record(id: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id,
    name: `name-${id}`,
    hash: `hash-${id}`,
    prefix: 'amaas_AB',
    scopes: ['deploy', 'infer'],
    models: ['a', 'team-*'],
    createdAtMs: Date.UTC(2030, 0, 2, 3, 4, 5, 678),
    expiresAtMs: null,
    revokedAtMs: null,
    ...changes,
  };
}

for (const { name, skip, with: withStore } of [memory, ...onDatabases]) {
  test(`${name} gives back what was inserted, oldest first, after a restart too`, { skip }, (context) =>
    withStore(context, async (store, reopen) => {
      const younger = record('1', { createdAtMs: Date.UTC(2031, 0, 1), expiresAtMs: Date.UTC(2032, 0, 1) });
      const older = record('2', { revokedAtMs: Date.UTC(2030, 5, 1) });
      await store.insert(younger);
      await store.insert(older);
      assert.deepEqual(await store.list(), [older, younger]);
      assert.deepEqual(await (await reopen()).list(), [older, younger]);
    }),
  );

  test(`${name} refuses a second record of one id or hash`, { skip }, (context) =>
    withStore(context, async (store) => {
      await store.insert(record('1'));
      await assert.rejects(store.insert(record('1', { hash: 'other' })));
      await assert.rejects(store.insert(record('2', { hash: 'hash-1' })));
      assert.equal((await store.list()).length, 1);
    }),
  );

  test(`${name}.revoke marks one key and keeps the first time`, { skip }, (context) =>
    withStore(context, async (store) => {
      await store.insert(record('1'));
      await store.insert(record('2'));
      await store.revoke('2', 1_000);
      await store.revoke('2', 2_000);
      await store.revoke('absent', 3_000);
      assert.deepEqual(
        (await store.list()).map(({ revokedAtMs }) => revokedAtMs),
        [null, 1_000],
      );
    }),
  );

  test(`${name}.replace revokes and writes together, over a record of the same id`, { skip }, (context) =>
    withStore(context, async (store) => {
      await store.insert(record('1'));
      await store.insert(record('2'));
      await store.replace(record('3'), ['1'], 5_000);
      await store.replace(record('1', { name: 'again' }), ['3', '1'], 6_000);
      assert.deepEqual(
        (await store.list()).map((stored) => [stored.id, stored.name, stored.revokedAtMs]),
        [
          ['1', 'again', null],
          ['2', 'name-2', null],
          ['3', 'name-3', 6_000],
        ],
      );
    }),
  );

  test(`${name}.replace changes nothing when the record cannot be written`, { skip }, (context) =>
    withStore(context, async (store) => {
      await store.insert(record('1'));
      await store.insert(record('2'));
      await assert.rejects(store.replace(record('3', { hash: 'hash-2' }), ['1'], 5_000));
      assert.deepEqual(
        (await store.list()).map(({ revokedAtMs }) => revokedAtMs),
        [null, null],
      );
    }),
  );

  test(`${name} carries a gateway over a restart`, { skip }, (context) =>
    withStore(context, async (store, reopen) => {
      const gateway = await Gateway.open({ store, auth: 'required' });
      const admin = (await gateway.ensureAdminKey()) ?? '';
      const ci = await gateway.createKey({ name: 'ci', scopes: ['infer'], models: ['iris'] });
      const reset = await gateway.resetAdminKey();
      const again = await Gateway.open({ store: await reopen(), auth: 'required' });
      assert.equal(again.authenticate({ 'x-api-key': reset }, Date.now()).name, 'admin');
      assert.ok(!again.authenticate({ 'x-api-key': ci.key }, Date.now()).allowsModel('mnist'));
      assert.throws(() => again.authenticate({ 'x-api-key': admin }, Date.now()), /revoked/);
    }),
  );
}
