// Fresh databases for tests: each call gives one that nobody else sees, and takes it away when the test ends.
// Suites that hold on both databases iterate over DATABASE_KINDS.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { skipWithoutPostgres, testDatabaseUrl } from '../../../../../tools/test-data.ts';
import type { DatabaseOptions } from '../database.ts';
import type { DialectName } from '../schema.ts';

export interface DatabaseKind {
  readonly dialect: DialectName;
  /** The `skip` option of tests on this database. */
  readonly skip: string | false;
}

export const DATABASE_KINDS: readonly DatabaseKind[] = [
  { dialect: 'sqlite', skip: false },
  { dialect: 'postgres', skip: skipWithoutPostgres() },
];

/** A new folder, removed when the test ends. */
export async function createTestDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'amaas-test-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** What opens a new, empty database. The test closes what it opens before it ends. */
export async function createTestDatabase(context: TestContext, dialect: DialectName): Promise<DatabaseOptions> {
  if (dialect === 'sqlite') return { path: join(await createTestDirectory(context), 'amaas.db') };
  if (testDatabaseUrl === undefined) throw new Error('skip on DatabaseKind.skip first');
  const name = `amaas_test_${randomBytes(8).toString('hex')}`;
  await administer(testDatabaseUrl, `create database ${name}`);
  context.after(() => administer(testDatabaseUrl ?? '', `drop database ${name} with (force)`));
  const url = new URL(testDatabaseUrl);
  url.pathname = `/${name}`;
  return { url: url.href, path: '' };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
