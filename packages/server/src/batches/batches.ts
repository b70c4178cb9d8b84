// The batches of a server: created, looked at, cancelled, and run side by side. One server owns them, as it owns the data
// directory; the table and the logs are what survives it.
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, type CancelTimer, type Clock } from '@amaas/core';
import { type BatchOrder, COMPLETION_WINDOW_MS } from '@amaas/protocols/openai-files';
import { type BlobStore, errorCode } from '../artifacts/index.ts';
import type { Database } from '../storage/index.ts';
import { BatchStore } from './batch-store.ts';
import type { Files } from './files.ts';
import { OpenBatch, type OpenBatchParts } from './open-batch.ts';
import type { RunLine, SlotsFor } from './ports.ts';
import { Slots } from './slots.ts';
import type { BatchRecord, Page, PageRequest, Viewer } from './types.ts';

export interface BatchesParts {
  readonly database: Database;
  readonly files: Files;
  readonly blobs: BlobStore;
  /** Where batches have their folders. */
  readonly directory: string;
  readonly clock: Clock;
  readonly slotsFor: SlotsFor;
  /** Longest line of an input file. */
  readonly maxLineBytes: number;
  /** Hears what went wrong where nobody waits for an answer. */
  readonly onProblem: (batch: string | null, what: string, error: unknown) => void;
  /** Hears of each batch that ended. */
  readonly onEnded?: (batch: BatchRecord) => void;
}

/** Of each batch that has not ended, where its lines lie is kept in memory: up to a megabyte. */
const MOST_OPEN = 100;

const SWEEP_EVERY_MS = 60 * 60 * 1000;

export class Batches {
  readonly #parts: BatchesParts;
  readonly #store: BatchStore;
  readonly #slots: Slots;
  readonly #open = new Map<string, OpenBatch>();
  readonly #running = new Set<Promise<void>>();
  #sequence = 0;
  #run: RunLine | null = null;
  #isStopping = false;
  #cancelSweep: CancelTimer = () => {};

  private constructor(parts: BatchesParts) {
    this.#parts = parts;
    this.#store = new BatchStore(parts.database);
    this.#slots = new Slots(parts.slotsFor);
  }

  /** Opens the batches as the last server left them; nothing runs before {@link Batches.start}. */
  static async open(parts: BatchesParts): Promise<Batches> {
    const batches = new Batches(parts);
    batches.#sequence = await batches.#store.lastSequence();
    for (const record of await batches.#store.listOpen()) {
      batches.#open.set(record.id, await OpenBatch.resume(record, batches.#openParts));
    }
    for (const name of await namesIn(parts.directory)) {
      if (!batches.#open.has(name)) await rm(join(parts.directory, name), { recursive: true, force: true });
    }
    return batches;
  }

  /** Begins to work. */
  start(run: RunLine): void {
    if (this.#isStopping) return;
    this.#run = run;
    for (const batch of this.#open.values()) this.#launch(batch, run);
    void this.#sweepRegularly();
  }

  /** Stops what runs; all of it goes on at the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelSweep();
    for (const batch of this.#open.values()) batch.interrupt();
    await Promise.all(this.#running);
  }

  /** Batches that have not ended, and their requests under way. */
  get counts(): { readonly open: number; readonly requests: number } {
    return { open: this.#open.size, requests: this.#slots.active };
  }

  /**
   * Adds a batch, whose requests are made in the name of who asks; it is on disk when this resolves.
   * @throws ARTIFACT_NOT_FOUND, INVALID_ARGUMENT for a file that is not for batches, QUEUE_FULL, SHUTTING_DOWN, STORAGE_FULL
   */
  async create(order: BatchOrder, viewer: Viewer): Promise<BatchRecord> {
    const { files, clock } = this.#parts;
    const file = await files.get(order.inputFileId, viewer);
    if (file.purpose !== 'batch') {
      const message = `input_file_id: file ${file.id} was uploaded with purpose "${file.purpose}", expected "batch"`;
      throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'input_file_id' } });
    }
    this.#assertTakesMore();
    const createdAtMs = clock.wallTime().getTime();
    const record: BatchRecord = {
      ...order,
      id: `batch_${randomBytes(12).toString('hex')}`,
      sequence: ++this.#sequence,
      owner: viewer.keyId,
      state: 'validating',
      problems: [],
      inputDigest: file.digest,
      inputBytes: file.sizeBytes,
      outputFileId: null,
      errorFileId: null,
      createdAtMs,
      expiresAtMs: createdAtMs + COMPLETION_WINDOW_MS,
      times: {},
      counts: { total: 0, completed: 0, failed: 0 },
      usage: null,
      model: null,
    };
    const batch = new OpenBatch(record, this.#openParts);
    this.#open.set(record.id, batch); // before it is on disk, so that the bound holds
    try {
      await this.#store.insert(record);
    } catch (thrown) {
      this.#open.delete(record.id);
      throw thrown;
    }
    if (this.#run !== null && !this.#isStopping) this.#launch(batch, this.#run);
    return record;
  }

  /** @throws JOB_NOT_FOUND, also for what is another's */
  async get(id: string, viewer: Viewer): Promise<BatchRecord> {
    return this.#current(await this.#store.get(id, viewer));
  }

  /** @throws JOB_NOT_FOUND for an unknown `after` */
  async list(request: PageRequest, viewer: Viewer): Promise<Page<BatchRecord>> {
    const { items, hasMore } = await this.#store.list(request, viewer);
    return { items: items.map((record) => this.#current(record)), hasMore };
  }

  /** Ends a batch soon, keeping what is done. On disk when it resolves. @throws JOB_NOT_FOUND, JOB_ENDED */
  async cancel(id: string, viewer: Viewer): Promise<BatchRecord> {
    const { state } = await this.#store.get(id, viewer);
    const open = this.#open.get(id);
    if (open === undefined) {
      throw new AmaasError('JOB_ENDED', `batch ${id} cannot be cancelled: its status is ${state}`, {
        details: { batch: id, state },
      });
    }
    await open.cancel();
    return open.record;
  }

  get #openParts(): OpenBatchParts {
    return { ...this.#parts, store: this.#store, slots: this.#slots };
  }

  /** What is known of an open batch is newer than its row. */
  #current(record: BatchRecord): BatchRecord {
    return this.#open.get(record.id)?.record ?? record;
  }

  #launch(batch: OpenBatch, run: RunLine): void {
    const running = batch.run(run).finally(() => {
      this.#running.delete(running);
      if (this.#isStopping) return;
      this.#open.delete(batch.record.id);
      this.#parts.onEnded?.(batch.record);
    });
    this.#running.add(running);
  }

  #assertTakesMore(): void {
    if (this.#isStopping) throw new AmaasError('SHUTTING_DOWN', 'create batch: the server is shutting down');
    if (this.#open.size < MOST_OPEN) return;
    throw new AmaasError(
      'QUEUE_FULL',
      `create batch: ${this.#open.size} batches have not ended; at most ${MOST_OPEN} may be open`,
      {
        details: { limit: MOST_OPEN },
      },
    );
  }

  async #sweepRegularly(): Promise<void> {
    try {
      await this.#parts.files.forgetExpired();
    } catch (thrown) {
      this.#parts.onProblem(null, 'files that have expired could not be removed', thrown);
    }
    if (this.#isStopping) return;
    this.#cancelSweep = this.#parts.clock.schedule(SWEEP_EVERY_MS, () => void this.#sweepRegularly());
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
