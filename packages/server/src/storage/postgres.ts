// The only file that touches pg, which it loads on demand. Gives Kysely's PostgreSQL dialect values of the same
// JavaScript types that the SQLite one gives.
import { AmaasError } from '@amaas/core';
import { type Dialect, PostgresDialect } from 'kysely';
import { fromDatabaseInteger } from './integers.ts';

/** PostgreSQL's type number of bigint, also what count() returns. */
const INT8_OID = 20;

/** Connections per server; the registry's queries are short and rare. */
const MAX_CONNECTIONS = 10;

/** How long a start may wait for the database, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A Kysely dialect over a pool of connections to `url`, which Kysely's `destroy()` closes.
 * @throws INVALID_CONFIG when `url` is not a PostgreSQL URL or nothing answers there.
 */
export async function createPostgresDialect(url: string): Promise<Dialect> {
  const target = describePostgresUrl(url);
  const { default: pg } = await import('pg');
  const defaults = pg.types;
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'amaas',
    types: {
      getTypeParser(oid: number, format?: 'text' | 'binary') {
        if (oid === INT8_OID && format !== 'binary') return (text: string) => fromDatabaseInteger(BigInt(text));
        return format === 'binary' ? defaults.getTypeParser(oid, format) : defaults.getTypeParser(oid, 'text');
      },
    },
  });
  // Without a listener a connection lost while idle would end the process; the pool replaces it on the next query.
  pool.on('error', () => {});
  try {
    const client = await pool.connect();
    client.release();
  } catch (error) {
    await pool.end();
    const cause = error instanceof Error ? error.message : String(error);
    throw new AmaasError('INVALID_CONFIG', `storage: cannot connect to PostgreSQL at ${target}: ${cause}`, {
      cause: error,
    });
  }
  return new PostgresDialect({ pool });
}

/** The parts of the URL that may be shown: no password. */
function describePostgresUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:')) {
    const scheme = parsed === undefined ? 'something that is not a URL' : `a URL starting with ${parsed.protocol}`;
    throw new AmaasError('INVALID_CONFIG', `storage: the database URL must start with postgres://, got ${scheme}`);
  }
  return `${parsed.host}${parsed.pathname}`;
}
