import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type CompiledQuery, type KyselyPlugin, sql } from 'kysely';
import { type Database, openDatabase } from '../storage/index.ts';
import { createTestDatabase, DATABASE_KINDS } from '../storage/testing/databases.ts';
import { ResponseStore, type StoredResponse } from './response-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const START_MS = Date.UTC(2026, 0, 1);

function stored(id: string, owner: string | null, text = id): StoredResponse {
  const conversation = [{ role: 'user' as const, content: text }];
  return { id, owner, response: { id, text }, input: [{ text }], conversation };
}

async function open(t: TestContext, dialect: 'sqlite' | 'postgres'): Promise<Database> {
  const database = await openDatabase(await createTestDatabase(t, dialect));
  t.after(() => database.close());
  return database;
}

for (const { dialect, skip } of DATABASE_KINDS) {
  test(`ResponseStore on ${dialect} keeps answers for who asked, for thirty days`, { skip }, async (t) => {
    let nowMs = START_MS;
    const store = new ResponseStore(await open(t, dialect), { wallTime: () => new Date(nowMs) });
    await store.put(stored('a', 'alice', 'ü'));
    nowMs += 20 * DAY_MS;
    await store.put(stored('b', 'alice'));
    await store.put(stored('n', null));
    assert.deepEqual(await store.get('a', 'alice'), stored('a', 'alice', 'ü'));
    assert.deepEqual(await store.get('n', null), stored('n', null));
    await assert.rejects(store.get('a', 'bob'), { reason: 'RESPONSE_NOT_FOUND' });
    await assert.rejects(store.delete('a', 'bob'), { reason: 'RESPONSE_NOT_FOUND' });
    nowMs += 10 * DAY_MS + 1;
    await store.put(stored('c', 'bob'));
    await assert.rejects(store.get('a', 'alice'), { reason: 'RESPONSE_NOT_FOUND' });
    await store.delete('b', 'alice');
    await assert.rejects(store.get('b', 'alice'), { reason: 'RESPONSE_NOT_FOUND' });
    assert.equal((await store.get('c', 'bob')).id, 'c');
  });
}

test('ResponseStore keeps the ten thousand latest answers of an owner', async (t) => {
  const database = await open(t, 'sqlite');
  let nowMs = START_MS;
  const store = new ResponseStore(database, { wallTime: () => new Date(nowMs++) });
  await store.put(stored('first', 'alice'));
  await store.put(stored('other', 'bob'));
  await sql`insert into responses (id, owner, response, input, conversation, created_at)
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 9999)
    select 'r' || i, 'alice', '{}', '[]', '[]', ${new Date(nowMs++).toISOString()} from n`.execute(database.db);
  assert.equal((await store.get('first', 'alice')).id, 'first');
  await store.put(stored('last', 'alice'));
  await assert.rejects(store.get('first', 'alice'), { reason: 'RESPONSE_NOT_FOUND' });
  for (const [id, owner] of [
    ['last', 'alice'],
    ['r1', 'alice'],
    ['other', 'bob'],
  ] as const)
    await store.get(id, owner);
});

test('ResponseStore.put reads no conversation of another answer: each is as long as all before it', async (t) => {
  const database = await open(t, 'sqlite');
  const statements: string[] = [];
  const watched: Database = Object.create(database, {
    transaction: {
      value: (work: Parameters<Database['transaction']>[0]) =>
        database.transaction((trx) => {
          const plugin: KyselyPlugin = {
            transformQuery({ node, queryId }) {
              const compiled: CompiledQuery = trx.getExecutor().compileQuery(node, queryId);
              statements.push(compiled.sql);
              return node;
            },
            transformResult: async ({ result }) => result,
          };
          return work(trx.withPlugin(plugin));
        }),
    },
  });
  await new ResponseStore(watched, { wallTime: () => new Date(START_MS) }).put(stored('a', 'alice'));
  assert.equal(statements.length, 3);
  for (const statement of statements) {
    const { rows } = await sql<{ readonly detail: string }>`${sql.raw(`explain query plan ${statement}`)}`.execute(
      database.db,
    );
    for (const { detail } of rows) assert.doesNotMatch(detail, /SCAN|TEMP B-TREE/, statement);
  }
});
