// Starts and watches the engine's child processes: pipes, stderr's last words, resident memory, the end.
// Knows nothing of sessions. Four pipes: 2 stderr, 3 frames both ways, 4 the lifeline that closes when this process
// ends in whatever way (see child-lifeline.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { Socket } from 'node:net';
import { dirname, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { AmaasError } from '@amaas/core';
import { type Channel, openChannel } from './channel.ts';
import type { Frame } from './frames.ts';
import { readStatusBytes } from './process-memory.ts';

/** Last words kept of a child's stderr: enough for a C++ abort message, too little to flood a log. */
const STDERR_TAIL_BYTES = 2000;

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderrTail: string;
}

export interface EngineChild {
  readonly pid: number | undefined;
  send(frame: Frame): void;
  /** Resolves when the process is gone. Never rejects. */
  readonly exited: Promise<ChildExit>;
  kill(): void;
  unref(): void;
  /** Resident bytes; null where the system does not tell or the process is gone. */
  measureResidentBytes(): number | null;
}

/** Starts a child that runs `entry` of this folder. */
export function startChild(entry: 'child-main' | 'probe-main', onFrame: (frame: Frame) => void): EngineChild {
  const script = join(import.meta.dirname, `${entry}${extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: childEnvironment(),
  });
  const kill = (): void => void child.kill('SIGKILL');
  // Its own bytes on the pipe are not to be trusted further than its exit code: what makes no sense ends it.
  const channel = openPipe(child, onFrame, kill);
  return {
    pid: child.pid,
    send: (frame) => channel?.send(frame),
    exited: watchExit(child),
    kill,
    unref() {
      child.unref();
      for (const pipe of child.stdio) if (pipe instanceof Socket) pipe.unref();
    },
    measureResidentBytes: () => (child.pid === undefined ? null : readStatusBytes(child.pid, 'VmRSS')),
  };
}

function openPipe(child: ChildProcess, onFrame: (frame: Frame) => void, onBroken: () => void): Channel | null {
  const [, , , frames, lifeline] = child.stdio;
  if (lifeline instanceof Socket) lifeline.on('error', () => {});
  return frames instanceof Socket ? openChannel(frames, onFrame, onBroken) : null;
}

function watchExit(child: ChildProcess): Promise<ChildExit> {
  const tail = keepTail(child.stderr);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, stderrTail: error.message }));
    child.once('close', (code, signal) => resolve({ code, signal, stderrTail: tail() }));
  });
}

function keepTail(stream: Readable | null): () => string {
  let kept = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-STDERR_TAIL_BYTES);
  });
  return () => kept.toString().trim();
}

/** The server's own settings hold secrets and mean nothing to a child that runs somebody's model. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AMAAS_'));
  // A child that finds its modules compiled starts sooner and, where they are TypeScript, stays 40 MB smaller.
  const cache = getCompileCacheDir();
  return { ...Object.fromEntries(kept), ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }) };
}

/** How a child ended, for messages: `was killed by SIGSEGV`, with its last words if it had any. */
export function describeExit({ code, signal, stderrTail }: ChildExit): string {
  const how =
    signal !== null ? `was killed by ${signal}` : code !== null ? `exited with code ${code}` : 'could not be started';
  return stderrTail === '' ? how : `${how}: ${stderrTail.replace(/\s+/g, ' ')}`;
}

/** The error for a run whose child has gone. */
export function crashError(label: string, exit: ChildExit): AmaasError {
  return new AmaasError('ENGINE_CRASHED', `run: the process of model "${label}" ${describeExit(exit)}`, {
    details: { exitCode: exit.code, signal: exit.signal },
  });
}
