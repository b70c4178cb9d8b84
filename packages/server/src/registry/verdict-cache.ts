// Remembers what quarantine found out, so that a restart does not repeat it.
import type { Clock, ProbeReport } from '@amaas/core';
import type { Database } from '../storage/index.ts';
import type { QuarantineVerdict, VerdictKey } from './types.ts';

export class VerdictCache {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'wallTime'>;

  constructor(database: Database, clock: Pick<Clock, 'wallTime'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The verdict put under the same key, or null. */
  async get<Report = ProbeReport>(key: VerdictKey): Promise<QuarantineVerdict<Report> | null> {
    const row = await this.#database.db
      .selectFrom('verdicts')
      .select('verdict')
      .where('digest', '=', key.digest)
      .where('engine', '=', key.engine)
      .where('engine_version', '=', key.engineVersion)
      .where('machine', '=', key.machine)
      .where('options_digest', '=', key.optionsDigest)
      .executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.verdict) as QuarantineVerdict<Report>); // written by put
  }

  /** Stores a verdict, over an older one of the same key. */
  async put<Report = ProbeReport>(key: VerdictKey, verdict: QuarantineVerdict<Report>): Promise<void> {
    const outcome = { verdict: JSON.stringify(verdict), created_at: this.#clock.wallTime().toISOString() };
    await this.#database.transaction((trx) =>
      trx
        .insertInto('verdicts')
        .values({
          digest: key.digest,
          engine: key.engine,
          engine_version: key.engineVersion,
          machine: key.machine,
          options_digest: key.optionsDigest,
          ...outcome,
        })
        .onConflict((conflict) =>
          conflict.columns(['digest', 'engine', 'engine_version', 'machine', 'options_digest']).doUpdateSet(outcome),
        )
        .execute(),
    );
  }
}
