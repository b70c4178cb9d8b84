// The thread in which the command trains: opens the file, runs the pipeline on ONNX Runtime, says what happens and hands
// over what came of it. Writes nothing but checkpoints.
import {
  heldOutLines,
  rawRow,
  tableOptions,
  trainedTableFiles,
  trainTable,
  type TrainTableEvent,
} from '@amaas/learn/pipelines';
import { openCheckpoints } from './checkpoints.ts';
import type { TrainingResult, TrainingTask } from './messages.ts';
import { importInstalled, openSource } from './open-source.ts';
import type { ThreadHooks } from './run-in-thread.ts';
import { workInThread } from './work-in-thread.ts';

await workInThread(train);

async function train(task: TrainingTask, { signal, onEvent }: ThreadHooks<TrainTableEvent>): Promise<TrainingResult> {
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
      onEvent,
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
