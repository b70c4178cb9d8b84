// Checks of the network: the port a server would take, the server itself, the key.
import { createServer } from 'node:net';
import { type AmaasClient, AmaasError, createClient } from '@amaas/client';
import { type Check, type DoctorTarget, fail, ok, textOf, warn } from './check.ts';

const REPLY_TIMEOUT_MS = 5000;

export async function checkPort({ url, host, port }: DoctorTarget): Promise<Check> {
  const name = 'port';
  const code = await tryListening(host, port);
  if (code === null) return ok(name, `${host}:${port} is free`);
  if (code !== 'EADDRINUSE') {
    return fail(
      name,
      `${host}:${port} cannot be used: ${code}`,
      'Choose another with AMAAS_HOST and AMAAS_PORT (ports below 1024 need rights).',
    );
  }
  const addresses = [`http://127.0.0.1:${port}`, ...(URL.canParse(url) && portOf(new URL(url)) === port ? [url] : [])];
  const answers = await Promise.all(addresses.map((address) => quickClient(address, undefined).isLive()));
  if (answers.includes(true)) return ok(name, `${host}:${port} is in use, by a server of amaas`);
  return fail(
    name,
    `${host}:${port} is in use by another program`,
    'End that program, or choose another port with --port or AMAAS_PORT.',
  );
}

function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

/** null when a server could listen there, else the code of the error. */
function tryListening(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'ERROR'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** The server and, where one answers, the key. */
export async function checkServer({ url, apiKey }: DoctorTarget): Promise<readonly Check[]> {
  let client: AmaasClient;
  try {
    client = quickClient(url, apiKey);
  } catch (thrown) {
    return [fail('server', textOf(thrown), 'Correct --url or AMAAS_URL.')];
  }
  if (!(await client.isLive())) {
    return [
      warn(
        'server',
        `nothing answers at ${url}`,
        'Start one with: amaas serve. Or give the address with --url or AMAAS_URL.',
      ),
    ];
  }
  return [ok('server', `${url} answers`), await checkKey(client, apiKey)];
}

async function checkKey(client: AmaasClient, apiKey: string | undefined): Promise<Check> {
  try {
    const { version, models, ready } = await client.status();
    const state = ready ? 'ready' : 'starting';
    return ok(
      'key',
      `${apiKey === undefined ? 'none needed' : 'accepted'}; amaas ${version} is ${state}: ${models.ready} versions ready, ${models.failed} failed`,
    );
  } catch (thrown) {
    if (apiKey === undefined && thrown instanceof AmaasError && thrown.code === 'UNAUTHENTICATED') {
      return warn('key', 'none given, and the server wants one', 'Give one with --api-key or AMAAS_API_KEY.');
    }
    return fail(
      'key',
      textOf(thrown),
      'Give another with --api-key or AMAAS_API_KEY, or make one with: amaas keys create.',
    );
  }
}

function quickClient(url: string, apiKey: string | undefined): AmaasClient {
  return createClient({ url, apiKey: apiKey ?? '', timeoutMs: REPLY_TIMEOUT_MS, retry: { maxAttempts: 1 } });
}
