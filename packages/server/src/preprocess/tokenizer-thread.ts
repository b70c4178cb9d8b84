// The thread behind TokenizerThreads: one shelf of tokenizers, one task per message.
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { serializeError } from '@amaas/core';
import { TokenizerShelf } from './tokenizer-shelf.ts';
import type { TokenizerRequest, TokenizerReply } from './tokenizer-threads.ts';

const shelf = new TokenizerShelf();

async function answer({ task }: TokenizerRequest): Promise<{ result: unknown; transfer?: ArrayBuffer[] }> {
  switch (task.kind) {
    case 'open':
      return { result: shelf.put(task.key, await readFile(task.path)) };
    case 'close':
      return { result: shelf.remove(task.key) };
    case 'ids':
      return { result: shelf.idsOf(task.key, task.tokens) };
    case 'encode': {
      const result = shelf.encode(task.work);
      return { result, transfer: [result.lengths.buffer, result.ids.buffer, result.typeIds.buffer] };
    }
    case 'decode':
      return { result: shelf.decode(task.work) };
    default:
      return task satisfies never;
  }
}

parentPort?.on('message', (request: TokenizerRequest) => {
  const { id } = request;
  answer(request).then(
    ({ result, transfer = [] }) => parentPort?.postMessage({ id, result } satisfies TokenizerReply, transfer),
    (thrown: unknown) => parentPort?.postMessage({ id, error: serializeError(thrown) } satisfies TokenizerReply),
  );
});
