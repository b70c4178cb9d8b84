// Serves this checkout's TypeScript to a browser, types stripped and nothing bundled, as a page on another origin would
// have the SDK. Knows which packages it may show and nothing else of the checkout.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

export interface SourceServer {
  readonly origin: string;
  readonly close: () => Promise<void>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const SHOWN = /^\/(packages\/(core|client|protocols)\/src|conformance\/testing)\/[a-z0-9/-]+\.ts$/;

/** What the package.json files' `exports` say, for browsers. */
const IMPORTS = {
  '@amaas/core': '/packages/core/src/index.ts',
  '@amaas/client': '/packages/client/src/index.ts',
  '@amaas/protocols/oip': '/packages/protocols/src/oip/index.ts',
};

/** A page at `/` that runs `module`, the code of a module script. */
export async function startSourceServer(module: string): Promise<SourceServer> {
  const page = `<!doctype html><meta charset="utf-8"><title>SDK</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script><script type="module">${module}</script>`;
  const server = createServer((request, response) => {
    void serve(request, response, page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // an address with a port: it listens on TCP
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, page: string): Promise<void> {
  const path = normalize(request.url ?? '/');
  if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    return;
  }
  if (!SHOWN.test(path)) {
    response.writeHead(404).end();
    return;
  }
  const source = await readFile(join(ROOT, path), 'utf8').catch(() => null);
  if (source === null) response.writeHead(404).end();
  else response.writeHead(200, { 'content-type': 'text/javascript' }).end(stripTypeScriptTypes(source));
}
