// A key store in memory, for tests.
import type { KeyRecord, KeyStore } from '../key-store.ts';

export class MemoryKeyStore implements KeyStore {
  readonly #records = new Map<string, KeyRecord>();

  async list(): Promise<readonly KeyRecord[]> {
    return [...this.#records.values()].sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  async insert(record: KeyRecord): Promise<void> {
    if (this.#records.has(record.id)) throw new Error(`key id ${record.id} exists`);
    this.#assertHashIsNew(record);
    this.#records.set(record.id, record);
  }

  async revoke(id: string, revokedAtMs: number): Promise<void> {
    const record = this.#records.get(id);
    if (record !== undefined && record.revokedAtMs === null) this.#records.set(id, { ...record, revokedAtMs });
  }

  async replace(record: KeyRecord, revokedIds: readonly string[], revokedAtMs: number): Promise<void> {
    this.#assertHashIsNew(record);
    for (const id of revokedIds) await this.revoke(id, revokedAtMs);
    this.#records.set(record.id, record);
  }

  #assertHashIsNew(record: KeyRecord): void {
    for (const other of this.#records.values()) {
      if (other.hash === record.hash && other.id !== record.id) throw new Error('key hash exists');
    }
  }
}
