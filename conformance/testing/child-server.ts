// Starts and ends servers that run in processes of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ADMIN_KEY, type TestServer } from './running-server.ts';

export interface ChildServer {
  readonly url: string;
  readonly request: TestServer['request'];
  readonly pid: number;
  /** What it has logged. */
  readonly log: () => string;
  /** Ends it as a power cut would. */
  readonly kill: () => Promise<void>;
  /** Ends it as an operator would; gives the exit code. */
  readonly stop: () => Promise<number | null>;
}

export interface ChildOptions {
  readonly dataDir: string;
  readonly flags?: Readonly<Record<string, string>>;
  /** What the process runs, of this folder; default `server-child.ts`. */
  readonly script?: string;
  /** Sees the process at once, before the server is up. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** Starts one and waits until it is ready; null when it ended before. */
export async function startChildServer({
  dataDir,
  flags = {},
  script = 'server-child.ts',
  onSpawn,
}: ChildOptions): Promise<ChildServer | null> {
  const all = { dataDir, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY, ...flags };
  const child = spawn(process.execPath, [join(import.meta.dirname, script), JSON.stringify(all)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onSpawn?.(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  const exited = once(child, 'exit');
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => null)]);
  if (first === null) {
    if (child.signalCode === 'SIGKILL') return null;
    throw new Error(`the server did not start: ${log.slice(-2000)}`);
  }
  const { url } = JSON.parse(String(first[0])) as { readonly url: string };
  return {
    url,
    pid: child.pid ?? 0,
    log: () => log,
    request(path, { key = ADMIN_KEY, headers, ...options } = {}) {
      const merged = new Headers(headers);
      if (key !== null) merged.set('authorization', `Bearer ${key}`);
      return fetch(`${url}${path}`, { ...options, headers: merged });
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
}
