// Starts llama-server on a port of this machine that only its key opens, and ends it with whoever started it. Knows its
// arguments and its life, not its requests.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AmaasError } from '@amaas/core';
import { ServerConnection } from './server-connection.ts';

export interface ServerStart {
  readonly binary: string;
  readonly modelPath: string;
  readonly adapters: ReadonlyMap<string, string>;
  /** Of one sequence. */
  readonly contextTokens: number;
  readonly parallel: number;
  readonly threads: { readonly generation: number; readonly prompt: number };
  /** What the model is for: llama-server serves one of the three. */
  readonly use: 'write' | 'embed' | 'rank';
}

export interface ServerProcess {
  readonly connection: ServerConnection;
  readonly pid: number;
  /** How it ended, once it has. */
  readonly exited: Promise<string>;
  kill(): Promise<void>;
}

/** It says neither on a port nor in a file when it is ready, so it is asked. */
const ASK_AGAIN_MS = 50;
/** A port that was free a moment ago may be somebody's when llama-server asks for it. */
const MOST_PORTS = 5;
/** Tokens of a step: between two of them those who write go on. */
const STEP_TOKENS = 512;
/** Its threads for HTTP beside those that streams hold. */
const SPARE_HTTP_THREADS = 8;
/** The end of a pipe is the end of who held it, whatever ended that: then the server goes, too. */
const LIFELINE =
  'exec 3<&0; "$@" </dev/null >&2 3<&- & p=$!; echo $p; exec >&-; { cat <&3; kill -9 $p; } >/dev/null 2>&1 & wait $p';

/** @throws ENGINE_MISSING where the binary cannot be started, MODEL_REJECTED with its last words when it ends before it is ready */
export async function startServer(start: ServerStart, choosePort = findPort): Promise<ServerProcess> {
  const known = await readHelp(start.binary);
  for (let tries = 1; ; tries++) {
    const port = await choosePort();
    const started = await startOn(port, start, known);
    if (typeof started !== 'string') return started;
    if (tries < MOST_PORTS && (await isTaken(port))) continue;
    throw new AmaasError('MODEL_REJECTED', `load: llama-server ${started} before it was ready`);
  }
}

/** The server once it is ready, or how it ended before. */
async function startOn(port: number, start: ServerStart, known: ReadonlySet<string>): Promise<ServerProcess | string> {
  const key = crypto.randomUUID();
  const child = spawn('sh', ['-c', LIFELINE, 'sh', start.binary, ...serverArguments(start, port, known)], {
    env: { ...process.env, LLAMA_API_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, by) => resolve(by === null ? `exited with code ${code}` : `was killed by ${by}`));
  });
  const [line] = await Promise.race([once(child.stdout, 'data'), exited.then((how) => [how])]);
  const pid = Number.parseInt(String(line), 10);
  const connection = new ServerConnection(port, key);
  child.stdin.on('error', () => {}); // it is written to by nobody
  let end: string | null = null;
  void exited.then((how) => (end = how));
  while (!(await connection.isReady())) {
    if (end !== null) return end;
    await sleep(ASK_AGAIN_MS);
  }
  return {
    ...{ connection, pid, exited },
    async kill() {
      child.stdin.end();
      await exited;
    },
  };
}

function serverArguments(start: ServerStart, port: number, known: ReadonlySet<string>): readonly string[] {
  const { modelPath, adapters, contextTokens, parallel, threads, use } = start;
  // Builds differ in what they know beside the essential; what is left out here is at worst slower or larger.
  const where = (flag: string, ...values: string[]): readonly string[] => (known.has(flag) ? [flag, ...values] : []);
  const stepTokens = String(use === 'write' ? STEP_TOKENS : contextTokens);
  return [
    ...['--host', '127.0.0.1', '--port', String(port), '--model', modelPath],
    // It stops one token before a sequence is full.
    ...['--ctx-size', String((contextTokens + 1) * parallel), '--parallel', String(parallel)],
    ...['--threads', String(threads.generation), '--threads-batch', String(threads.prompt)],
    ...['--batch-size', stepTokens, '--ubatch-size', stepTokens],
    ...where('--threads-http', String(parallel + SPARE_HTTP_THREADS)),
    ...where('--no-webui'),
    ...where('--no-slots'),
    ...where('--check-tensors'),
    ...where('--offline'),
    ...where('--no-kv-unified'),
    // It would keep 8 GiB of what it computed before, and change the context by what it thinks of the memory.
    ...where('--cache-ram', '0'),
    ...where('--fit', 'off'),
    ...(use === 'write' ? [] : ['--embedding']),
    ...(use === 'rank' ? where('--reranking') : []),
    ...[...adapters.values()].flatMap((path) => ['--lora', path]),
    ...(adapters.size > 0 ? ['--lora-init-without-apply'] : []),
  ];
}

async function readHelp(binary: string): Promise<ReadonlySet<string>> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--help'], { maxBuffer: 1 << 24 });
    return new Set(stdout.match(/--[a-z][a-z-]+/g));
  } catch (cause) {
    throw new AmaasError('ENGINE_MISSING', `load: ${binary} does not answer as llama-server does`, { cause });
  }
}

/** One that was free a moment ago. */
function findPort(): Promise<number> {
  return listenOnce(0);
}

async function isTaken(port: number): Promise<boolean> {
  try {
    await listenOnce(port);
    return false;
  } catch {
    return true;
  }
}

/** @param port - 0: any @returns the port, free again */
async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
