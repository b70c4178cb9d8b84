// A real server for a test: its own data directory, a free port, gone afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, type StartOptions, startServer } from '@amaas/server';

/** A key long enough for the server, the same in every test so that it can be read in a dump. */
export const ADMIN_KEY = 'test-admin-key-0123456789abcdef';

export interface TestServer {
  readonly url: string;
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly server: RunningServer;
  /** Log lines so far, as one text. */
  readonly log: () => string;
  /** `fetch` with the admin key and the server's address in front of the path. */
  readonly request: (path: string, options?: RequestInit & { readonly key?: string | null }) => Promise<Response>;
  /** Deploys a model file; fails the test when the server refuses. */
  readonly deploy: (model: string, bytes: Uint8Array, manifest?: object) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** Starts a server without bundled models unless asked; the caller stops it. */
export async function startTestServer(
  flags: Readonly<Record<string, string>> = {},
  more: Partial<StartOptions> = {},
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-test-'));
  const lines: string[] = [];
  const starting = startServer({
    flags: { dataDir, port: '0', bundledModels: 'off', adminKey: ADMIN_KEY, logLevel: 'debug', ...flags },
    environment: {},
    cwd: dataDir,
    logDestination: { write: (line: string) => lines.push(line) },
    ...more,
  });
  starting.catch(() => rm(dataDir, { recursive: true, force: true })); // a start that is meant to fail leaves nothing
  const server = await starting;
  await server.ready;

  const request: TestServer['request'] = (path, { key = ADMIN_KEY, headers, ...options } = {}) => {
    const merged = new Headers(headers);
    if (key !== null && !merged.has('authorization')) merged.set('authorization', `Bearer ${key}`);
    return fetch(`${server.url}${path}`, { ...options, headers: merged });
  };
  const deploy: TestServer['deploy'] = async (model, bytes, manifest) => {
    const digest = await upload(request, bytes);
    const response = await request(`/admin/v1/models/${model}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        files: [{ path: 'model.onnx', digest }],
        ...(manifest === undefined ? {} : { manifest }),
      }),
    });
    const body: unknown = await response.json();
    if (response.status !== 201) throw new Error(`deploy ${model}: ${response.status} ${JSON.stringify(body)}`);
    // The admin API's VersionDetail has a numeric version.
    return (body as { readonly version: number }).version;
  };
  return {
    url: server.url,
    dataDir,
    modelsDir: server.config.modelsDir,
    server,
    log: () => lines.join(''),
    request,
    deploy,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function upload(request: TestServer['request'], bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));
  const digest = `sha256:${Buffer.from(hash).toString('hex')}`;
  const response = await request(`/admin/v1/blobs/${digest}`, { method: 'PUT', body: Uint8Array.from(bytes) });
  if (response.status !== 201) throw new Error(`upload: ${response.status} ${await response.text()}`);
  return digest;
}
