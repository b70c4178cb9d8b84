// A queue on a fresh database and directory, for tests.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '@amaas/core';
import { type Database, type DatabaseOptions, type DialectName, openDatabase } from '../../storage/index.ts';
import { createTestDatabase, createTestDirectory } from '../../storage/testing/databases.ts';
import { defineJobKind, type JobKind } from '../job-kind.ts';
import { Jobs, type JobsParts } from '../jobs.ts';
import { isFinal, type JobEvent, type JobRecord } from '../types.ts';
import { CountingConfiguration } from './counting-job.ts';

export const COUNTING_KIND: JobKind = defineJobKind({
  kind: 'count',
  configuration: CountingConfiguration,
  entry: join(import.meta.dirname, 'counting-job.ts'),
  modelOf: (configuration) => configuration.model,
});

export interface JobsFixture {
  readonly jobs: Jobs;
  readonly directory: string;
  readonly database: Database;
  readonly problems: unknown[];
  submit(configuration: object, more?: { readonly priority?: number; readonly kind?: string }): Promise<JobRecord>;
  /** Resolves when the job has ended. */
  ended(id: string): Promise<JobRecord>;
  /** The events of a job from its beginning to its end. */
  events(id: string): Promise<readonly JobEvent[]>;
  log(id: string): Promise<string>;
  /** A file of a job's folder. */
  read(id: string, path: string): Promise<string>;
  /** Opens the same queue once more, as the next server would. */
  reopen(more?: Partial<JobsParts>): Promise<JobsFixture>;
}

export async function createJobsFixture(
  context: TestContext,
  options: Partial<JobsParts> & {
    readonly dialect?: DialectName;
    /** What the queue is given instead of the database itself. */
    readonly wrapDatabase?: (database: Database) => Database;
  } = {},
): Promise<JobsFixture> {
  const { dialect = 'sqlite', wrapDatabase = (database) => database, ...parts } = options;
  const where = await createTestDatabase(context, dialect);
  const directory = await createTestDirectory(context);
  return openFixture(context, { where, directory, parts, wrapDatabase });
}

async function openFixture(
  context: TestContext,
  place: {
    readonly where: DatabaseOptions;
    readonly directory: string;
    readonly parts: Partial<JobsParts>;
    readonly wrapDatabase: (database: Database) => Database;
  },
): Promise<JobsFixture> {
  const { where, directory, parts, wrapDatabase } = place;
  const database = await openDatabase(where);
  const problems: unknown[] = [];
  const jobs = await Jobs.open({
    database: wrapDatabase(database),
    directory,
    kinds: [COUNTING_KIND],
    maxConcurrentJobs: 1,
    clock: systemClock,
    onProblem: (job, what, error) => problems.push({ job, what, error }),
    graceMs: 3000,
    ...parts,
  });
  jobs.start();
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await jobs.stop();
    await database.close();
  };
  context.after(close);
  const never = new AbortController().signal;
  return {
    jobs,
    directory,
    database,
    problems,
    submit: (configuration, { kind = 'count', ...more } = {}) =>
      jobs.submit({ kind, configuration, createdBy: 'tests', ...more }),
    async ended(id) {
      for (;;) {
        for await (const _ of jobs.follow(id, 0, never)); // to the end
        const job = await jobs.get(id);
        if (isFinal(job.state)) return job;
      }
    },
    async events(id) {
      const events: JobEvent[] = [];
      for await (const event of jobs.follow(id, 0, never)) events.push(event);
      return events;
    },
    async log(id) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await jobs.readLog(id)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    read: (id, path) => readFile(join(directory, id, path), 'utf8'),
    async reopen(more = {}) {
      await close();
      return openFixture(context, { where, directory, parts: { ...parts, ...more }, wrapDatabase });
    },
  };
}
