// Starts `amaas serve`, or the baseline, as a child; reads what it takes from /proc, so that nothing is added to it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ADMIN_KEY = 'bench-admin-key-0123456789abcdef';

export interface ChildServer {
  readonly url: URL;
  /** Processor time so far and resident memory, of the process and all its descendants. */
  readonly usage: () => { readonly cpuMs: number; readonly residentBytes: number };
  readonly stop: () => Promise<void>;
}

const LAUNCHER = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'amaas.mjs');

/** Starts amaas as its users do, without bundled models unless told otherwise; resolves when it is ready. */
export function startAmaas(settings: Readonly<Record<string, string>> = {}, dataDir?: string): Promise<ChildServer> {
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'amaas-bench-'));
  const environment = {
    ...process.env,
    AMAAS_DATA_DIR: directory,
    AMAAS_PORT: '0',
    AMAAS_ADMIN_KEY: ADMIN_KEY,
    AMAAS_BUNDLED_MODELS: 'off',
    AMAAS_LOG_LEVEL: 'warn',
    ...settings,
  };
  return startChild([LAUNCHER, 'serve', '--json'], environment, () => {
    if (dataDir === undefined) rmSync(directory, { recursive: true, force: true });
  });
}

/** Starts the bare node:http server that answers `replyBytes` bytes. */
export function startBareHttp(replyBytes: number): Promise<ChildServer> {
  return startChild([join(import.meta.dirname, 'bare-http-main.ts'), String(replyBytes)], process.env, () => {});
}

async function startChild(
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
  onStopped: () => void,
): Promise<ChildServer> {
  const child = spawn(process.execPath, command, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const { value, done } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (done || child.pid === undefined) throw new Error(`${command.join(' ')} ended early`);
  const hello: { readonly url: string } = JSON.parse(value);
  const { pid } = child;
  return {
    url: new URL(hello.url),
    usage: () => usageOfTree(pid),
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          onStopped();
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}

/** Milliseconds of one tick of the kernel's process accounting. */
const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

/** Shared pages count once per process. */
function usageOfTree(pid: number): { readonly cpuMs: number; readonly residentBytes: number } {
  // The command's name, in brackets, may hold spaces; the numbers come after it.
  const numbers = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  let cpuMs = (Number(numbers[11]) + Number(numbers[12])) * TICK_MS;
  let residentBytes = Number(numbers[21]) * PAGE_BYTES;
  for (const text of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')) {
    if (text.trim() === '') continue;
    const child = usageOfTree(Number(text));
    cpuMs += child.cpuMs;
    residentBytes += child.residentBytes;
  }
  return { cpuMs, residentBytes };
}

/** Deploys a single file through the management API. */
export async function deploy(
  server: ChildServer,
  model: string,
  bytes: Uint8Array,
  manifest: object = {},
): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const digest = `sha256:${Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))).toString('hex')}`;
  const put = await fetch(new URL(`/admin/v1/blobs/${digest}`, server.url), {
    method: 'PUT',
    headers,
    body: Uint8Array.from(bytes),
  });
  if (put.status !== 201) throw new Error(`upload of ${model}: ${put.status} ${await put.text()}`);
  const post = await fetch(new URL(`/admin/v1/models/${model}/versions`, server.url), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ files: [{ path: 'model.onnx', digest }], manifest }),
  });
  if (post.status !== 201) throw new Error(`deploy of ${model}: ${post.status} ${await post.text()}`);
}
