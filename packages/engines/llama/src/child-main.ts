// Entry of a model's child process. It has one libuv thread (the engine starts it so): each of them that calls llama.cpp would
// bring a team of OpenMP threads of its own, and teams that spin against each other halve the speed.
import { type AmaasError, serializeError } from '@amaas/core';
import { loadBinding } from './binding.ts';
import type { Answer, FromChild, LoadTask, ToChild } from './messages.ts';
import { ModelHost } from './model-host.ts';
import { planMemory, readMemoryFacts } from './plan-memory.ts';

// Ctrl-C reaches the whole process group; the parent decides when its children end. Without it there is nothing to do.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

/** Of llama.cpp between two looks at them; the first ones say why. */
const MOST_COMPLAINTS = 5;

let host: ModelHost | null = null;
process.on('message', (message: ToChild) => void hear(message));

async function hear(message: ToChild): Promise<void> {
  switch (message.type) {
    case 'load':
      try {
        host = await load(message.task);
        say({ type: 'loaded', facts: host.facts });
      } catch (thrown) {
        say({ type: 'load-failed', error: serializeError(thrown) });
      }
      break;
    case 'generate':
      await answering(message.id, () => host?.generate(message.id, message.request));
      break;
    case 'cancel':
      host?.cancel(message.id);
      break;
    case 'embed':
    case 'rank':
      await answering(message.id, async () => {
        if (host !== null) tell(message.id, await host.pool(message));
      });
      break;
    case 'score':
      await answering(message.id, async () => {
        if (host !== null) tell(message.id, await host.score(message));
      });
      break;
    case 'tokenize':
      await answering(message.id, () => tell(message.id, host?.tokenize(message.pieces) ?? []));
      break;
    case 'detokenize':
      await answering(message.id, () => tell(message.id, host?.detokenize(message.tokens) ?? ''));
      break;
    default:
      message satisfies never;
  }
}

async function load(task: LoadTask): Promise<ModelHost> {
  const { label, modelPath, contextTokens, parallel, maxMemoryBytes } = task;
  const facts = await readMemoryFacts(modelPath);
  const plan = planMemory(label, facts, { contextTokens, parallel, maxMemoryBytes });
  const complaints: string[] = [];
  const binding = await loadBinding((text) => {
    if (complaints.length < MOST_COMPLAINTS) complaints.push(text);
  });
  const parts = {
    binding,
    complaints: () => complaints.splice(0).join('; '),
    onEvents(events: Extract<FromChild, { type: 'events' }>['events']): void {
      say({ type: 'events', events });
      host?.forget(events.flatMap(({ id, event }) => (event.type === 'ended' ? [id] : [])));
    },
    onFailure: (id: number, error: AmaasError): void => say({ type: 'failed', id, error: serializeError(error) }),
  };
  return ModelHost.load(parts, { ...task, ...plan }, facts);
}

async function answering(id: number, work: () => unknown): Promise<void> {
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
