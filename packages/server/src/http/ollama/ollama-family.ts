// Ollama's API over the language models that are served here. Source: Ollama's API documentation (docs/api.md).
import { AmaasError } from '@amaas/core';
import { encodeOllamaError, ollamaStatus } from '@amaas/protocols/ollama';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { PathTable } from '../path-table.ts';
import { type AnsweringParts, answerChat, answerGenerate } from './answering.ts';
import { answerEmbed, answerEmbeddings } from './embedding.ts';
import { type ListingParts, removeNamed, sendRunning, sendShown, sendTags } from './listing.ts';
import { type PullingParts, pullNamed } from './pulling.ts';
import { OLLAMA_ROUTES, OLLAMA_SCHEMAS, type OllamaRouteName } from './ollama-routes.ts';

export interface OllamaParts extends AnsweringParts, ListingParts, PullingParts {
  readonly server: { readonly version: string };
}

/** Clients ask for features by it: what is served here came with this version of Ollama at the latest. */
const API_VERSION = '0.12.11';

/** Ways of making models that are not taken over, and what there is in their place. */
const NOT_HERE: ReadonlyMap<string, string> = new Map([
  ['/api/create', 'amaas takes GGUF files with a manifest: amaas deploy, or POST /admin/v1/models/{model}/versions'],
  ['/api/copy', 'give the version a label: PUT /admin/v1/models/{model}/labels/{label}'],
  ['/api/push', 'models are not sent anywhere from here'],
  ['/api/blobs', 'files are uploaded to /admin/v1/blobs/{digest}'],
]);

export function createOllamaFamily(parts: OllamaParts): RouteFamily {
  const table = new PathTable<OllamaRouteName>(OLLAMA_ROUTES);
  const actions: Readonly<Record<OllamaRouteName, (exchange: Exchange) => void | Promise<void>>> = {
    chat: (exchange) => answerChat(parts, exchange),
    generate: (exchange) => answerGenerate(parts, exchange),
    embed: (exchange) => answerEmbed(parts, exchange),
    embeddings: (exchange) => answerEmbeddings(parts, exchange),
    tags: (exchange) => sendTags(parts, exchange),
    ps: (exchange) => sendRunning(parts, exchange),
    show: (exchange) => sendShown(parts, exchange),
    version: (exchange) => exchange.sendJson(200, { version: API_VERSION, amaas: parts.server.version }),
    pull: (exchange) => pullNamed(parts, exchange),
    remove: (exchange) => removeNamed(parts, exchange),
  };
  return {
    name: 'ollama',
    routes: Object.values(OLLAMA_ROUTES),
    schemas: OLLAMA_SCHEMAS,
    errorSchema: 'OllamaError',
    owns: (path) => path === '/api' || path.startsWith('/api/'),
    match(method, path): MatchedRoute {
      const instead = insteadOf(path);
      if (instead !== undefined) return { access: 'read', run: () => refuse(path, instead) };
      const { name } = table.match(method, path);
      return { access: OLLAMA_ROUTES[name].access, run: actions[name] };
    },
    sendError(exchange, error) {
      const isNotHere = error.reason === 'UNSUPPORTED_FEATURE' && insteadOf(exchange.path) !== undefined;
      exchange.sendJson(isNotHere ? 501 : ollamaStatus(error), encodeOllamaError(error));
    },
  };
}

function insteadOf(path: string): string | undefined {
  return NOT_HERE.get(path.startsWith('/api/blobs/') ? '/api/blobs' : path);
}

function refuse(path: string, instead: string): never {
  throw new AmaasError('UNSUPPORTED_FEATURE', `${path.slice(0, 60)} is not served here: ${instead}`);
}
