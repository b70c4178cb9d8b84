// A store of files and batches on a fresh data directory, with requests that a test answers, and a way to end it as a crash
// does and open it anew.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { BatchEndpoint } from '@amaas/protocols/openai-files';
import { FileBlobStore } from '../../artifacts/index.ts';
import { FakeClock } from '../../scheduler/testing/fake-clock.ts';
import { type Database, openDatabase } from '../../storage/index.ts';
import { createTestDirectory } from '../../storage/testing/databases.ts';
import { Batches } from '../batches.ts';
import { Files } from '../files.ts';
import type { LineCall, LineReply, RunLine } from '../ports.ts';
import type { BatchRecord, FileRecord, Viewer } from '../types.ts';

export const ADMIN: Viewer = { keyId: 'admin-key', seesAll: true };
export const ALICE: Viewer = { keyId: 'alice', seesAll: false };
export const BOB: Viewer = { keyId: 'bob', seesAll: false };

/** A line of an output or error file. */
export interface ResultLine {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: unknown } | null;
  readonly error: { readonly code: string } | null;
}

export interface BatchesFixture {
  readonly clock: FakeClock;
  readonly blobs: FileBlobStore;
  readonly directory: string;
  /** Of this start. */
  readonly files: Files;
  readonly batches: Batches;
  readonly database: Database;
  readonly problems: readonly string[];
  upload(text: string, owner?: Viewer): Promise<FileRecord>;
  create(
    inputFileId: string,
    options?: { readonly endpoint?: BatchEndpoint; readonly viewer?: Viewer },
  ): Promise<BatchRecord>;
  /** Waits for the end of a batch. */
  ended(id: string): Promise<BatchRecord>;
  /** Lines of a file; none without one. */
  results(fileId: string | null): Promise<readonly ResultLine[]>;
}

export interface FixtureOptions {
  /** Default: a new one. */
  readonly dataDir?: string;
  readonly run?: RunLine;
  readonly slots?: number;
  readonly clock?: FakeClock;
}

/** Opens and, with `run`, starts; ends with the test. */
export async function createBatchesFixture(
  context: TestContext,
  options: FixtureOptions = {},
): Promise<BatchesFixture> {
  const dataDir = options.dataDir ?? (await createTestDirectory(context));
  const clock = options.clock ?? new FakeClock();
  const database = await openDatabase({ path: join(dataDir, 'amaas.db') });
  const blobs = new FileBlobStore(join(dataDir, 'artifacts'), clock);
  const files = await Files.open({ database, blobs, clock });
  const problems: string[] = [];
  const endings = new Map<string, PromiseWithResolvers<BatchRecord>>();
  const endingOf = (id: string): PromiseWithResolvers<BatchRecord> => {
    const known = endings.get(id) ?? Promise.withResolvers<BatchRecord>();
    endings.set(id, known);
    return known;
  };
  const directory = join(dataDir, 'batches');
  const batches = await Batches.open({
    database,
    files,
    blobs,
    directory,
    clock,
    slotsFor: () => options.slots ?? 3,
    maxLineBytes: 100_000,
    onProblem: (_batch, what, error) => problems.push(`${what}: ${String(error)}`),
    onEnded: (batch) => endingOf(batch.id).resolve(batch),
  });
  context.after(async () => {
    await batches.stop();
    await database.close();
  });
  if (options.run !== undefined) batches.start(options.run);
  return {
    clock,
    blobs,
    directory,
    files,
    batches,
    database,
    problems,
    async upload(text, { keyId } = ALICE) {
      const blob = await blobs.put(Buffer.from(text));
      return files.add({ owner: keyId, purpose: 'batch', fileName: 'in.jsonl', blob, expiresAfterSeconds: null });
    },
    create(inputFileId, { endpoint = '/v1/completions', viewer = ALICE } = {}) {
      return batches.create({ inputFileId, endpoint, metadata: { a: 'b' }, outputExpiresAfterSeconds: null }, viewer);
    },
    ended: (id) => endingOf(id).promise,
    async results(fileId) {
      if (fileId === null) return [];
      const { digest } = await files.get(fileId, ADMIN);
      const lines = (await readFile(await blobs.path(digest), 'utf8')).trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line) as ResultLine); // what the tests check
    },
  };
}

/** Input of `count` requests `r0`, `r1`, …, each of which asks for its own number. */
export function requests(
  count: number,
  { model = 'm', from = 0 }: { readonly model?: string; readonly from?: number } = {},
): string {
  return Array.from({ length: count }, (_, index) => {
    const body = { model, prompt: `number ${from + index}` };
    return `${JSON.stringify({ custom_id: `r${from + index}`, method: 'POST', url: '/v1/completions', body })}\n`;
  }).join('');
}

/** Answers with what was asked. */
export function echo({ body }: LineCall): LineReply {
  return reply(200, { echo: JSON.parse(body), usage: { prompt_tokens: 2, completion_tokens: 3 } });
}

export function reply(status: number, body: unknown, more: Partial<LineReply> = {}): LineReply {
  return { status, requestId: 'req', body: JSON.stringify(body), isRetryable: false, reason: null, ...more };
}

/** Lets files be read and written until something is so. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 20_000; round++) {
    if (await isSo()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it did not come about that ${what}`);
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
