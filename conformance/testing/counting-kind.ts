// A kind of job for tests of whole servers: counts, and hands over what it counted as a run and a dataset, as a training
// does with its model.
import { setTimeout as pause } from 'node:timers/promises';
import { defineJobKind, type JobKindFactory } from '@amaas/server';
import { join } from 'node:path';
import { CountingConfiguration } from '../../packages/server/src/jobs/testing/counting-job.ts';

/** Name of the dataset that holds what the jobs made. */
export const COUNTED = 'counted';

export const countingKinds: JobKindFactory = ({ registry, blobs, codeVersion }) => [
  defineJobKind({
    kind: 'count',
    configuration: CountingConfiguration,
    entry: join(import.meta.dirname, '../../packages/server/src/jobs/testing/counting-job.ts'),
    modelOf: ({ model }) => model,
    async begin({ id, runId, configuration, createdBy }) {
      const { model } = configuration;
      const known = await registry.datasets.list();
      const source = known.find(({ name }) => name === 'source');
      await registry.runs.start({
        id: runId,
        kind: 'count',
        job: id,
        configuration,
        datasets: source === undefined ? [] : [{ role: 'train', name: source.name, version: source.version }],
        codeVersion,
        seed: 7,
        createdBy,
        ...(model === undefined ? {} : { model }),
      });
      return { run: runId };
    },
    async finish({ runId, createdBy, signal }, result) {
      const { counted } = result as { readonly counted: number }; // counting-job.ts
      const bytes = Buffer.from(`${runId} counted ${counted}\n`);
      await registry.datasets.add({ name: COUNTED, blob: await blobs.put(bytes), mediaType: 'text/plain', createdBy });
      await pause(300, undefined, { signal }).catch(() => signal.throwIfAborted()); // room for a kill
      const html = await blobs.put(Buffer.from(`<!doctype html><title>${runId}</title>`));
      const json = await blobs.put(Buffer.from(`{"counted":${counted}}`));
      await registry.runs.end(runId, {
        state: 'succeeded',
        metrics: new Map([['counted', counted]]),
        files: [
          { name: 'report.html', mediaType: 'text/html', ...html },
          { name: 'report.json', mediaType: 'application/json', ...json },
        ],
      });
      return { run: runId, counted };
    },
    async abandon({ runId }, error) {
      const { reason, message, details, retryable } = error;
      const state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
      await registry.runs.end(runId, { state, error: { reason, message, details, retryable } });
    },
  }),
];
