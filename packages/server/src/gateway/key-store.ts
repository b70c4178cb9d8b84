// Where API keys are kept: a port, because the gateway holds every record in memory and writes through it only.
// One process writes to a store at a time (the owner of the data directory), so nobody else has to be asked.
import type { KeyScope } from './scopes.ts';

/** A key as it is stored. The key itself is not: only its hash. */
export interface KeyRecord {
  readonly id: string;
  /** Unique among keys that are not revoked. */
  readonly name: string;
  /** SHA-256 of the key, lower-case hex. */
  readonly hash: string;
  /** The first characters of the key, so that people recognise it in a list. */
  readonly prefix: string;
  readonly scopes: readonly KeyScope[];
  /** Model names or prefixes with a final `*`. */
  readonly models: readonly string[];
  /** Wall time in milliseconds since 1970. */
  readonly createdAtMs: number;
  /** null: never. */
  readonly expiresAtMs: number | null;
  /** null: not revoked. */
  readonly revokedAtMs: number | null;
}

/** Durable store of key records; every method resolves once the change would survive a crash. */
export interface KeyStore {
  /** All records, revoked ones too, oldest first. */
  list(): Promise<readonly KeyRecord[]>;
  insert(record: KeyRecord): Promise<void>;
  /** Marks a key as revoked; a key that is revoked already keeps its time. */
  revoke(id: string, revokedAtMs: number): Promise<void>;
  /**
   * In one transaction: revokes `revokedIds` and writes `record`, over a record of the same id if there is one.
   * What becomes of the old admin key and the new one must never be half done.
   */
  replace(record: KeyRecord, revokedIds: readonly string[], revokedAtMs: number): Promise<void>;
}
