// The work of a job `train`, in its child process: DuckDB reads the dataset, ONNX Runtime trains and evaluates, checkpoints
// and results go into the job's directory. Part of the composition root: the only place that knows which engines do it.
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CSV_MISSING, openTable } from '@amaas/engine-duckdb';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type DataSource, formatTableSummary } from '@amaas/learn/data';
import { rawRow, tableOptions, trackTableProgress, trainedTableFiles, trainTable } from '@amaas/learn/pipelines';
import { readFileOrNull, replaceFile } from '../artifacts/index.ts';
import type { JobRuntime, Json } from '../jobs/index.ts';
import { readingOf, settingsOf, type TrainingConfiguration } from './training-configuration.ts';

/** What `begin` gives. */
export interface TrainingInputs {
  /** The dataset's file. */
  readonly path: string;
  /** What messages and the report call it. */
  readonly fileName: string;
}

/** What `finish` is given; files lie in the job's directory. */
export interface TrainingOutcome {
  readonly metrics: Readonly<Record<string, number>>;
  readonly candidate: { readonly name: string };
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** A held-out row as callers send it, and what the model says to it. */
  readonly example: Readonly<Record<string, Json>>;
  readonly scores: readonly number[];
  /** For the version's lineage. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export async function runJob(job: JobRuntime): Promise<Json> {
  const configuration = job.configuration as TrainingConfiguration; // has passed the kind's schema
  const source = await openDataset(job, configuration);
  try {
    const checkpoints = join(job.directory, 'checkpoints');
    await mkdir(checkpoints, { recursive: true });
    const track = trackTableProgress();
    const trained = await trainTable({
      ...tableOptions(settingsOf(configuration)),
      declared: (configuration.kinds ?? []).map(([column]) => column),
      source,
      executor: await createOrtNodeExecutor(),
      signal: job.signal,
      checkpoint(candidate) {
        const path = join(checkpoints, `${candidate}.safetensors`); // candidates are named by the pipeline
        return {
          load: () => readFileOrNull(path),
          async save(bytes) {
            await replaceFile(path, bytes);
            job.checkpoint({ candidate, bytes: bytes.byteLength });
          },
        };
      },
      onEvent(event) {
        if (event.kind === 'described') job.log(formatTableSummary(event.summary));
        const progress = track(event);
        if (progress === null) return;
        const { candidate, epoch, epochs, rowsPerSecond, ...rest } = progress;
        const pace = rowsPerSecond === undefined ? '' : `, ${Math.round(rowsPerSecond)} rows/s`;
        job.progress({
          ...rest,
          ...(epoch === undefined || epochs === undefined ? {} : { step: epoch, totalSteps: epochs }),
          ...(candidate === undefined ? {} : { message: `${candidate}${pace}` }),
        });
      },
    });
    const { description, test, rows, report, candidate, summary } = trained;
    for (const [name, content] of trainedTableFiles(trained)) await replaceFile(join(job.directory, name), content);
    await replaceFile(join(job.directory, 'summary.json'), new TextEncoder().encode(JSON.stringify(summary)));
    const outcome: TrainingOutcome = {
      metrics: Object.fromEntries(report.metrics.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]))),
      candidate: { name: candidate.name },
      rows,
      example: Object.fromEntries(rawRow(description, test.table, 0)),
      scores: [...test.scores.slice(0, test.scores.length / test.table.rowCount)],
      facts: { rows, candidate, table: description },
    };
    return outcome as unknown as Json; // plain data throughout; the runtime writes it as JSON
  } finally {
    await source.close();
  }
}

async function openDataset(job: JobRuntime, configuration: TrainingConfiguration): Promise<DataSource> {
  const { path, fileName } = job.inputs as unknown as TrainingInputs; // what `begin` returned
  const { missing, kinds, ...dialect } = readingOf(configuration);
  // Under its own name: the store calls files by their digests, which tell neither format nor people anything.
  const link = join(job.directory, fileName);
  await rm(link, { force: true });
  await symlink(path, link);
  return openTable(link, {
    ...dialect,
    signal: job.signal,
    ...(missing === undefined ? {} : { missing: [...CSV_MISSING, ...missing] }),
    ...(kinds === undefined ? {} : { kinds: new Map(kinds) }),
  });
}
