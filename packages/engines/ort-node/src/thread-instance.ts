// A session in a worker thread. The thread is asked to end, never terminated: ending a thread while ONNX Runtime works
// in it aborts the whole process.
import { extname, join } from 'node:path';
import { isMarkedAsUntransferable, Worker } from 'node:worker_threads';
import { AmaasError } from '@amaas/core';
import { cancelled, expectDone, expectReady, type Instance, type InstanceJob } from './instance.ts';
import type { HostReply, HostRequest } from './messages.ts';
import type { SessionConfig } from './session.ts';
import { blocksOf, type PackedTensor, type PackedTensors } from './tensors.ts';

export async function startThreadInstance(config: SessionConfig, signal: AbortSignal): Promise<Instance> {
  const thread = new ThreadLink(config.label);
  const loading = thread.ask({ kind: 'load', config }, []);
  const onAbort = Promise.withResolvers<never>();
  const abort = (): void => onAbort.reject(cancelled(`load: model "${config.label}"`));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const { inputs, outputs } = expectReady(await Promise.race([loading, onAbort.promise]));
    return {
      inputs,
      outputs,
      ended: thread.ended,
      run: async (job) => expectDone(await thread.run(job)),
      kill: () => false,
      close: () => thread.close(),
      unref: () => thread.unref(),
      measureMemoryBytes: () => null,
    };
  } catch (error) {
    const closed = loading.catch(() => {}).then(() => thread.close());
    if (!signal.aborted) await closed; // after an abort the thread still loads, and nobody waits for that
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class ThreadLink {
  readonly #label: string;
  readonly #worker: Worker;
  readonly ended: Promise<void>;
  #waiting: PromiseWithResolvers<HostReply> | null = null;
  #failure = 'ended unasked';

  constructor(label: string) {
    this.#label = label;
    const entry = join(import.meta.dirname, `thread-main${extname(import.meta.filename)}`);
    // No execArgv of the server's: a debugger port or a test reporter is not meant for its threads.
    this.#worker = new Worker(entry, { execArgv: [], name: `ort ${label}` });
    this.#worker.on('message', (reply: HostReply) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.resolve(reply);
    });
    this.#worker.on('error', (error) => {
      this.#failure = `failed: ${error instanceof Error ? error.message : String(error)}`;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#waiting?.reject(this.#crash());
        this.#waiting = null;
        this.#ended = true;
        resolve();
      });
    });
  }

  #ended = false;

  #crash(): AmaasError {
    return new AmaasError('ENGINE_CRASHED', `run: the thread of model "${this.#label}" ${this.#failure}`);
  }

  ask(request: HostRequest, transfer: readonly ArrayBuffer[]): Promise<HostReply> {
    if (this.#ended) return Promise.reject(this.#crash());
    this.#worker.postMessage(request, transfer);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  run(job: InstanceJob): Promise<HostReply> {
    const { tensors, buffers } = job.transferInputs ? handOver(job.inputs) : copyOut(job.inputs);
    const { outputs } = job;
    try {
      return this.ask({ kind: 'run', inputs: tensors, outputs }, buffers);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'DataCloneError')) throw error;
      // A buffer that looked transferable and is not: shared or WebAssembly memory. Nothing has been detached.
      const copies = copyOut(job.inputs);
      return this.ask({ kind: 'run', inputs: copies.tensors, outputs }, copies.buffers);
    }
  }

  async close(): Promise<void> {
    if (!this.#ended) this.#worker.postMessage({ kind: 'end' } satisfies HostRequest);
    await this.ended;
  }

  unref(): void {
    this.#worker.unref();
  }
}

interface Parcel {
  readonly tensors: PackedTensors;
  readonly buffers: readonly ArrayBuffer[];
}

/** Copies just the bytes of each tensor: cloning a message would copy the whole buffer behind a small view. */
function copyOut(inputs: PackedTensors): Parcel {
  const tensors = new Map<string, PackedTensor>();
  for (const [name, tensor] of inputs) tensors.set(name, copyTensor(tensor));
  return { tensors, buffers: buffersOf(tensors) };
}

function handOver(inputs: PackedTensors): Parcel {
  const tensors = new Map<string, PackedTensor>();
  for (const [name, tensor] of inputs) {
    const free = blocksOf(tensor).every(({ buffer }) => !isMarkedAsUntransferable(buffer));
    tensors.set(name, free ? tensor : copyTensor(tensor)); // small Buffers share a pool that Node keeps for itself
  }
  return { tensors, buffers: buffersOf(tensors) };
}

function copyTensor(tensor: PackedTensor): PackedTensor {
  // Packed strings were made for this run alone; a copy of a typed array is one of the same kind.
  return tensor.dtype === 'string' ? tensor : ({ ...tensor, data: tensor.data.slice() } as PackedTensor);
}

/** Each buffer once, also where several tensors are views of it. */
function buffersOf(tensors: PackedTensors): readonly ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const tensor of tensors.values()) {
    // Shared memory is refused by postMessage, see run().
    for (const block of blocksOf(tensor)) buffers.add(block.buffer as ArrayBuffer);
  }
  return [...buffers];
}
