// Runs a study in a thread of its own and waits for it.
import { extname, join } from 'node:path';
import type { TuneTableEvent } from '@amaas/learn/pipelines';
import { runInThread, type ThreadHooks } from '../training/run-in-thread.ts';
import type { TuningResult, TuningTask } from './messages.ts';

const WORKER = join(import.meta.dirname, `tune-worker${extname(import.meta.filename)}`);

/** @throws what the study throws; CANCELLED once `signal` has fired and the steps at hand are done */
export function runTuning(task: TuningTask, hooks: ThreadHooks<TuneTableEvent>): Promise<TuningResult> {
  return runInThread({ file: WORKER, task, verb: 'tune' }, hooks);
}
