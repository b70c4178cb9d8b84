// A session in a child process: the only kind whose runs can be ended early, by ending the child.
import { type ChildExit, crashError, type EngineChild, startChild } from './child-process.ts';
import { readReply, requestFrame } from './host-frames.ts';
import { cancelled, expectDone, expectReady, type Instance } from './instance.ts';
import type { HostReply, HostRequest } from './messages.ts';
import type { SessionConfig } from './session.ts';

/** Time for an idle child to release its session and leave before it is killed. */
const CLOSE_GRACE_MS = 5000;

export async function startProcessInstance(config: SessionConfig, signal: AbortSignal): Promise<Instance> {
  const link = new ProcessLink(config.label);
  const abort = (): void => link.child.kill();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const { inputs, outputs } = expectReady(await link.ask({ kind: 'load', config }));
    return {
      inputs,
      outputs,
      ended: link.child.exited.then(() => {}),
      run: async ({ inputs, outputs }) => expectDone(await link.ask({ kind: 'run', inputs, outputs })),
      kill() {
        link.child.kill();
        return true;
      },
      close: () => link.close(),
      unref: () => link.child.unref(),
      measureMemoryBytes: () => link.child.measureResidentBytes(),
    };
  } catch (error) {
    link.child.kill();
    await link.child.exited;
    throw signal.aborted ? cancelled(`load: model "${config.label}"`) : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class ProcessLink {
  readonly child: EngineChild;
  readonly #label: string;
  #waiting: PromiseWithResolvers<HostReply> | null = null;
  #exit: ChildExit | null = null;

  constructor(label: string) {
    this.#label = label;
    this.child = startChild('child-main', (frame) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(readReply(frame));
    });
    void this.child.exited.then((exit) => {
      this.#exit = exit;
      this.#waiting?.reject(crashError(label, exit));
      this.#waiting = null;
    });
  }

  async ask(request: HostRequest): Promise<HostReply> {
    if (this.#exit !== null) throw crashError(this.#label, this.#exit);
    this.#waiting = Promise.withResolvers();
    this.child.send(requestFrame(request));
    return await this.#waiting.promise;
  }

  async close(): Promise<void> {
    this.child.send(requestFrame({ kind: 'end' }));
    const grace = setTimeout(() => this.child.kill(), CLOSE_GRACE_MS);
    await this.child.exited;
    clearTimeout(grace);
  }
}
