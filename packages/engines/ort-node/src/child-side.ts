// What every child process of the engine does the same way: the frame pipe, ending with the parent, ignoring the
// terminal. A child never outlives its parent: idle it sees the pipe close; in the middle of a run that does not return
// its lifeline thread does.
import { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Channel, openChannel } from './channel.ts';
import type { Frame } from './frames.ts';

/** Opens this child's end of the frame pipe and ties its life to the parent's. */
export function openParentChannel(onFrame: (frame: Frame) => void): Channel {
  // Ctrl-C reaches the whole process group; the parent decides when its children end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  new Worker(join(import.meta.dirname, `child-lifeline${extname(import.meta.filename)}`)).unref();
  const socket = new Socket({ fd: 3 });
  socket.on('close', () => process.exit(0)); // the event loop turns, so there is no run under way
  return openChannel(socket, onFrame, () => process.exit(1));
}
