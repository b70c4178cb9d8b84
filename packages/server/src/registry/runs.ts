// Runs: what was trained, on which data, by which code, with what outcome. Knows neither jobs nor how training is done.
import { AmaasError, isName } from '@amaas/core';
import type { Transaction } from 'kysely';
import type { Schema } from '../storage/index.ts';
import { loadVersions, lockDataset, pick, type TrainingParts } from './datasets.ts';
import { fromRunRow, toRunRow } from './training-rows.ts';
import type { RunEnd, RunFilter, RunRecord, RunStart } from './training-types.ts';

/** Runs given where nobody asked for a number, and the most anybody gets at once. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const RUN_ID = /^run_[a-z0-9][a-z0-9-]{0,62}$/;

export class Runs {
  readonly #parts: TrainingParts;

  constructor(parts: TrainingParts) {
    this.#parts = parts;
  }

  /**
   * Registers a run that begins and pins its datasets, which cannot be deleted from then on unless forced. An id that is
   * there already is the same run, started anew: its datasets and configuration stay as they were.
   * @throws INVALID_ARGUMENT for an id or role that cannot be, DATASET_NOT_FOUND, STORAGE_FULL.
   */
  async start(start: RunStart): Promise<RunRecord> {
    assertStart(start);
    const createdAt = this.#parts.clock.wallTime().toISOString();
    return this.#parts.database.transaction(async (trx) => {
      const [known] = await loadRuns(trx, [start.id]);
      if (known === undefined) return insert(trx, start, createdAt);
      const again: RunRecord = { ...known, state: 'running', error: null, endedAt: null };
      await update(trx, again);
      return again;
    });
  }

  /** Says how a run ended; saying it again says it anew. @throws RUN_NOT_FOUND, ARTIFACT_NOT_FOUND, INVALID_ARGUMENT */
  async end(id: string, end: RunEnd): Promise<RunRecord> {
    await this.#assertEnd(id, end);
    const endedAt = this.#parts.clock.wallTime().toISOString();
    return this.#parts.database.transaction(async (trx) => {
      const [known] = RUN_ID.test(id) ? await loadRuns(trx, [id]) : [];
      if (known === undefined) throw runNotFound(id);
      const ended = endedRun(known, end, endedAt);
      await update(trx, ended);
      return ended;
    });
  }

  /**
   * Registers a run that was done elsewhere, with its end; the same id again replaces what was recorded under it.
   * @throws as {@link Runs.start} and {@link Runs.end}, NAME_TAKEN when the id is that of a job's run.
   */
  async record(start: Omit<RunStart, 'job'>, end: RunEnd): Promise<RunRecord> {
    assertStart(start);
    await this.#assertEnd(start.id, end);
    const now = this.#parts.clock.wallTime().toISOString();
    return this.#parts.database.transaction(async (trx) => {
      const [known] = await loadRuns(trx, [start.id]);
      if (known !== undefined && known.job !== null) {
        throw new AmaasError(
          'NAME_TAKEN',
          `record run ${start.id}: it belongs to the job ${known.job}; choose another id`,
        );
      }
      if (known !== undefined) await remove(trx, start.id);
      const ended = endedRun(await insert(trx, start, known?.createdAt ?? now), end, now);
      await update(trx, ended);
      return ended;
    });
  }

  /** @throws RUN_NOT_FOUND */
  async get(id: string): Promise<RunRecord> {
    const [known] = RUN_ID.test(id) ? await this.#parts.database.snapshot((trx) => loadRuns(trx, [id])) : [];
    if (known === undefined) throw runNotFound(id);
    return known;
  }

  /** Runs that fit, newest first. @throws RUN_NOT_FOUND for an unknown `before`, INVALID_ARGUMENT */
  async list(filter: RunFilter = {}): Promise<readonly RunRecord[]> {
    const { kind, state, job, model, dataset, before, limit = DEFAULT_LIMIT } = filter;
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `list runs: limit must be a whole number from 1 to ${MAX_LIMIT}, got ${limit}`,
      );
    }
    for (const text of [kind, job, model, dataset]) if (text !== undefined && !isName(text)) return [];
    const newer = before === undefined ? null : await this.get(before);
    return this.#parts.database.snapshot(async (trx) => {
      let query = trx.selectFrom('runs').select('id').orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
      if (kind !== undefined) query = query.where('kind', '=', kind);
      if (state !== undefined) query = query.where('state', '=', state);
      if (job !== undefined) query = query.where('job', '=', job);
      if (model !== undefined) query = query.where('model', '=', model);
      if (dataset !== undefined) {
        const users = trx.selectFrom('run_datasets').select('run').where('dataset', '=', dataset);
        query = query.where('id', 'in', users);
      }
      if (newer !== null) {
        query = query.where((eb) =>
          eb.or([
            eb('created_at', '<', newer.createdAt),
            eb.and([eb('created_at', '=', newer.createdAt), eb('id', '<', newer.id)]),
          ]),
        );
      }
      const ids = (await query.execute()).map(({ id }) => id);
      return ids.length === 0 ? [] : loadRuns(trx, ids);
    });
  }

  /**
   * Removes a run with its report; its datasets may go then. A version it made stays, and names it.
   * @throws RUN_NOT_FOUND, INVALID_ARGUMENT while it runs.
   */
  async delete(id: string): Promise<void> {
    if (!RUN_ID.test(id)) throw runNotFound(id);
    await this.#parts.database.transaction(async (trx) => {
      const [known] = await loadRuns(trx, [id]);
      if (known === undefined) throw runNotFound(id);
      if (known.state === 'running') {
        throw new AmaasError('INVALID_ARGUMENT', `run ${id} is running; cancel its job (${known.job ?? 'none'}) first`);
      }
      await remove(trx, id);
    });
  }

  /** @throws ARTIFACT_NOT_FOUND, INVALID_ARGUMENT */
  async #assertEnd(id: string, end: RunEnd): Promise<void> {
    for (const { name, digest } of end.files ?? []) {
      if (await this.#parts.blobs.touch(digest)) continue;
      throw new AmaasError('ARTIFACT_NOT_FOUND', `end run ${id}: "${name}" (${digest}) is not in the store`);
    }
    for (const [name, value] of end.metrics ?? []) {
      if (Number.isFinite(value)) continue; // JSON has no word for the others
      throw new AmaasError('INVALID_ARGUMENT', `end run ${id}: metric "${name}" must be a finite number, got ${value}`);
    }
  }
}

/** A run as it ended; what the end leaves out stays as it was. */
function endedRun(known: RunRecord, end: RunEnd, endedAt: string): RunRecord {
  return {
    ...known,
    state: end.state,
    version: end.version ?? known.version,
    metrics: end.metrics ?? known.metrics,
    files: end.files ?? known.files,
    error: end.error ?? null,
    endedAt,
  };
}

function assertStart(start: RunStart): void {
  if (!RUN_ID.test(start.id)) {
    const shown = JSON.stringify(start.id.slice(0, 80));
    throw new AmaasError('INVALID_ARGUMENT', `start run: expected an id like run_3f2a, got ${shown}`);
  }
  const roles = start.datasets.map(({ role }) => role);
  const bad = roles.find((role, index) => !isName(role) || roles.indexOf(role) !== index);
  if (bad !== undefined) {
    const shown = JSON.stringify(bad.slice(0, 140));
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `start run ${start.id}: each dataset needs a role of its own, got ${shown}`,
    );
  }
  if (start.seed !== undefined && !Number.isSafeInteger(start.seed)) {
    throw new AmaasError('INVALID_ARGUMENT', `start run ${start.id}: seed must be a whole number, got ${start.seed}`);
  }
}

async function insert(trx: Transaction<Schema>, start: RunStart, createdAt: string): Promise<RunRecord> {
  const uses: Schema['run_datasets'][] = [];
  // One order of locks for everybody, or two runs could wait for each other.
  for (const { role, name, version } of start.datasets.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!isName(name)) pick([], name, version);
    await lockDataset(trx, name);
    const { digest } = pick(await loadVersions(trx, name), name, version);
    uses.push({ run: start.id, role, dataset: name, version, digest });
  }
  const row = toRunRow({
    id: start.id,
    kind: start.kind,
    state: 'running',
    job: start.job ?? null,
    model: start.model ?? null,
    version: null,
    configuration: start.configuration,
    datasets: [],
    codeVersion: start.codeVersion,
    seed: start.seed ?? null,
    metrics: new Map(),
    parent: start.parent ?? null,
    files: [],
    error: null,
    createdAt,
    endedAt: null,
    createdBy: start.createdBy,
  });
  await trx.insertInto('runs').values(row).execute();
  if (uses.length > 0) await trx.insertInto('run_datasets').values(uses).execute();
  return fromRunRow(row, byRole(uses));
}

async function remove(trx: Transaction<Schema>, id: string): Promise<void> {
  await trx.deleteFrom('run_datasets').where('run', '=', id).execute();
  await trx.deleteFrom('runs').where('id', '=', id).execute();
}

async function update(trx: Transaction<Schema>, record: RunRecord): Promise<void> {
  const { id, ...row } = toRunRow(record);
  await trx.updateTable('runs').set(row).where('id', '=', id).execute();
}

/** The runs with these ids, newest first. */
async function loadRuns(trx: Transaction<Schema>, ids: readonly string[]): Promise<RunRecord[]> {
  const rows = await trx
    .selectFrom('runs')
    .selectAll()
    .where('id', 'in', ids)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  const uses = await trx.selectFrom('run_datasets').selectAll().where('run', 'in', ids).execute();
  const usesByRun = Map.groupBy(uses, (use) => use.run);
  return rows.map((row) => fromRunRow(row, byRole(usesByRun.get(row.id) ?? [])));
}

function byRole(uses: readonly Schema['run_datasets'][]): readonly Schema['run_datasets'][] {
  return uses.toSorted((a, b) => (a.role < b.role ? -1 : 1)); // not in SQL: databases sort text differently
}

function runNotFound(id: string): AmaasError {
  return new AmaasError('RUN_NOT_FOUND', `there is no run ${JSON.stringify(id.slice(0, 80))}`, {
    details: { run: id.slice(0, 80) },
  });
}
