// Starts and watches the process of one attempt. Pipes: 1 and 2 what it prints, 3 messages (IPC), 4 the lifeline, which
// closes when this process ends in whatever way. Knows nothing of queues and states.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { getCompileCacheDir } from 'node:module';
import { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { dirname, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { JobPaths } from './job-files.ts';
import type { JobLog } from './job-log.ts';
import { type FromChild, readFromChild, type StopReason, type ToChild } from './messages.ts';

/** Below the server and the models it serves: training takes what they leave. */
const NICENESS = 10;

/** How long what a process printed may take to be read once it has gone: a grandchild may hold its pipes. */
const PIPE_GRACE_MS = 1000;

const CHILD_MAIN = join(import.meta.dirname, 'child', `child-main${extname(import.meta.filename)}`);

export interface JobChildOptions {
  readonly entry: string;
  readonly paths: JobPaths;
  readonly log: JobLog;
  readonly start: Omit<Extract<ToChild, { readonly type: 'start' }>, 'type'>;
  readonly onMessage: (message: FromChild) => void;
}

/** How a process ended: `was killed by SIGKILL`. */
export type ExitText = string;

export interface JobChild {
  /** Asks it to end. */
  stop(why: StopReason): void;
  kill(): void;
  /** Resolves when the process is gone and what it printed is in the log. Never rejects. */
  readonly exited: Promise<ExitText>;
}

export async function startJobChild(options: JobChildOptions): Promise<JobChild> {
  const { entry, paths, log, start, onMessage } = options;
  await endLeftover(paths, start.id);
  const child = spawn(process.execPath, [CHILD_MAIN, entry, start.id], {
    cwd: paths.work,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    env: childEnvironment(),
  });
  const lifeline = child.stdio[4];
  if (lifeline instanceof Socket) lifeline.on('error', () => {});
  lowerPriority(child);
  const exited = watchExit(child, log);
  child.on('message', (message: unknown) => {
    const known = readFromChild(message);
    if (known !== null) onMessage(known);
  });
  if (child.pid !== undefined) await writeFile(paths.pid, String(child.pid));
  send(child, { type: 'start', ...start });
  return {
    stop: (why) => send(child, { type: 'stop', why }),
    kill: () => void child.kill('SIGKILL'),
    exited,
  };
}

function send(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => {}); // a process that has gone is noticed by its exit
}

function watchExit(child: ChildProcess, log: JobLog): Promise<ExitText> {
  const prints = [child.stdout, child.stderr].filter((stream): stream is Readable => stream !== null);
  const printed = Promise.all(prints.map((stream) => log.take(stream)));
  return new Promise((resolve) => {
    const finish = (how: ExitText): void => {
      const timer = setTimeout(() => {
        for (const stream of prints) stream.destroy();
      }, PIPE_GRACE_MS);
      void printed.then(() => {
        clearTimeout(timer);
        resolve(how);
      });
    };
    child.once('error', (error) => finish(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      finish(signal !== null ? `was killed by ${signal}` : `ended with exit code ${code} without a word`),
    );
  });
}

function lowerPriority(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, NICENESS);
  } catch {
    // a process that has gone already, or a system that does not allow it
  }
}

/**
 * Ends the process of an earlier attempt, should it have outlived its server: two in one folder would spoil the
 * checkpoints. Its lifeline sees to that at once; this is for a machine so busy that the new server was faster.
 */
async function endLeftover(paths: JobPaths, id: string): Promise<void> {
  const pid = Number(await readFile(paths.pid, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  // Numbers of processes are used again: only one that has this very job in its command line is meant. Linux only.
  const isLeftover = async (): Promise<boolean> =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').includes(id);
  try {
    if (await isLeftover()) process.kill(pid, 'SIGKILL');
  } catch {
    // it has gone meanwhile
  }
  while (await isLeftover()) await new Promise((resolve) => setTimeout(resolve, 10));
  await rm(paths.pid, { force: true });
}

/** The server's own settings hold secrets and are none of a job's business. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AMAAS_'));
  const cache = getCompileCacheDir();
  return { ...Object.fromEntries(kept), ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }) };
}
