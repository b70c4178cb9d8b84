// What becomes of jobs that ended long ago.
import type { Clock } from '@amaas/core';
import type { JobFiles } from './job-files.ts';
import type { JobStore } from './job-store.ts';

const DAY_MS = 86_400_000;

/** After this long a job is forgotten, with its log; its run stays. */
const FORGOTTEN_AFTER_MS = 30 * DAY_MS;

/** So long the checkpoints of a failed job are there for whoever wants to know why. */
const FAILED_WORK_KEPT_MS = 7 * DAY_MS;

/** Removes rows and folders that are too old, and folders no row knows. */
export async function forgetOldJobs(store: JobStore, files: JobFiles, clock: Pick<Clock, 'wallTime'>): Promise<void> {
  const nowMs = clock.wallTime().getTime();
  const before = (ageMs: number): string => new Date(nowMs - ageMs).toISOString();
  await store.delete(await store.endedBefore(before(FORGOTTEN_AFTER_MS)));
  for (const id of await store.endedBefore(before(FAILED_WORK_KEPT_MS), 'failed')) await files.removeWork(id);
  const folders = await files.list(); // before the rows are looked at: a row is there before its folder
  const known = await store.known(folders);
  for (const id of folders) if (!known.has(id)) await files.remove(id);
}
