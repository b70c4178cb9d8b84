// Keeps what a job returned where the server finds it, whole or not at all: a result that was written is never computed
// twice, whoever is killed next.
import { open, rename } from 'node:fs/promises';
import { AmaasError } from '@amaas/core';
import { explainFullDisk } from '../../artifacts/index.ts';

/** A result is shown in lists; what is larger belongs into a file. */
const MAX_RESULT_LENGTH = 1024 * 1024;

/** @throws INVALID_ARGUMENT when it is not JSON or too large, STORAGE_FULL. */
export async function writeResult(path: string, result: unknown): Promise<void> {
  const text = JSON.stringify({ result: result ?? null });
  if (text.length > MAX_RESULT_LENGTH) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `job: its result may have ${MAX_RESULT_LENGTH} characters as JSON, got ${text.length}; leave files in its directory`,
    );
  }
  try {
    const handle = await open(`${path}.tmp`, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.tmp`, path);
  } catch (error) {
    throw explainFullDisk(error, 'keep the result of the job');
  }
}
