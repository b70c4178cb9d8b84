// Serves this checkout's TypeScript to a browser, types stripped and nothing bundled, as a page on another origin would
// have the SDK or the trainer. Knows which packages it may show and nothing else of the checkout.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

export interface SourceServer {
  readonly origin: string;
  readonly close: () => Promise<void>;
}

export interface SourceServerOptions {
  /** Whether the page is cross-origin isolated and so may have threads in WebAssembly; default: no, as most pages are. */
  readonly isolated?: boolean;
  /** Further folders to show: path on the server (`/tfjs/`) → folder on disk. */
  readonly folders?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const SHOWN = [
  /^\/packages\/(core|client|protocols|learn|engines\/ort-web)\/src\/[a-z0-9/.-]+\.ts$/,
  /^\/(conformance\/testing|bench\/harness|bench\/training)\/[a-z0-9.-]+\.m?[jt]s$/,
];

/** Packages that run in browsers, by their folder. */
const PACKAGES = ['core', 'client', 'protocols', 'learn', 'engines/ort-web'];
const ORT_WEB = '/node_modules/onnxruntime-web/dist/';

/** Name of a module → path on this server, as the package.json files' `exports` say. */
const IMPORTS: Readonly<Record<string, string>> = {
  'onnxruntime-web/wasm': `${ORT_WEB}ort.wasm.bundle.min.mjs`,
  ...Object.assign({}, ...PACKAGES.map(exportsOf)),
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

function exportsOf(folder: string): Readonly<Record<string, string>> {
  const text = readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8');
  const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, string> }; // ours have both
  return Object.fromEntries(
    Object.entries(exports).map(([subpath, file]) => [join(name, subpath), join('/packages', folder, file)]),
  );
}

/** A page at `/` that runs `module`, the code of a module script, and then sets `moduleHasRun`. */
export async function startSourceServer(module: string, options: SourceServerOptions = {}): Promise<SourceServer> {
  const page = `<!doctype html><meta charset="utf-8"><title>amaas</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">${module}\n;globalThis.moduleHasRun = true;</script>`;
  const folders = Object.entries({ [ORT_WEB]: join(ROOT, ORT_WEB), ...options.folders });
  const server = createServer((request, response) => {
    if (options.isolated) {
      response.setHeader('cross-origin-opener-policy', 'same-origin');
      response.setHeader('cross-origin-embedder-policy', 'require-corp');
    }
    void serve(request, response, { page, folders });
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

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { page, folders }: { page: string; folders: readonly (readonly [string, string])[] },
): Promise<void> {
  const path = normalize(request.url ?? '/');
  if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    return;
  }
  const folder = folders.find(([prefix]) => path.startsWith(prefix));
  const file =
    folder !== undefined
      ? join(folder[1], path.slice(folder[0].length))
      : SHOWN.some((shown) => shown.test(path))
        ? join(ROOT, path)
        : null;
  const content = file === null ? null : await readFile(file).catch(() => null);
  if (content === null || file === null) {
    response.writeHead(404).end();
  } else if (extname(file) === '.ts') {
    const code = withPaths(stripTypeScriptTypes(content.toString()));
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
  } else {
    response
      .writeHead(200, { 'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream' })
      .end(content);
  }
}

/** Imports by path instead of by name: a page's import map does not reach its workers. */
function withPaths(code: string): string {
  return code.replace(/(\bfrom\s*|\bimport\s*\(?\s*)'([^'.][^']*)'/g, (whole, before: string, name: string) => {
    const path = IMPORTS[name];
    return path === undefined ? whole : `${before}'${path}'`;
  });
}
