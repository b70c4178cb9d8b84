// A session in the calling thread: no hop, but every run blocks the event loop and nothing can end one early.
import type { Instance } from './instance.ts';
import { openSession, type SessionConfig } from './session.ts';

export async function startInlineInstance(config: SessionConfig): Promise<Instance> {
  const session = await openSession(config);
  const { promise: ended, resolve: markEnded } = Promise.withResolvers<void>();
  return {
    inputs: session.inputs,
    outputs: session.outputs,
    ended,
    run: async (job) => session.run(job.inputs, job.outputs),
    kill: () => false,
    async close() {
      session.release();
      markEnded();
    },
    unref: () => {},
    measureMemoryBytes: () => null,
  };
}
