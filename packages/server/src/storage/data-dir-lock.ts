// One owner per data directory. The lock is SQLite's own lock on an empty file: the kernel drops it with the process,
// however that ended, so there is no stale lock to detect and no moment between looking and taking.
// lock.json beside it only says who holds it; nothing is decided by it.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { AmaasError, type Clock } from '@amaas/core';
import { dataDirLayout } from './data-dir.ts';
import { SqliteFile } from './sqlite.ts';

export interface DataDirLock {
  /** Gives the directory free. Idempotent; happens by itself when the process ends. */
  release(): void;
}

/** Who holds a lock. */
interface LockOwner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

const SQLITE_BUSY = 5;

/**
 * Takes the data directory for this process, creating the directory where there is none. Does not wait.
 * @throws DATA_DIR_LOCKED naming the process that has it, since when, and what to do.
 */
export function lockDataDir(dataDir: string, clock: Pick<Clock, 'wallTime'>): DataDirLock {
  const { lockPath, lockOwnerPath } = dataDirLayout(dataDir);
  mkdirSync(dataDir, { recursive: true });
  const file = new SqliteFile(lockPath, { busyTimeoutMs: 0 });
  try {
    file.execute('pragma journal_mode = memory'); // nothing is ever written, so there is nothing to leave a journal of
    // IMMEDIATE takes the one lock that a single connection can have, and takes it in one step: of two simultaneous
    // starts exactly one gets it, where EXCLUSIVE could refuse both.
    file.execute('begin immediate');
  } catch (error) {
    file.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
      throw lockedError(dataDir, readOwner(lockOwnerPath));
    }
    throw error;
  }
  const owner: LockOwner = { pid: process.pid, host: hostname(), since: clock.wallTime().toISOString() };
  const partial = `${lockOwnerPath}.${process.pid}`;
  writeFileSync(partial, JSON.stringify(owner));
  renameSync(partial, lockOwnerPath);

  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    process.off('exit', release);
    rmSync(lockOwnerPath, { force: true }); // while still locked, so that it is not the next owner's
    file.close();
  };
  // Also keeps the open file from being collected, and the lock with it, when the caller forgets the lock.
  process.on('exit', release);
  return { release };
}

function lockedError(dataDir: string, owner: LockOwner | null): AmaasError {
  const who = owner === null ? 'by a process that is starting or stopping' : describeOwner(owner);
  return new AmaasError(
    'DATA_DIR_LOCKED',
    `the data directory ${dataDir} is in use ${who}. One server owns a data directory: stop that one, or start this one with another ` +
      'AMAAS_DATA_DIR. The lock ends with its process; there is no file to delete',
    { details: owner === null ? { dataDir } : { dataDir, ...owner } },
  );
}

function describeOwner(owner: LockOwner): string {
  const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
  return `by process ${owner.pid}${where} since ${owner.since}`;
}

/** The owner on record, unless the record is of a process that has gone: the new owner has not written yet. */
function readOwner(path: string): LockOwner | null {
  let owner: unknown;
  try {
    owner = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // not written yet, or just removed
  }
  if (typeof owner !== 'object' || owner === null) return null;
  const { pid, host, since } = owner as Partial<LockOwner>; // each field is checked below
  if (typeof pid !== 'number' || typeof host !== 'string' || typeof since !== 'string') return null;
  return host === hostname() && !isAlive(pid) ? null : { pid, host, since };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // another user's process
  }
}
