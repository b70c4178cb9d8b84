// The thread of one trial at a time: trains it on the examples the thread was started with, asks after every epoch whether
// to go on, and leaves the model as a checkpoint in the study's folder.
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '@amaas/core';
import { trainTableTrial } from '@amaas/learn/pipelines';
import type { Decision } from '@amaas/learn/tune';
import { importInstalled } from '../training/open-source.ts';
import type { FromTrial, ToTrial, TrialThreadData } from './messages.ts';
import { candidateStore } from './study-folder.ts';

const { examples, seed, study, threads } = workerData as TrialThreadData; // given by trial-threads
let cancelling = new AbortController();
let decide: (decision: Decision) => void = () => {};

parentPort?.on('message', (message: ToTrial) => {
  switch (message.type) {
    case 'train':
      void train(message);
      break;
    case 'decision':
      decide(message.decision);
      break;
    case 'cancel':
      cancelling.abort();
      break;
    case 'close':
      parentPort?.close(); // the thread ends by itself: whoever terminates one with ONNX Runtime in it ends the process
      break;
    default:
      message satisfies never;
  }
});

async function train({ task }: Extract<ToTrial, { type: 'train' }>): Promise<void> {
  cancelling = new AbortController();
  try {
    const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
    const { validationLoss } = await trainTableTrial(task, {
      examples,
      seed,
      executor: await createOrtNodeExecutor({ threads }),
      checkpoint: candidateStore(study, task.checkpoint),
      signal: cancelling.signal,
      report(epoch, loss) {
        const { promise, resolve } = Promise.withResolvers<Decision>();
        decide = resolve;
        say({ type: 'report', epoch, validationLoss: loss });
        return promise;
      },
    });
    say({ type: 'trained', result: { validationLoss } });
  } catch (thrown) {
    say({ type: 'failed', error: serializeError(thrown) });
  }
}

function say(message: FromTrial): void {
  parentPort?.postMessage(message);
}
