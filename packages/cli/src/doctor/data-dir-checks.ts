// Checks of the data directory: whether it can be written, who has it, how much room there is.
import { access, constants, readFile, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatBytes } from '../terminal.ts';
import { type Check, fail, ok, textOf, warn } from './check.ts';

const COMFORTABLE_DISK_BYTES = 1e9;
const LEAST_DISK_BYTES = 50e6;

export async function checkDataDir(dataDir: string): Promise<Check> {
  const existing = await nearestExisting(dataDir);
  try {
    await access(existing, constants.W_OK);
  } catch (thrown) {
    const advice =
      'Give this user the right to write there, or choose another folder with --data-dir or AMAAS_DATA_DIR.';
    return fail('data directory', `${existing} cannot be written: ${textOf(thrown)}`, advice);
  }
  if (existing !== dataDir) return ok('data directory', `${dataDir}, made at the first start`);
  const owner = await ownerOf(dataDir);
  return ok('data directory', owner === null ? `${dataDir}, free` : `${dataDir}, in use by ${owner}`);
}

/** Who says to hold the directory; the lock itself is the server's to judge. */
async function ownerOf(dataDir: string): Promise<string | null> {
  try {
    const record: unknown = JSON.parse(await readFile(join(dataDir, 'lock.json'), 'utf8'));
    if (typeof record !== 'object' || record === null || !('pid' in record) || typeof record.pid !== 'number')
      return null;
    return isRunning(record.pid) ? `process ${record.pid}` : null;
  } catch {
    return null; // no record: nobody has it
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks, does nothing
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'; // another user's
  }
}

export async function checkDiskSpace(dataDir: string): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(await nearestExisting(dataDir));
    const freeBytes = bavail * bsize;
    const found = `${formatBytes(freeBytes)} free for ${dataDir}`;
    if (freeBytes >= COMFORTABLE_DISK_BYTES) return ok('disk', found);
    const advice = `Have ${formatBytes(COMFORTABLE_DISK_BYTES)} free, or put the data directory elsewhere with --data-dir.`;
    return freeBytes >= LEAST_DISK_BYTES ? warn('disk', found, advice) : fail('disk', found, advice);
  } catch (thrown) {
    return warn('disk', `cannot be asked: ${textOf(thrown)}`, 'See that there is room for the models.');
  }
}

/** The path itself, or the closest folder above it that is there. */
async function nearestExisting(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    try {
      await access(current);
      return current;
    } catch {
      if (dirname(current) === current) return current;
    }
  }
}
