// The folder of a study: what it is of, its journal, the checkpoints of candidates that may still win, and which reports
// were made. Lines are added to the journal and never changed; one process at a time may.
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AmaasError } from '@amaas/core';
import type { CandidateStore } from '@amaas/learn/pipelines';
import { parseJournal, type StudyEvent } from '@amaas/learn/tune';
import type { TrainingIdentity } from '../training/checkpoints.ts';
import { replaceFile } from '../training/durable-file.ts';

export interface StudyFolder {
  readonly journal: { readonly events: readonly StudyEvent[]; readonly sink: (line: string) => void };
  /** After how many trials reports were made. */
  readonly reports: readonly number[];
  /** Keeps that a report was made. */
  addReport(trials: number): Promise<void>;
  close(): Promise<void>;
}

const IDENTITY_FILE = 'study.json';
const JOURNAL_FILE = 'journal.jsonl';
const REPORTS_FILE = 'reports.json';
const LOCK_FILE = 'lock';

/**
 * Opens the folder of a study, or makes it.
 * @throws INVALID_CHECKPOINT when it is of another study; INVALID_ARGUMENT while another process runs it; INVALID_DATA for
 * a journal that is none
 */
export async function openStudyFolder(folder: string, identity: TrainingIdentity): Promise<StudyFolder> {
  await mkdir(folder, { recursive: true });
  lock(folder);
  try {
    await settleIdentity(folder, identity);
    const reports = await readReports(folder);
    const { events, sink, close } = openJournal(join(folder, JOURNAL_FILE));
    return {
      journal: { events, sink },
      reports,
      addReport: (trials) => replaceFile(join(folder, REPORTS_FILE), `${JSON.stringify([...reports, trials])}\n`),
      async close() {
        const isEmpty = close();
        await rm(join(folder, LOCK_FILE), { force: true });
        if (isEmpty) await removeUnused(folder);
      },
    };
  } catch (thrown) {
    await rm(join(folder, LOCK_FILE), { force: true });
    throw thrown;
  }
}

/** Data that cannot be learned from shall leave nothing behind. */
async function removeUnused(folder: string): Promise<void> {
  for (const name of [JOURNAL_FILE, IDENTITY_FILE]) await rm(join(folder, name), { force: true });
  await rmdir(folder).catch(() => {}); // it holds what is not of the study
}

/** The checkpoint of a candidate; candidates are named by the pipeline, not by users. */
export function candidateStore(folder: string, candidate: string): CandidateStore {
  const path = join(folder, `${candidate}.safetensors`);
  return {
    load: () => readOrNull(path),
    save: (bytes) => replaceFile(path, bytes),
    remove: () => rm(path, { force: true }),
  };
}

/** @throws INVALID_ARGUMENT while another process holds it */
function lock(folder: string): void {
  const path = join(folder, LOCK_FILE);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, String(process.pid), { flag: attempt === 0 ? 'wx' : 'w' });
      return;
    } catch (thrown) {
      if (!hasCode(thrown, 'EEXIST')) throw thrown;
    }
    const holder = Number(readFileSync(path, 'utf8'));
    if (holder !== process.pid && isAlive(holder)) {
      throw new AmaasError('INVALID_ARGUMENT', `tune: process ${holder} runs the study in ${folder}; one at a time`);
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return hasCode(thrown, 'EPERM');
  }
}

async function settleIdentity(folder: string, identity: TrainingIdentity): Promise<void> {
  const path = join(folder, IDENTITY_FILE);
  const text = JSON.stringify(identity, null, 2);
  const known = await readOrNull(path);
  if (known === null) return replaceFile(path, `${text}\n`);
  if (isDeepStrictEqual(JSON.parse(new TextDecoder().decode(known)), JSON.parse(text))) return;
  throw new AmaasError('INVALID_CHECKPOINT', `tune: the study in ${folder} is of other data or other settings`);
}

async function readReports(folder: string): Promise<readonly number[]> {
  const bytes = await readOrNull(join(folder, REPORTS_FILE));
  const found: unknown = bytes === null ? [] : JSON.parse(new TextDecoder().decode(bytes));
  return Array.isArray(found) ? found.filter((trials) => typeof trials === 'number') : [];
}

/** Lines that only say how a trial goes on: a machine that loses them loses epochs, which come out the same again. */
const REPORT_LINE = '{"event":"report"';

function openJournal(path: string): {
  readonly events: readonly StudyEvent[];
  readonly sink: (line: string) => void;
  /** @returns whether there is no line in it */
  readonly close: () => boolean;
} {
  const file = openSync(path, 'a+');
  try {
    const { events, validLength } = parseJournal(readFileSync(file, 'utf8'));
    ftruncateSync(file, validLength); // a line that was cut off while it was written
    return {
      events,
      sink(line) {
        writeSync(file, `${line}\n`);
        if (!line.startsWith(REPORT_LINE)) fsyncSync(file);
      },
      close() {
        const { size } = fstatSync(file);
        closeSync(file);
        return size === 0;
      },
    };
  } catch (thrown) {
    closeSync(file);
    throw thrown;
  }
}

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return null;
    throw thrown;
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
