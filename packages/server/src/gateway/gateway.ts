// The gate: turns the headers of a request into a principal and manages the keys behind it.
//
// Authentication is on the path of every inference, so all keys lie in memory by their hash and the store is only
// written through. Keys are found by the hash of what the caller sent: a Map lookup on a hash gives no timing to learn from.
// Knows nothing of routes: whoever serves one says which scope it needs.
import { randomUUID } from 'node:crypto';
import { AmaasError, assertName } from '@amaas/core';
import { generateKey, hashKey, keyPrefix, MAX_KEY_LENGTH, type RandomBytes } from './api-key.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';
import { createPrincipal, type Principal, UNAUTHENTICATED_PRINCIPAL } from './principal.ts';
import { assertModelPatterns, isKeyScope, type KeyScope } from './scopes.ts';

/** The name of the admin key the server itself looks after. */
export const ADMIN_KEY_NAME = 'admin';

export interface GatewayOptions {
  readonly store: KeyStore;
  /** `off`: every caller may do everything; only for servers nobody else can reach. */
  readonly auth: 'required' | 'off';
  /** Wall time in milliseconds since 1970. */
  readonly wallTimeMs?: () => number;
  readonly randomBytes?: RandomBytes;
  readonly createId?: () => string;
  /** Told about every refused authentication; for metrics. */
  readonly onRefused?: (reason: 'MISSING_KEY' | 'INVALID_KEY') => void;
}

/** The headers authentication looks at, names in lower case as Node gives them. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | readonly string[] | undefined;
}

export interface CreateKeyOptions {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  /** Model names, prefixes with a final `*`, or `*`; default `*`. */
  readonly models?: readonly string[];
  /** Default: never. */
  readonly expiresAtMs?: number;
}

/** A key as lists show it. */
export type KeySummary = Omit<KeyRecord, 'hash'>;

interface KnownKey {
  readonly record: KeyRecord;
  readonly principal: Principal;
}

export class Gateway {
  readonly auth: 'required' | 'off';
  readonly #store: KeyStore;
  readonly #wallTimeMs: () => number;
  readonly #randomBytes: RandomBytes | undefined;
  readonly #createId: () => string;
  readonly #onRefused: (reason: 'MISSING_KEY' | 'INVALID_KEY') => void;
  /** Every stored key by its hash, revoked ones too, so that their holders are told. */
  readonly #keys = new Map<string, KnownKey>();
  /** Changes run one after the other: each checks what is there before it writes. */
  #changes: Promise<unknown> = Promise.resolve();

  private constructor(options: GatewayOptions) {
    this.auth = options.auth;
    this.#store = options.store;
    this.#wallTimeMs = options.wallTimeMs ?? Date.now;
    this.#randomBytes = options.randomBytes;
    this.#createId = options.createId ?? randomUUID;
    this.#onRefused = options.onRefused ?? (() => {});
  }

  /** Opens the gate with every key of the store. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    for (const record of await options.store.list()) gateway.#remember(record);
    return gateway;
  }

  /**
   * Finds out who sent a request: `Authorization: Bearer <key>` or `x-api-key: <key>`, the former if both are there.
   * @param nowMs wall time in milliseconds since 1970
   * @throws MISSING_KEY, INVALID_KEY. The holder of a whole key may learn that it expired or was revoked.
   */
  authenticate(headers: CredentialHeaders, nowMs: number): Principal {
    if (this.auth === 'off') return UNAUTHENTICATED_PRINCIPAL;
    const key = credentialOf(headers);
    if (key === undefined) {
      this.#onRefused('MISSING_KEY');
      throw new AmaasError('MISSING_KEY', missingKeyMessage(headers));
    }
    const known = key.length > MAX_KEY_LENGTH ? undefined : this.#keys.get(hashKey(key));
    if (known !== undefined && isUsable(known.record, nowMs)) return known.principal;
    this.#onRefused('INVALID_KEY');
    throw new AmaasError('INVALID_KEY', invalidKeyMessage(known?.record));
  }

  /**
   * Whom a key that was let in earlier stands for now, for work done in its name later.
   * @param keyId null: work that was begun without authentication
   * @param nowMs wall time in milliseconds since 1970
   * @throws MISSING_KEY where keys have been asked for since, INVALID_KEY when it expired or was revoked meanwhile
   */
  principalOf(keyId: string | null, nowMs: number): Principal {
    if (this.auth === 'off') return UNAUTHENTICATED_PRINCIPAL;
    if (keyId === null) throw new AmaasError('MISSING_KEY', 'this was begun without an API key, which is needed now');
    const known = [...this.#keys.values()].find(({ record }) => record.id === keyId);
    if (known !== undefined && isUsable(known.record, nowMs)) return known.principal;
    throw new AmaasError('INVALID_KEY', invalidKeyMessage(known?.record));
  }

  /** Every key, revoked and expired ones too, oldest first. */
  listKeys(): readonly KeySummary[] {
    return [...this.#keys.values()]
      .map(({ record }) => summaryOf(record))
      .sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /**
   * Makes a key; `key` is its only copy.
   * @throws INVALID_NAME, NAME_TAKEN, INVALID_ARGUMENT for unknown or no scopes, bad patterns or an expiry that has passed.
   */
  createKey(options: CreateKeyOptions): Promise<{ readonly key: string; readonly summary: KeySummary }> {
    return this.#inTurn(async () => {
      this.#assertCreatable(options);
      const key = generateKey(this.#randomBytes);
      const record = this.#newRecord(key, options);
      await this.#store.insert(record);
      this.#remember(record);
      return { key, summary: summaryOf(record) };
    });
  }

  /**
   * Revokes a key by id or name, at once for requests that come after; revoking it again changes nothing.
   * @throws KEY_NOT_FOUND, INVALID_ARGUMENT for the last key that may administer the server.
   */
  revokeKey(idOrName: string): Promise<KeySummary> {
    return this.#inTurn(async () => {
      const record = this.#findKey(idOrName);
      if (record.revokedAtMs !== null) return summaryOf(record);
      this.#assertNotLastAdmin(record);
      const revoked = { ...record, revokedAtMs: this.#wallTimeMs() };
      await this.#store.revoke(record.id, revoked.revokedAtMs);
      this.#remember(revoked);
      return summaryOf(revoked);
    });
  }

  /**
   * Sees to it that somebody can administer the server. A configured key becomes the admin key in place of the one
   * before; without one, a key is made when no usable admin key is left.
   * @returns the key if it was made just now: its only copy, to be shown once.
   * @throws INVALID_CONFIG when the configured key is already another key's.
   */
  ensureAdminKey(options: { readonly configured?: string | undefined } = {}): Promise<string | undefined> {
    return this.#inTurn(async () => {
      if (options.configured !== undefined) {
        await this.#installAdminKey(options.configured);
        return undefined;
      }
      if (this.#usableAdminKeys().length > 0) return undefined;
      const key = generateKey(this.#randomBytes);
      await this.#installAdminKey(key);
      return key;
    });
  }

  /** Revokes the admin key and makes a new one: its only copy. Other keys with the admin scope stay. */
  resetAdminKey(): Promise<string> {
    return this.#inTurn(async () => {
      const key = generateKey(this.#randomBytes);
      await this.#installAdminKey(key);
      return key;
    });
  }

  async #installAdminKey(key: string): Promise<void> {
    const known = this.#keys.get(hashKey(key))?.record;
    if (known !== undefined && known.name !== ADMIN_KEY_NAME) {
      throw new AmaasError('INVALID_CONFIG', `configuration: adminKey is already the key "${known.name}"`);
    }
    if (known !== undefined && isUsable(known, this.#wallTimeMs())) return;
    // A key that was the admin key once and is configured again keeps its record: two of one hash cannot be.
    const fresh = this.#newRecord(key, { name: ADMIN_KEY_NAME, scopes: ['admin'] });
    const record = known === undefined ? fresh : { ...fresh, id: known.id };
    const previous = this.#recordsNamed(ADMIN_KEY_NAME).filter((other) => other.revokedAtMs === null);
    const revokedAtMs = this.#wallTimeMs();
    await this.#store.replace(
      record,
      previous.map((other) => other.id),
      revokedAtMs,
    );
    for (const other of previous) this.#remember({ ...other, revokedAtMs });
    this.#remember(record);
  }

  #newRecord(key: string, options: CreateKeyOptions): KeyRecord {
    return {
      id: this.#createId(),
      name: options.name,
      hash: hashKey(key),
      prefix: keyPrefix(key),
      scopes: [...new Set(options.scopes)],
      models: [...new Set(options.models ?? ['*'])],
      createdAtMs: this.#wallTimeMs(),
      expiresAtMs: options.expiresAtMs ?? null,
      revokedAtMs: null,
    };
  }

  #assertCreatable({ name, scopes, models = ['*'], expiresAtMs }: CreateKeyOptions): void {
    assertName('key', name);
    const refuse = (problem: string): never => {
      throw new AmaasError('INVALID_ARGUMENT', `create key "${name}": ${problem}`);
    };
    if (scopes.length === 0 || !scopes.every(isKeyScope)) {
      refuse(`expected one or more of the scopes admin, deploy, infer, got ${JSON.stringify(scopes).slice(0, 140)}`);
    }
    if (models.length === 0) refuse('expected one or more model patterns, got none');
    assertModelPatterns(models);
    if (scopes.includes('admin') && !models.includes('*')) {
      refuse('the admin scope is for all models; expected models "*"');
    }
    if (expiresAtMs !== undefined && !(expiresAtMs > this.#wallTimeMs() && Number.isFinite(expiresAtMs))) {
      refuse('its expiry must lie in the future');
    }
    if (name === ADMIN_KEY_NAME) {
      throw new AmaasError('NAME_TAKEN', `create key: the name "${name}" is kept for the server's own admin key`);
    }
    if (this.#recordsNamed(name).some((record) => record.revokedAtMs === null)) {
      throw new AmaasError('NAME_TAKEN', `create key: a key named "${name}" exists; revoke it first or choose another`);
    }
  }

  #assertNotLastAdmin(record: KeyRecord): void {
    const admins = this.#usableAdminKeys();
    if (admins.length !== 1 || admins[0]?.id !== record.id) return;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `revoke key: "${record.name}" is the last key with the admin scope; create another first, or run ` +
        '`amaas keys reset-admin` on the machine',
    );
  }

  #findKey(idOrName: string): KeyRecord {
    const named = this.#recordsNamed(idOrName);
    const found =
      named.find((record) => record.revokedAtMs === null) ??
      [...this.#keys.values()].find(({ record }) => record.id === idOrName)?.record ??
      named.at(-1);
    if (found !== undefined) return found;
    throw new AmaasError(
      'KEY_NOT_FOUND',
      `there is no key named or numbered ${JSON.stringify(idOrName.slice(0, 140))}`,
    );
  }

  #recordsNamed(name: string): readonly KeyRecord[] {
    return [...this.#keys.values()].map(({ record }) => record).filter((record) => record.name === name);
  }

  #usableAdminKeys(): readonly KeyRecord[] {
    const nowMs = this.#wallTimeMs();
    return [...this.#keys.values()]
      .map(({ record }) => record)
      .filter((record) => record.scopes.includes('admin') && isUsable(record, nowMs));
  }

  #remember(record: KeyRecord): void {
    this.#keys.set(record.hash, { record, principal: createPrincipal(record) });
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => {}); // the caller has the failure; the next change runs regardless
    return result;
  }
}

function isUsable(record: KeyRecord, nowMs: number): boolean {
  return record.revokedAtMs === null && (record.expiresAtMs === null || nowMs < record.expiresAtMs);
}

/** The key a request carries; undefined when it carries none. */
function credentialOf(headers: CredentialHeaders): string | undefined {
  const { authorization } = headers;
  if (
    authorization !== undefined &&
    authorization.length > 7 &&
    authorization.slice(0, 7).toLowerCase() === 'bearer '
  ) {
    const key = authorization.slice(7).trim();
    if (key !== '') return key;
  }
  const apiKey = headers['x-api-key'];
  const key = (typeof apiKey === 'string' ? apiKey : apiKey?.[0])?.trim();
  return key === '' ? undefined : key;
}

function missingKeyMessage(headers: CredentialHeaders): string {
  const expected = 'expected "Authorization: Bearer <key>" or "x-api-key: <key>"';
  if (headers.authorization === undefined) return `this server needs an API key: ${expected}`;
  return `the Authorization header carries no API key: ${expected}`;
}

function invalidKeyMessage(record: KeyRecord | undefined): string {
  if (record === undefined) return 'the API key is not known to this server';
  if (record.revokedAtMs !== null) return `the API key ${record.prefix}… was revoked`;
  return `the API key ${record.prefix}… expired at ${new Date(record.expiresAtMs ?? 0).toISOString()}`;
}

function summaryOf({ hash: _hash, ...summary }: KeyRecord): KeySummary {
  return summary;
}
