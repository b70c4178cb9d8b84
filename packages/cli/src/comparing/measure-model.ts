// Measures a model in a fresh process.
import { fork } from 'node:child_process';
import { extname, join } from 'node:path';
import { AmaasError, deserializeError } from '@amaas/core';
import type { FromMeasuring, Measurement, MeasurementTask } from './measurement.ts';

const PROCESS = join(import.meta.dirname, `measure-process${extname(import.meta.filename)}`);

/** Far more than any table model takes: what is not done by then hangs. */
const LIMIT_MS = 120_000;

/** @throws what the model throws; ENGINE_CRASHED when the process ends without an answer; CANCELLED */
export function measureModel(task: MeasurementTask, signal: AbortSignal): Promise<Measurement> {
  const { promise, resolve, reject } = Promise.withResolvers<Measurement>();
  const child = fork(PROCESS, [], { execArgv: ['--expose-gc'], serialization: 'advanced', stdio: 'inherit' });
  const kill = (): void => void child.kill('SIGKILL');
  const limit = setTimeout(kill, LIMIT_MS);
  signal.addEventListener('abort', kill);
  if (signal.aborted) kill();
  child.once('message', (message: FromMeasuring) => {
    if (message.type === 'done') resolve(message.measurement);
    else reject(deserializeError(message.error));
  });
  child.once('error', reject);
  child.once('exit', (code, killedBy) => {
    const how = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
    reject(
      signal.aborted
        ? new AmaasError('CANCELLED', 'compare: cancelled')
        : new AmaasError('ENGINE_CRASHED', `compare: the process that measured the model ended with ${how}`),
    );
  });
  child.send(task, (error) => {
    if (error !== null) reject(error);
  });
  return promise.finally(() => {
    clearTimeout(limit);
    signal.removeEventListener('abort', kill);
    kill();
  });
}
