// What the CLI uses of @amaas/server, imported only by the verbs that need it: `serve`, the offline verbs and `doctor`.
// The other verbs work without the server (and its native runtime) being there.
import { AmaasError } from '@amaas/core';

/** Imports the server. @throws ENGINE_MISSING when it is not installed */
export async function importServer(): Promise<typeof import('@amaas/server')> {
  try {
    return await import('@amaas/server');
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND')) throw thrown;
    throw new AmaasError('ENGINE_MISSING', `the server part of amaas is not installed completely: ${thrown.message}`, {
      cause: thrown,
    });
  }
}
