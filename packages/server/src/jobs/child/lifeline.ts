// A thread inside every job's process that waits for the server's end. The main thread may be stuck in a run; this one
// still turns. At once and without a word: the next server may start the next attempt in the same folder.
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

const lifeline = new Socket({ fd: workerData as number }); // given by child-main
lifeline.on('error', () => {});
lifeline.on('close', () => process.kill(process.pid, 'SIGKILL'));
lifeline.resume();
