// The inside of a thread that run-in-thread starts: takes the task, hears that it is to end, says what happens and what came
// of it.
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '@amaas/core';
import type { FromTraining, ToTraining } from './messages.ts';
import type { ThreadHooks } from './run-in-thread.ts';

/** Does the thread's work, and lets the thread end. */
export async function workInThread<Task, Event, Result>(
  work: (task: Task, hooks: ThreadHooks<Event>) => Promise<Result>,
): Promise<void> {
  const cancelling = new AbortController();
  const say = (message: FromTraining<Event, Result>): void => parentPort?.postMessage(message);
  parentPort?.on('message', (message: ToTraining) => {
    if (message.type === 'cancel') cancelling.abort();
  });
  try {
    const task = workerData as Task; // whoever names the thread's file gives the task it takes
    const onEvent = (event: Event): void => say({ type: 'event', event });
    say({ type: 'done', result: await work(task, { signal: cancelling.signal, onEvent }) });
  } catch (thrown) {
    say({ type: 'failed', error: serializeError(thrown) });
  } finally {
    parentPort?.close(); // the thread ends by itself: whoever terminates one with ONNX Runtime in it ends the process
  }
}
