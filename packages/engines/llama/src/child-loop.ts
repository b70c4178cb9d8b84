// What the child processes of models have in common: they hear their parent, tell it what comes, and end with it.
import {
  type AmaasError,
  deserializeError,
  type ExtraMemory,
  type GenerationRequest,
  type LanguageModelFacts,
  type PromptPiece,
  serializeError,
} from '@amaas/core';
import type { Answer, FromChild, LoadTask, PooledTexts, RequestEvent, ToChild } from './messages.ts';

/** A model as its child process has it. */
export interface ChildHost {
  readonly facts: LanguageModelFacts;
  /** A process of its own that holds the model; null: this one does. */
  readonly helperPid: number | null;
  /** What comes of it is told by {@link ChildTelling}. */
  generate(id: number, request: GenerationRequest): Promise<void>;
  cancel(id: number): void;
  pool(asked: Extract<ToChild, { type: 'embed' | 'rank' }>): Promise<PooledTexts>;
  score(asked: Extract<ToChild, { type: 'score' }>): Promise<readonly number[]>;
  tokenize(pieces: readonly PromptPiece[]): readonly number[] | Promise<readonly number[]>;
  detokenize(tokens: readonly number[]): string | Promise<string>;
  /** The last events of these requests are on their way. */
  forget(ids: readonly number[]): void;
}

export interface ChildTelling {
  onEvents(events: readonly RequestEvent[]): void;
  onFailure(id: number, error: AmaasError): void;
}

/** The parent as a host sees it: told what comes, asked for memory. */
export interface Parent extends ChildTelling {
  readonly memory: ExtraMemory;
}

/** Hears the parent for as long as there is one. */
export function serveParent(load: (task: LoadTask, parent: Parent) => Promise<ChildHost>): void {
  // Ctrl-C reaches the whole process group; the parent decides when its children end. Without it there is nothing to do.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  let host: ChildHost | null = null;
  const claims = new ParentMemory();
  const parent: Parent = {
    memory: claims,
    onEvents(events) {
      say({ type: 'events', events });
      host?.forget(events.flatMap(({ id, event }) => (event.type === 'ended' ? [id] : [])));
    },
    onFailure: (id, error) => say({ type: 'failed', id, error: serializeError(error) }),
  };
  process.on('message', (message: ToChild) => {
    if (message.type === 'load') void take(message.task);
    else if (message.type === 'claimed') claims.settle(message);
    else if (host !== null) void hear(host, message);
  });

  async function take(task: LoadTask): Promise<void> {
    try {
      host = await load(task, parent);
      say({ type: 'loaded', facts: host.facts, helperPid: host.helperPid });
    } catch (thrown) {
      say({ type: 'load-failed', error: serializeError(thrown) });
    }
  }
}

/** Memory that the parent grants or refuses. */
class ParentMemory implements ExtraMemory {
  readonly #waiting = new Map<number, { resolve(): void; reject(error: AmaasError): void }>();
  #ids = 0;

  claim(operation: string, bytes: number): Promise<void> {
    const id = ++this.#ids;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(id, { resolve, reject });
    say({ type: 'claim', id, operation, bytes });
    return promise;
  }

  giveBack(bytes: number): void {
    say({ type: 'give-back', bytes });
  }

  settle({ id, error }: Extract<ToChild, { type: 'claimed' }>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) waiting?.resolve();
    else waiting?.reject(deserializeError(error));
  }
}

async function hear(host: ChildHost, message: Exclude<ToChild, { type: 'load' | 'claimed' }>): Promise<void> {
  switch (message.type) {
    case 'generate':
      await answering(message.id, () => host.generate(message.id, message.request));
      break;
    case 'cancel':
      host.cancel(message.id);
      break;
    case 'embed':
    case 'rank':
      await answering(message.id, async () => tell(message.id, await host.pool(message)));
      break;
    case 'score':
      await answering(message.id, async () => tell(message.id, await host.score(message)));
      break;
    case 'tokenize':
      await answering(message.id, async () => tell(message.id, await host.tokenize(message.pieces)));
      break;
    case 'detokenize':
      await answering(message.id, async () => tell(message.id, await host.detokenize(message.tokens)));
      break;
    default:
      message satisfies never;
  }
}

async function answering(id: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    say({ type: 'failed', id, error: serializeError(thrown) });
  }
}

function tell(id: number, value: Answer): void {
  say({ type: 'answer', id, value });
}

function say(message: FromChild): void {
  process.send?.(message);
}
