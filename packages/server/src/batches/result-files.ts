// The files a batch ends with: what succeeded in one, everything else in the other, each request once.
import {
  addUsage,
  type BatchLineResult,
  type BatchUsage,
  encodeLineResult,
  isLineProblem,
  NO_USAGE,
  readBatchLine,
} from '@amaas/protocols/openai-files';
import type { BlobStore, StoredBlob } from '../artifacts/index.ts';
import type { InputLines } from './input-lines.ts';
import type { ResultLog } from './result-log.ts';
import { newRequestId } from './run-request.ts';

export interface ResultSubject {
  readonly log: ResultLog;
  readonly input: InputLines;
  /** Requests without a result. */
  readonly missing: readonly number[];
  /** Why those have none. */
  readonly why: NonNullable<BatchLineResult['error']>;
  readonly blobs: BlobStore;
}

export interface ResultFiles {
  /** null where there would be nothing in it. */
  readonly output: StoredBlob | null;
  readonly errors: StoredBlob | null;
  readonly usage: BatchUsage;
}

/** @throws STORAGE_FULL */
export async function writeResultFiles(subject: ResultSubject): Promise<ResultFiles> {
  const { blobs, log } = subject;
  let usage = NO_USAGE;
  let successes = 0;
  let failures = subject.missing.length;
  for await (const { isSuccess, result } of log.read()) {
    if (isSuccess) {
      successes++;
      usage = addUsage(usage, bodyOf(result));
    } else failures++;
  }
  return {
    output: successes === 0 ? null : await blobs.put(toBytes(logged(log, true))),
    errors: failures === 0 ? null : await blobs.put(toBytes(failed(subject))),
    usage,
  };
}

async function* logged(log: ResultLog, isWanted: boolean): AsyncGenerator<object> {
  for await (const { isSuccess, result } of log.read()) if (isSuccess === isWanted) yield result;
}

async function* failed({ log, input, missing, why }: ResultSubject): AsyncGenerator<object> {
  yield* logged(log, false);
  for (const index of missing) {
    const line = readBatchLine(await input.read(index));
    if (isLineProblem(line)) continue; // it was checked before the batch began
    const { customId } = line;
    yield encodeLineResult({ id: newRequestId(), customId, response: null, error: why });
  }
}

async function* toBytes(lines: AsyncIterable<object>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
}

/** The body of an encoded result. */
function bodyOf(result: object): unknown {
  if (!('response' in result) || typeof result.response !== 'object' || result.response === null) return null;
  return 'body' in result.response ? result.response.body : null;
}
