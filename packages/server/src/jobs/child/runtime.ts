// What an entry module is given, on top of a way to say things. Made for each job anew, so that tests can have one too.
import { AmaasError, type Clock } from '@amaas/core';
import type { JobRuntime } from '../job-kind.ts';
import { LatestWins } from '../latest-wins.ts';
import type { FromChild, StopReason, ToChild } from '../messages.ts';
import type { JobProgress, Json } from '../types.ts';

/** Twice as often as the server shows it, so that what it shows is fresh; a flood ends here. */
const SAID_EVERY_MS = 125;

export interface RuntimeWorld {
  readonly clock: Clock;
  readonly say: (message: FromChild) => void;
  /** Default: standard output, which is the job's log. */
  readonly print?: (line: string) => void;
}

export interface CreatedRuntime {
  readonly runtime: JobRuntime;
  /** Fires the job's signal. */
  readonly stop: (why: StopReason) => void;
  /** Says what waits, now. */
  readonly flush: () => void;
}

export function createRuntime(
  start: Omit<Extract<ToChild, { readonly type: 'start' }>, 'type' | 'resultPath'>,
  { clock, say, print = (line) => process.stdout.write(`${line}\n`) }: RuntimeWorld,
): CreatedRuntime {
  const controller = new AbortController();
  const timing = { intervalMs: SAID_EVERY_MS, clock };
  const progress = new LatestWins<JobProgress>({
    ...timing,
    pass: (value) => say({ type: 'progress', progress: value }),
  });
  const checkpoints = new LatestWins<Json>({ ...timing, pass: (note) => say({ type: 'checkpoint', note }) });
  const { id, kind, attempt, configuration, inputs, directory } = start;
  return {
    runtime: {
      id,
      kind,
      attempt,
      configuration,
      inputs,
      directory,
      signal: controller.signal,
      progress: (value) => progress.put(value),
      checkpoint: (note) => checkpoints.put(note),
      log: print,
    },
    stop(why) {
      const said = why === 'cancel' ? 'the job was cancelled' : 'the server stops; the job will be resumed';
      controller.abort(new AmaasError('CANCELLED', said, { details: { why } }));
    },
    flush() {
      progress.flush();
      checkpoints.flush();
    },
  };
}
