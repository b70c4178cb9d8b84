// A real disk that is soon full: a small tmpfs. Linux and root only; elsewhere tests skip with the reason.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { skipOrFail } from '../../../../../tools/test-data.ts';

/** Mounts an empty disk of `sizeKib` for the length of the test; null (and the test is skipped) where that is not allowed. */
export function mountTinyDisk(context: TestContext, sizeKib: number): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'amaas-tiny-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', directory], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    rmSync(directory, { recursive: true });
    context.skip(skipOrFail(`needs to mount a tmpfs: ${mounted.error?.message ?? mounted.stderr.trim()}`));
    return null;
  }
  context.after(() => {
    spawnSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}
