// Opens the queue of jobs and lets it report to metrics and log.
import type { Clock } from '@amaas/core';
import { type JobKind, Jobs } from '../jobs/index.ts';
import type { Logger, Metrics } from '../monitoring/index.ts';
import type { Database } from '../storage/index.ts';

export function createJobs(parts: {
  readonly database: Database;
  readonly directory: string;
  readonly kinds: readonly JobKind[];
  readonly maxConcurrentJobs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): Promise<Jobs> {
  const { metrics, logger, ...queue } = parts;
  return Jobs.open({
    ...queue,
    onProblem: (job, what, err) => logger.error({ ...(job === null ? {} : { job }), err }, what),
    onStarted({ id, kind, attempt }) {
      metrics.recordJobAttempt(kind);
      logger.info({ job: id, kind, attempt }, 'a job begins');
    },
    onEnded({ id, kind, state, attempt, error, createdBy }) {
      metrics.recordEndedJob(kind, state);
      const why = error === null ? {} : { reason: error.reason };
      logger.info({ job: id, kind, attempt, state, ...why, by: createdBy }, 'a job ended');
    },
  });
}
