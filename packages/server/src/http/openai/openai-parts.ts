// What OpenAI's routes need of the server, and what their replies begin with.
import type { Clock } from '@amaas/core';
import type { ReplyHead } from '@amaas/protocols/openai';
import type { DataPlane } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Registry } from '../../registry/index.ts';
import { newId } from '../language/index.ts';

export interface OpenAiParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly server: { readonly name: string; readonly version: string };
  readonly limits: { readonly maxRequestBytes: number };
}

/** A word of our own, for metrics. */
export const PROTOCOL = 'openai';

export function replyHead(
  { clock, server }: Pick<OpenAiParts, 'clock' | 'server'>,
  { prefix, model }: { readonly prefix: 'chatcmpl' | 'cmpl'; readonly model: string },
): ReplyHead {
  return {
    id: newId(`${prefix}-`, 16),
    createdSeconds: Math.floor(clock.wallTime().getTime() / 1000),
    model,
    fingerprint: `${server.name}-${server.version}`,
  };
}
