// A thread inside every child process that waits for the parent's end. The child's main thread may be stuck in a run
// that never returns; this one still turns, and a SIGKILL needs nobody's consent.
import { Socket } from 'node:net';

/** Time for an idle child to leave by itself before it is killed. */
const GRACE_MS = 1000;

const lifeline = new Socket({ fd: 4 });
lifeline.on('error', () => {});
lifeline.on('close', () => setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS));
lifeline.resume();
