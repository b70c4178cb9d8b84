// Where tests find what is not in the repository: the shared data folder and PostgreSQL.
// Missing: the test is skipped with the reason on a laptop, and fails in CI, so that nothing goes unproven unnoticed.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const sharedData = process.env['AMAAS_SHARED_DATA'] ?? resolve(import.meta.dirname, '..', '..', 'shared', 'data');

/** Path of a file below the shared data folder; throws in CI when it is not there. */
export function sharedDataPath(relativePath: string): string {
  return join(sharedData, relativePath);
}

/**
 * The `skip` option of a test that needs these shared files: false when all are there, else the reason.
 * @throws Error in CI, where nothing may be skipped.
 */
export function skipWithoutSharedData(...relativePaths: readonly string[]): string | false {
  const missing = relativePaths.find((path) => !existsSync(join(sharedData, path)));
  if (missing === undefined) return false;
  return skipOrFail(`needs ../shared/data/${missing}, which is not here`);
}

/** URL of a PostgreSQL server tests may create databases on, from AMAAS_TEST_DATABASE_URL. */
export const testDatabaseUrl: string | undefined = process.env['AMAAS_TEST_DATABASE_URL'];

/** The `skip` option of a test that needs PostgreSQL. @throws Error in CI. */
export function skipWithoutPostgres(): string | false {
  if (testDatabaseUrl !== undefined) return false;
  return skipOrFail('needs PostgreSQL: set AMAAS_TEST_DATABASE_URL');
}

/** A skip reason on a laptop, an exception in CI. */
export function skipOrFail(reason: string): string {
  if (process.env['CI']) throw new Error(`nothing may be skipped in CI: ${reason}`);
  return reason;
}
