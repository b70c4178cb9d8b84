// Entry of a worker thread: one session, requests from the parent's port, replies with the outputs' buffers handed over.
import { parentPort } from 'node:worker_threads';
import type { HostReply, HostRequest } from './messages.ts';
import { SessionHost } from './session-host.ts';
import { blocksOf } from './tensors.ts';

const port = parentPort;
if (port === null) throw new Error('thread-main.ts runs in a worker thread only');
const host = new SessionHost();

port.on('message', async (request: HostRequest) => {
  const reply = await host.answer(request);
  if (reply === null)
    port.close(); // with its last handle gone the thread ends by itself
  else port.postMessage(reply, transferListOf(reply));
});

function transferListOf(reply: HostReply): ArrayBuffer[] {
  if (reply.kind !== 'done') return [];
  const buffers = new Set<ArrayBuffer>();
  for (const tensor of reply.outputs.values()) {
    // The binding gives every output memory of JavaScript's own, which may be handed over.
    for (const block of blocksOf(tensor)) buffers.add(block.buffer as ArrayBuffer);
  }
  return [...buffers];
}
