// One batch from its creation to its end, over any number of servers: what is on disk (row, input, log of results) says how
// far it has come, and each attempt goes on from there. Knows nothing of other batches.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmaasError, type Clock, toAmaasError } from '@amaas/core';
import { type BatchLineResult, encodeLineResult } from '@amaas/protocols/openai-files';
import type { BlobStore } from '../artifacts/index.ts';
import type { BatchStore } from './batch-store.ts';
import { checkInput, indexInput } from './check-input.ts';
import type { Files } from './files.ts';
import { InputLines, type LineIndex } from './input-lines.ts';
import type { RunLine } from './ports.ts';
import { writeResultFiles } from './result-files.ts';
import { ResultLog } from './result-log.ts';
import { runRequest } from './run-request.ts';
import type { Slots } from './slots.ts';
import type { BatchRecord } from './types.ts';

export interface OpenBatchParts {
  readonly store: BatchStore;
  readonly files: Files;
  readonly blobs: BlobStore;
  readonly slots: Slots;
  readonly clock: Clock;
  /** Where batches have their folders. */
  readonly directory: string;
  readonly maxLineBytes: number;
  /** Hears what went wrong where nobody waits for an answer. */
  readonly onProblem: (batch: string, what: string, error: unknown) => void;
}

/** Why the requests of a batch stop before all have been answered. */
type StopReason = 'cancel' | 'expire' | 'shutdown';

const UNDONE: Readonly<Record<'cancelled' | 'expired', NonNullable<BatchLineResult['error']>>> = {
  cancelled: { code: 'batch_cancelled', message: 'The batch was cancelled before this request was answered.' },
  expired: {
    code: 'batch_expired',
    message: 'This request could not be executed before the completion window expired.',
  },
};

/** After a failure to read or write, such as a full disk, it is tried again so much later. */
const RETRY_MS = 5000;

/** What an attempt works with. */
interface Workplace {
  readonly input: InputLines;
  readonly index: LineIndex;
  readonly log: ResultLog;
  /** Requests that have a result. */
  readonly done: Set<number>;
}

export class OpenBatch {
  readonly #parts: OpenBatchParts;
  readonly #stopped = new AbortController();
  #why: StopReason | null = null;
  #record: BatchRecord;
  /** Known from checking the input; after a restart it is made again. */
  #index: LineIndex | null = null;
  #wakeUp: () => void = () => {};
  /** The last change of the row. */
  #saved: Promise<void> = Promise.resolve();

  constructor(record: BatchRecord, parts: OpenBatchParts) {
    this.#record = record;
    this.#parts = parts;
  }

  /** One that an earlier server left, with what it has done. */
  static async resume(record: BatchRecord, parts: OpenBatchParts): Promise<OpenBatch> {
    const counted = await ResultLog.count(logPathOf(parts.directory, record.id));
    return new OpenBatch({ ...record, counts: { ...record.counts, ...counted } }, parts);
  }

  /** As of this moment. */
  get record(): BatchRecord {
    return this.#record;
  }

  /** Where the batch has its results. */
  get #folder(): string {
    return join(this.#parts.directory, this.#record.id);
  }

  /** Ends it soon, keeping what is done. On disk when it resolves; twice is once. @throws JOB_ENDED past its last request */
  async cancel(): Promise<void> {
    const { id, state } = this.#record;
    if (state === 'cancelling') {
      await this.#saveWhatFailed();
      return;
    }
    if (state !== 'validating' && state !== 'in_progress') {
      throw new AmaasError('JOB_ENDED', `batch ${id} cannot be cancelled: its status is ${state}`, {
        details: { batch: id, state },
      });
    }
    const changed = this.#enter('cancelling');
    this.#stop('cancel');
    await changed;
  }

  /** Leaves it as it is; the next server goes on. */
  interrupt(): void {
    this.#stop('shutdown');
    this.#wakeUp();
  }

  /** Runs to its end, or until it is interrupted. Never rejects. */
  async run(run: RunLine): Promise<void> {
    const { clock, onProblem } = this.#parts;
    const { id, expiresAtMs } = this.#record;
    const leftMs = Math.max(0, expiresAtMs - clock.wallTime().getTime());
    const cancelExpiry = clock.schedule(leftMs, () => this.#stop('expire'));
    try {
      while (this.#why !== 'shutdown') {
        try {
          await this.#attempt(run);
          return;
        } catch (thrown) {
          onProblem(id, 'a batch could not go on; it is tried again', thrown);
        }
        await this.#pause();
      }
    } finally {
      cancelExpiry();
    }
  }

  #stop(why: StopReason): void {
    if (this.#why === 'shutdown') return;
    this.#why = why;
    this.#stopped.abort(new AmaasError('CANCELLED', `batch ${this.#record.id} was stopped: ${why}`));
  }

  async #attempt(run: RunLine): Promise<void> {
    try {
      if (this.#record.state === 'validating') await this.#validate();
      if (this.#why === 'shutdown' || this.#record.state === 'failed') return;
      if (this.#record.times.in_progress === undefined) await this.#enter('cancelled');
      else await this.#process(run);
    } catch (thrown) {
      if (toAmaasError(thrown).reason !== 'ARTIFACT_NOT_FOUND') throw thrown;
      const message = 'The contents of the input file are gone.';
      await this.#fail([{ code: 'input_file_missing', message, line: null, param: 'input_file_id' }]);
    }
    if (this.#why !== 'shutdown') await this.#removeFolder();
  }

  /** What it leaves behind harms nobody; a batch that has ended is not begun again for it. */
  async #removeFolder(): Promise<void> {
    try {
      await rm(this.#folder, { recursive: true, force: true });
    } catch (thrown) {
      this.#parts.onProblem(this.#record.id, 'the working files of a batch could not be removed', thrown);
    }
  }

  async #validate(): Promise<void> {
    const { blobs, maxLineBytes } = this.#parts;
    const { inputDigest, inputBytes: sizeBytes, endpoint } = this.#record;
    const path = await blobs.path(inputDigest);
    const { index, problems, model } = await checkInput({ path, sizeBytes, endpoint, maxLineBytes });
    if (this.#why === 'shutdown' || this.#record.state !== 'validating') return; // cancelled meanwhile
    if (problems.length > 0) {
      await this.#fail(problems);
      return;
    }
    this.#index = index;
    await this.#enter('in_progress', { model, counts: { total: index.length, completed: 0, failed: 0 } });
  }

  async #process(run: RunLine): Promise<void> {
    const { blobs, maxLineBytes } = this.#parts;
    const path = await blobs.path(this.#record.inputDigest);
    const index = this.#index ?? (await indexInput(path, maxLineBytes));
    this.#index = index;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const done = new Set<number>();
    let completed = 0;
    const log = await ResultLog.open(logPathOf(this.#parts.directory, this.#record.id), (logged) => {
      done.add(logged.index);
      if (logged.isSuccess) completed++;
    });
    this.#record = { ...this.#record, counts: { total: index.length, completed, failed: done.size - completed } };
    try {
      const input = await InputLines.open(path, index);
      try {
        const place = { input, index, log, done };
        if (this.#record.state === 'in_progress') await this.#answer(place, run);
        if (this.#why !== 'shutdown' || done.size === index.length) await this.#finalise(place);
      } finally {
        await input.close();
      }
    } finally {
      await log.close();
    }
  }

  /** Sends every request without a result, as turns allow, until all have one or the batch is stopped. */
  async #answer({ input, index, log, done }: Workplace, run: RunLine): Promise<void> {
    const { slots, clock } = this.#parts;
    const { owner, model } = this.#record;
    const { signal } = this.#stopped;
    const running = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const answerOne = async (request: number): Promise<void> => {
      const text = await input.read(request);
      const { isSuccess, result } = await runRequest({ text, owner, run, clock, signal });
      await log.add({ index: request, isSuccess, result: encodeLineResult(result) });
      done.add(request);
      this.#count(isSuccess);
    };
    for (let request = 0; request < index.length && failures.length === 0 && !signal.aborted; request++) {
      if (done.has(request)) continue;
      const giveBack = await slots.take(model ?? '', signal).catch(() => null); // it only fails with the signal
      if (giveBack === null) break;
      const one = answerOne(request)
        .catch((thrown: unknown) => void failures.push(thrown))
        .finally(() => {
          giveBack();
          running.delete(one);
        });
      running.add(one);
    }
    await Promise.all(running);
    if (failures.length > 0 && !signal.aborted) throw failures[0];
  }

  async #finalise({ input, index, log, done }: Workplace): Promise<void> {
    const { blobs, files } = this.#parts;
    const missing = Array.from({ length: index.length }, (_, request) => request).filter((each) => !done.has(each));
    const isCancelled = this.#record.state === 'cancelling';
    const end = isCancelled ? 'cancelled' : missing.length === 0 ? 'completed' : 'expired';
    if (this.#record.state === 'in_progress') await this.#enter('finalizing');
    const why = UNDONE[isCancelled ? 'cancelled' : 'expired'];
    const { output, errors, usage } = await writeResultFiles({ log, input, missing, why, blobs });
    const { id, owner, outputExpiresAfterSeconds: expiresAfterSeconds, counts } = this.#record;
    const describe = (blob: typeof output, what: string) =>
      blob === null
        ? null
        : files.describe({
            owner,
            purpose: 'batch_output',
            fileName: `${id}_${what}.jsonl`,
            blob,
            expiresAfterSeconds,
          });
    const outputFile = describe(output, 'output');
    const errorFile = describe(errors, 'error');
    const ended: BatchRecord = {
      ...this.#record,
      state: end,
      times: { ...this.#record.times, [end]: this.#nowMs() },
      outputFileId: outputFile?.id ?? null,
      errorFileId: errorFile?.id ?? null,
      usage,
      counts: { ...counts, failed: counts.failed + missing.length },
    };
    const records = [outputFile, errorFile].filter((file) => file !== null);
    await this.#save(ended, { files, records }); // the files come with the word that it has ended
    this.#record = ended;
  }

  #count(isSuccess: boolean): void {
    const { counts } = this.#record;
    this.#record = {
      ...this.#record,
      counts: isSuccess ? { ...counts, completed: counts.completed + 1 } : { ...counts, failed: counts.failed + 1 },
    };
  }

  #fail(problems: BatchRecord['problems']): Promise<void> {
    return this.#enter('failed', { problems });
  }

  /** Changes the state at once, here; on disk when it resolves. */
  #enter(state: Exclude<BatchRecord['state'], 'validating'>, more: Partial<BatchRecord> = {}): Promise<void> {
    const times = { ...this.#record.times, [state]: this.#nowMs() };
    this.#record = { ...this.#record, ...more, state, times };
    return this.#save(this.#record);
  }

  #save(...change: Parameters<BatchStore['change']>): Promise<void> {
    this.#saved = this.#parts.store.change(...change);
    return this.#saved;
  }

  /** The row is as it is here when this resolves. */
  async #saveWhatFailed(): Promise<void> {
    for (;;) {
      const saved = this.#saved;
      try {
        await saved;
        return;
      } catch {
        // Nothing is written behind a later change, which may be the last.
        if (saved === this.#saved) return this.#save(this.#record);
      }
    }
  }

  /** Ends early when it is interrupted. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.schedule(RETRY_MS, resolve);
      this.#wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }

  #nowMs(): number {
    return this.#parts.clock.wallTime().getTime();
  }
}

function logPathOf(directory: string, id: string): string {
  return join(directory, id, 'results.jsonl');
}
