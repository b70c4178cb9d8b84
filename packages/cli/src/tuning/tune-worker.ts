// The thread of a study: opens the file, prepares it once, runs the study, trains trials itself or hands them to threads
// of their own, and says what happens. Writes nothing but the study's folder.
import { rawRow, tableOptions, trainedTableFiles, type TuneTableEvent, tuneTable } from '@amaas/learn/pipelines';
import { importInstalled, openSource } from '../training/open-source.ts';
import type { ThreadHooks } from '../training/run-in-thread.ts';
import { workInThread } from '../training/work-in-thread.ts';
import type { TuningResult, TuningTask } from './messages.ts';
import { candidateStore, openStudyFolder } from './study-folder.ts';
import { createTrialThreads } from './trial-threads.ts';

/** The table of a study is sent no more often than this while nothing but losses change. */
const TABLE_EVERY_MS = 100;

await workInThread(tune);

async function tune(task: TuningTask, { signal, onEvent }: ThreadHooks<TuneTableEvent>): Promise<TuningResult> {
  const { settings, reading, space, maxTrials, maxElapsedMs, parallel, threads } = task;
  const source = await openSource(task.path, reading, signal);
  try {
    const digest = source.digest ?? null;
    const folder = await openStudyFolder(task.study, { settings, reading, digest });
    try {
      const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
      const { seed = 0 } = settings;
      const tuned = await tuneTable({
        ...tableOptions(settings),
        declared: (reading.kinds ?? []).map(([column]) => column),
        source,
        executor: await createOrtNodeExecutor({ threads }),
        sampler: task.sampler,
        scheduler: task.scheduler,
        parallel,
        ...(space === null ? {} : { space }),
        ...(maxTrials === null ? {} : { maxTrials }),
        ...(maxElapsedMs === null ? {} : { maxElapsedMs }),
        journal: folder.journal,
        checkpoint: (candidate) => candidateStore(task.study, candidate),
        ...(parallel === 1
          ? {}
          : { trainer: (examples) => createTrialThreads({ examples, seed, study: task.study, threads }) }),
        signal,
        onEvent: sparing(onEvent),
      });
      const { description, test, split, report, candidate, study } = tuned;
      const trials = study.table.rows.length;
      const earlierReports = folder.reports.filter((count) => count !== trials);
      if (earlierReports.length === folder.reports.length) await folder.addReport(trials);
      return {
        files: trainedTableFiles(tuned),
        heldOut: null,
        report,
        description,
        candidate,
        study,
        earlierReports,
        data: {
          name: source.name,
          digest,
          rows: { train: split.train.length, validation: split.validation.length, test: split.test.length },
        },
        example: {
          row: rawRow(description, test.table, 0),
          scores: test.scores.slice(0, test.scores.length / test.table.rowCount),
        },
      };
    } finally {
      await folder.close();
    }
  } finally {
    await source.close();
  }
}

/** Leaves out tables in which nothing but losses changed since one that was just sent. */
function sparing(send: (event: TuneTableEvent) => void): (event: TuneTableEvent) => void {
  let sentMs = Number.NEGATIVE_INFINITY;
  let sentStatuses = '';
  return (event) => {
    if (event.kind === 'study') {
      const statuses = event.table.rows.map(({ status }) => status[0]).join('');
      const nowMs = performance.now();
      if (statuses === sentStatuses && nowMs - sentMs < TABLE_EVERY_MS) return;
      sentMs = nowMs;
      sentStatuses = statuses;
    }
    send(event);
  };
}
