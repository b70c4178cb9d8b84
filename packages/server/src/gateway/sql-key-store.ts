// The key store over the server's database. Knows the keys table and nothing of what keys are good for.
import { AmaasError } from '@amaas/core';
import type { Insertable, Selectable } from 'kysely';
import type { Database, Schema } from '../storage/index.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';
import { isKeyScope, type KeyScope } from './scopes.ts';

type KeyRow = Selectable<Schema['keys']>;

/** A key store over `database`, which the caller closes. */
export function createSqlKeyStore(database: Database): KeyStore {
  return {
    async list() {
      const rows = await database.db.selectFrom('keys').selectAll().orderBy('created_at').orderBy('id').execute();
      return rows.map(recordOf);
    },
    async insert(record) {
      await database.db.insertInto('keys').values(rowOf(record)).execute();
    },
    async revoke(id, revokedAtMs) {
      await database.db
        .updateTable('keys')
        .set({ revoked_at: isoTime(revokedAtMs) })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .execute();
    },
    async replace(record, revokedIds, revokedAtMs) {
      const row = rowOf(record);
      await database.transaction(async (trx) => {
        if (revokedIds.length > 0) {
          await trx
            .updateTable('keys')
            .set({ revoked_at: isoTime(revokedAtMs) })
            .where('id', 'in', [...revokedIds])
            .where('revoked_at', 'is', null)
            .execute();
        }
        await trx
          .insertInto('keys')
          .values(row)
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute();
      });
    },
  };
}

function rowOf(record: KeyRecord): Insertable<Schema['keys']> {
  return {
    id: record.id,
    name: record.name,
    hash: record.hash,
    prefix: record.prefix,
    scopes: JSON.stringify(record.scopes),
    models: JSON.stringify(record.models),
    created_at: isoTime(record.createdAtMs),
    expires_at: record.expiresAtMs === null ? null : isoTime(record.expiresAtMs),
    revoked_at: record.revokedAtMs === null ? null : isoTime(record.revokedAtMs),
  };
}

function recordOf(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    prefix: row.prefix,
    scopes: scopesOf(row),
    models: stringsOf(row, row.models),
    createdAtMs: Date.parse(row.created_at),
    expiresAtMs: row.expires_at === null ? null : Date.parse(row.expires_at),
    revokedAtMs: row.revoked_at === null ? null : Date.parse(row.revoked_at),
  };
}

function scopesOf(row: KeyRow): readonly KeyScope[] {
  const scopes = stringsOf(row, row.scopes);
  if (scopes.every(isKeyScope)) return scopes;
  throw damaged(row); // a scope this release does not know must not be read as any that it does
}

function stringsOf(row: KeyRow, json: string): readonly string[] {
  const list: unknown = JSON.parse(json);
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw damaged(row);
}

function damaged(row: KeyRow): AmaasError {
  return new AmaasError('INTERNAL', `key store: the record of key "${row.name}" (${row.id}) cannot be read`);
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
