// What can be done to a data directory while no server owns it. Each verb takes the lock, so that none does.
import { systemClock } from '@amaas/core';
import { createSqlKeyStore, Gateway } from '../gateway/index.ts';
import { dataDirLayout, lockDataDir, openDatabase } from '../storage/index.ts';

export interface OfflineOptions {
  readonly dataDir: string;
  /** PostgreSQL, where the server uses it. */
  readonly databaseUrl?: string;
}

/**
 * Replaces a lost admin key.
 * @returns the new key: its only copy.
 * @throws DATA_DIR_LOCKED while a server runs, SCHEMA_TOO_NEW.
 */
export async function resetAdminKey(options: OfflineOptions): Promise<{ readonly key: string }> {
  const lock = lockDataDir(options.dataDir, systemClock);
  try {
    const database = await openDatabase({
      path: dataDirLayout(options.dataDir).databasePath,
      ...(options.databaseUrl === undefined ? {} : { url: options.databaseUrl }),
    });
    try {
      const gateway = await Gateway.open({ store: createSqlKeyStore(database), auth: 'required' });
      return { key: await gateway.resetAdminKey() };
    } finally {
      await database.close();
    }
  } finally {
    lock.release();
  }
}
