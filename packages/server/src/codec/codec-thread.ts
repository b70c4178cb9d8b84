// The thread behind CodecPool: runs one task per message.
import { parentPort } from 'node:worker_threads';
import { serializeError } from '@amaas/core';
import type { CodecRequest, CodecResponse } from './codec-pool.ts';
import { createCodecTasks } from './tasks.ts';
import { transferablesOf } from './transferables.ts';

const tasks = createCodecTasks();

parentPort?.on('message', ({ id, name, args }: CodecRequest) => {
  try {
    // The pool's typed `run` made the arguments for this very task.
    const result = (tasks[name] as (args: unknown) => unknown)(args);
    parentPort?.postMessage({ id, result } satisfies CodecResponse, transferablesOf(result));
  } catch (thrown) {
    parentPort?.postMessage({ id, error: serializeError(thrown) } satisfies CodecResponse);
  }
});
