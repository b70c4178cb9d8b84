// Starts and watches the child process of one model. Knows its life, not its requests.
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { AmaasError, deserializeError, type LanguageModelFacts } from '@amaas/core';
import type { FromChild, LoadTask, ToChild } from './messages.ts';

/** Last words kept of a child's stderr: enough for an abort message of C++, too little to flood a log. */
const STDERR_TAIL_BYTES = 2000;

export interface ProcessHooks {
  readonly onMessage: (message: Exclude<FromChild, { type: 'loaded' | 'load-failed' }>) => void;
  /** Once it has loaded and then ended, for whatever reason. */
  readonly onExit: (error: AmaasError) => void;
}

export interface ModelProcess {
  readonly facts: LanguageModelFacts;
  send(message: ToChild): void;
  /** Resident bytes; null where the system does not tell. */
  measureMemoryBytes(): number | null;
  kill(): Promise<void>;
}

/**
 * A child with its model loaded.
 * @throws INVALID_MODEL, MEMORY_LIMIT, ENGINE_MISSING as the child says; MODEL_REJECTED when it ended or took longer than
 *   `maxLoadMs`; CANCELLED
 */
export async function startModelProcess(
  task: LoadTask,
  { maxLoadMs, signal }: { readonly maxLoadMs: number; readonly signal: AbortSignal | undefined },
  hooks: ProcessHooks,
): Promise<ModelProcess> {
  const entry = task.serverPath === null ? 'child-main' : 'server-main';
  const child = fork(join(import.meta.dirname, `${entry}${extname(import.meta.filename)}`), [], {
    execArgv: [],
    env: childEnvironment(),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const tail = keepTail(child);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, by) => resolve(by === null ? `exited with code ${code}` : `was killed by ${by}`));
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const send = (message: ToChild): void => void (child.connected && child.send(message, () => {}));
  send({ type: 'load', task });
  let ready: Extract<FromChild, { type: 'loaded' }>;
  try {
    ready = await loaded(child, { exited, task, tail, maxLoadMs, signal });
  } catch (thrown) {
    await kill();
    throw thrown;
  }
  child.on('message', (message: FromChild) => {
    if (message.type !== 'loaded' && message.type !== 'load-failed') hooks.onMessage(message);
  });
  void exited.then((how) => {
    const words = tail();
    const message = `generate: the process of model "${task.label}" ${how}`;
    // Its last words may hold another caller's text, and paths of this machine: they are for the log.
    hooks.onExit(new AmaasError('ENGINE_CRASHED', message, words === '' ? {} : { cause: new Error(words) }));
  });
  const { facts, helperPid } = ready;
  return { facts, send, kill, measureMemoryBytes: () => residentBytes(helperPid ?? child.pid) };
}

interface Loading {
  readonly exited: Promise<string>;
  readonly task: LoadTask;
  readonly tail: () => string;
  readonly maxLoadMs: number;
  readonly signal: AbortSignal | undefined;
}

async function loaded(
  child: ChildProcess,
  { exited, task, tail, maxLoadMs, signal }: Loading,
): Promise<Extract<FromChild, { type: 'loaded' }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<FromChild, { type: 'loaded' }>>();
  const rejected = (how: string): void => {
    const words = tail();
    const message = `load: the process of model "${task.label}" ${how}${words === '' ? '' : `: ${words}`}`;
    reject(new AmaasError('MODEL_REJECTED', message));
  };
  const cancel = (): void => reject(new AmaasError('CANCELLED', `load: model "${task.label}" was called off`));
  const timer = setTimeout(() => rejected(`was not ready after ${maxLoadMs} ms`), maxLoadMs);
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted) cancel();
  const listen = (message: FromChild): void => {
    if (message.type === 'loaded') resolve(message);
    if (message.type === 'load-failed') reject(deserializeError(message.error));
  };
  child.on('message', listen);
  void exited.then((how) => rejected(`${how} while it loaded`));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
    child.off('message', listen);
  }
}

function keepTail(child: ChildProcess): () => string {
  let kept = Buffer.alloc(0);
  child.stderr?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-STDERR_TAIL_BYTES);
  });
  return () => kept.toString().trim().replace(/\s+/g, ' ');
}

/** The server's own settings hold secrets and mean nothing to a child that runs somebody's model. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AMAAS_'));
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: '1' };
}

function residentBytes(pid: number | undefined): number | null {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? null : Number(line[1]) * 1024;
  } catch {
    return null; // not Linux, or it is gone
  }
}
