// The thread in which the command trains: opens the file, runs the pipeline on ONNX Runtime, says what happens and hands
// over what came of it. Writes nothing but checkpoints.
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '@amaas/core';
import {
  heldOutLines,
  rawRow,
  tableOptions,
  trainedTableFiles,
  trainTable,
  type TrainTableEvent,
} from '@amaas/learn/pipelines';
import { openCheckpoints } from './checkpoints.ts';
import type { FromTraining, ToTraining, TrainingResult, TrainingTask } from './messages.ts';
import { importInstalled, openSource } from './open-source.ts';

const cancelling = new AbortController();
parentPort?.on('message', (message: ToTraining) => {
  if (message.type === 'cancel') cancelling.abort();
});

try {
  say({ type: 'done', result: await train(workerData as TrainingTask) }); // given by run-training
} catch (thrown) {
  say({ type: 'failed', error: serializeError(thrown) });
} finally {
  parentPort?.close(); // the thread ends by itself: whoever terminates one with ONNX Runtime in it ends the process
}

function say(message: FromTraining<TrainTableEvent, TrainingResult>): void {
  parentPort?.postMessage(message);
}

async function train(task: TrainingTask): Promise<TrainingResult> {
  const { signal } = cancelling;
  const { settings, reading } = task;
  const source = await openSource(task.path, reading, signal);
  try {
    const digest = source.digest ?? null;
    const checkpoint = openCheckpoints(task.checkpoints, { settings, reading, digest }, task.isResumed);
    const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
    const trained = await trainTable({
      ...tableOptions(settings),
      declared: (reading.kinds ?? []).map(([column]) => column),
      source,
      executor: await createOrtNodeExecutor(),
      checkpoint,
      signal,
      onEvent: (event) => say({ type: 'event', event }),
    });
    const { description, test, rows, report, candidate } = trained;
    return {
      files: trainedTableFiles(trained),
      heldOut: task.wantsHeldOut ? heldOutLines(trained) : null,
      report,
      description,
      candidate,
      data: {
        name: source.name,
        digest,
        rows,
      },
      example: {
        row: rawRow(description, test.table, 0),
        scores: test.scores.slice(0, test.scores.length / test.table.rowCount),
      },
    };
  } finally {
    await source.close();
  }
}
