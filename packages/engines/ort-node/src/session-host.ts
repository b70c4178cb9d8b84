// Answers requests with one session; the part that threads and child processes have in common.
// Knows nothing of how requests come and replies go.
import { AmaasError, serializeError } from '@amaas/core';
import type { HostReply, HostRequest } from './messages.ts';
import { openSession, type OrtSession } from './session.ts';

export class SessionHost {
  #session: OrtSession | null = null;

  /** Answers one request; null when it was the last and there is nothing to answer. */
  async answer(request: HostRequest): Promise<HostReply | null> {
    try {
      switch (request.kind) {
        case 'load':
          this.#session = await openSession(request.config);
          return { kind: 'ready', inputs: this.#session.inputs, outputs: this.#session.outputs };
        case 'run':
          return { kind: 'done', ...this.#loaded().run(request.inputs, request.outputs) };
        case 'end':
          this.#session?.release();
          this.#session = null;
          return null;
        default:
          return request satisfies never;
      }
    } catch (thrown) {
      return { kind: 'failed', error: serializeError(thrown) };
    }
  }

  #loaded(): OrtSession {
    if (this.#session === null) throw new AmaasError('INTERNAL', 'run: the session host has no session');
    return this.#session;
  }
}
