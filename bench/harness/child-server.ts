// Starts a server or a baseline as a child and talks to it line by line.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ADMIN_KEY = 'bench-admin-key-0123456789abcdef';

export interface ChildServer {
  readonly url: URL;
  /** What it said when it was up. */
  readonly hello: Readonly<Record<string, unknown>>;
  readonly usage: () => Promise<{ readonly cpuMs: number; readonly residentBytes: number }>;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** Starts amaas with a data directory of its own. */
export function startAmaas(flags: Readonly<Record<string, string>> = {}, dataDir?: string): Promise<ChildServer> {
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'amaas-bench-'));
  const all = { dataDir: directory, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY, logLevel: 'warn', ...flags };
  return startChild('server-main.ts', [JSON.stringify(all)], () => {
    if (dataDir === undefined) rmSync(directory, { recursive: true, force: true });
  });
}

/** Starts the bare node:http server that answers `replyBytes` bytes. */
export function startBareHttp(replyBytes: number): Promise<ChildServer> {
  return startChild('bare-http-main.ts', [String(replyBytes)], () => {});
}

async function startChild(script: string, args: readonly string[], onStopped: () => void): Promise<ChildServer> {
  const child = spawn(process.execPath, ['--max-semi-space-size=4', join(import.meta.dirname, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended early`);
    return JSON.parse(value);
  };
  const hello = await read();
  return {
    url: new URL(String(hello['url'])),
    hello,
    pid: child.pid ?? 0,
    async usage() {
      child.stdin.write('\n');
      const { cpuMs, residentBytes } = await read();
      return { cpuMs: Number(cpuMs), residentBytes: Number(residentBytes) };
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          onStopped();
          resolve();
        });
        child.stdin.end();
      }),
  };
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
