// A job for tests: counts steps, keeps a checkpoint at each, and can go wrong in every way there is. Each step it takes
// is a line in `steps.txt`, so that a test sees what was done twice.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AmaasError } from '@amaas/core';
import { type Static, Type } from 'typebox';
import type { JobRuntime } from '../job-kind.ts';
import type { Json } from '../types.ts';

export const CountingConfiguration = Type.Object(
  {
    steps: Type.Integer({ minimum: 0 }),
    stepMs: Type.Optional(Type.Number({ minimum: 0 })),
    /** At which step something happens. */
    at: Type.Optional(Type.Integer()),
    /** What happens there; with `once` only in the first attempt. */
    trouble: Type.Optional(
      Type.Enum(['die', 'throw', 'throw-plain', 'wait', 'hang', 'spin', 'flood', 'flood-raw', 'print']),
    ),
    once: Type.Optional(Type.Boolean()),
    /** Does not listen when asked to stop. */
    isDeaf: Type.Optional(Type.Boolean()),
    model: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export async function runJob(job: JobRuntime): Promise<Json> {
  const configuration = job.configuration as Static<typeof CountingConfiguration>; // checked by the server
  const { steps, stepMs = 0 } = configuration;
  let step = readCheckpoint(job.directory);
  job.log(`counting from ${step} to ${steps}`);
  while (step < steps) {
    if (!configuration.isDeaf) job.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, stepMs));
    if (step === configuration.at && !(configuration.once && job.attempt > 1))
      await misbehave(job, configuration.trouble);
    step++;
    appendFileSync(join(job.directory, 'steps.txt'), `${step}\n`);
    writeFileSync(join(job.directory, 'checkpoint.tmp'), String(step));
    renameSync(join(job.directory, 'checkpoint.tmp'), join(job.directory, 'checkpoint'));
    job.checkpoint({ step });
    job.progress({ phase: 'count', fraction: step / steps, step, totalSteps: steps, loss: 1 / step });
  }
  return { counted: step, attempt: job.attempt, inputs: job.inputs };
}

function readCheckpoint(directory: string): number {
  try {
    return Number(readFileSync(join(directory, 'checkpoint'), 'utf8'));
  } catch {
    return 0; // there is none yet
  }
}

async function misbehave(job: JobRuntime, how: Static<typeof CountingConfiguration>['trouble']): Promise<void> {
  switch (how) {
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'throw':
      throw new AmaasError('INVALID_DATA', 'column "age" has 3 rows of text', { details: { column: 'age' } });
    case 'throw-plain':
      throw new Error('a secret in an unexpected place');
    case 'wait': // until it is asked to stop
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      throw job.signal.reason;
    case 'hang':
      return new Promise(() => setInterval(() => {}, 1000));
    case 'spin':
      for (;;); // not even a signal is heard
    case 'flood':
      for (let count = 0; count < 1_000_000; count++) job.progress({ phase: 'flood', fraction: null, step: count });
      return;
    case 'flood-raw':
      for (let count = 0; count < 200_000; count++) {
        const progress = { phase: 'raw', fraction: null, step: count, message: 'x'.repeat(500) };
        await new Promise<void>((resolve) =>
          process.send?.({ type: 'progress', progress }, undefined, undefined, () => resolve()),
        );
      }
      return;
    case 'print':
      for (let line = 0; line < 200_000; line++) process.stdout.write(`line ${line} ${'-'.repeat(90)}\n`);
      return;
    case undefined:
      return;
    default:
      throw new TypeError(`unknown ${String(how satisfies never)}`);
  }
}
