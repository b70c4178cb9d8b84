// Which call a method and path of /v2 ask for. Knows the shape of the paths only: whether a model exists or a caller
// may do this is for others. Case-sensitive; a trailing slash is another path.
// Source: the routing table of triton-inference-server/server `http_server.cc`; /v2/models is KServe's.
import { AmaasError, parseVersion } from '@amaas/core';

/** A call of the protocol. `version` is null where the path names none: whatever the server serves under the bare name. */
export type OipRoute =
  | { readonly kind: 'server-metadata' }
  | { readonly kind: 'server-live' }
  | { readonly kind: 'server-ready' }
  | { readonly kind: 'model-list' }
  | { readonly kind: 'model-metadata'; readonly model: string; readonly version: number | null }
  | { readonly kind: 'model-ready'; readonly model: string; readonly version: number | null }
  | { readonly kind: 'infer'; readonly model: string; readonly version: number | null }
  | { readonly kind: 'generate'; readonly model: string; readonly version: number | null }
  | { readonly kind: 'generate-stream'; readonly model: string; readonly version: number | null }
  | { readonly kind: 'model-config'; readonly model: string; readonly version: number | null }
  /** `model` null: of all models. */
  | { readonly kind: 'statistics'; readonly model: string | null; readonly version: number | null }
  | { readonly kind: 'repository-index' }
  | { readonly kind: 'repository-load'; readonly model: string }
  | { readonly kind: 'repository-unload'; readonly model: string };

/** One line of the route table; `{m}` and `{v}` stand for a model's name and version. */
export interface OipRouteTemplate {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly kind: OipRoute['kind'];
}

/** Every route that is served, for descriptions and for tests that walk them. {@link matchOipRoute} does not read it. */
export const OIP_ROUTES: readonly OipRouteTemplate[] = [
  { method: 'GET', path: '/v2', kind: 'server-metadata' },
  { method: 'GET', path: '/v2/health/live', kind: 'server-live' },
  { method: 'GET', path: '/v2/health/ready', kind: 'server-ready' },
  { method: 'GET', path: '/v2/models', kind: 'model-list' },
  { method: 'GET', path: '/v2/models/stats', kind: 'statistics' },
  { method: 'GET', path: '/v2/models/{m}', kind: 'model-metadata' },
  { method: 'GET', path: '/v2/models/{m}/versions/{v}', kind: 'model-metadata' },
  { method: 'GET', path: '/v2/models/{m}/ready', kind: 'model-ready' },
  { method: 'GET', path: '/v2/models/{m}/versions/{v}/ready', kind: 'model-ready' },
  { method: 'POST', path: '/v2/models/{m}/infer', kind: 'infer' },
  { method: 'POST', path: '/v2/models/{m}/versions/{v}/infer', kind: 'infer' },
  { method: 'POST', path: '/v2/models/{m}/generate', kind: 'generate' },
  { method: 'POST', path: '/v2/models/{m}/versions/{v}/generate', kind: 'generate' },
  { method: 'POST', path: '/v2/models/{m}/generate_stream', kind: 'generate-stream' },
  { method: 'POST', path: '/v2/models/{m}/versions/{v}/generate_stream', kind: 'generate-stream' },
  { method: 'GET', path: '/v2/models/{m}/config', kind: 'model-config' },
  { method: 'GET', path: '/v2/models/{m}/versions/{v}/config', kind: 'model-config' },
  { method: 'GET', path: '/v2/models/{m}/stats', kind: 'statistics' },
  { method: 'GET', path: '/v2/models/{m}/versions/{v}/stats', kind: 'statistics' },
  { method: 'POST', path: '/v2/repository/index', kind: 'repository-index' },
  { method: 'POST', path: '/v2/repository/models/{m}/load', kind: 'repository-load' },
  { method: 'POST', path: '/v2/repository/models/{m}/unload', kind: 'repository-unload' },
];

const MODELS = '/v2/models/';
const REPOSITORY = '/v2/repository/';

/**
 * The call that `method` (upper case) and `path` (without the query) ask for.
 * @throws ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED, INVALID_NAME for a model name with path traversal, VERSION_NOT_FOUND for a
 *   version number no version can have, UNSUPPORTED_FEATURE for Triton's routes that are known but not served.
 */
export function matchOipRoute(method: string, path: string): OipRoute {
  if (path.startsWith(MODELS)) return matchModel(method, path);
  switch (path) {
    case '/v2':
      return onlyGet(method, { kind: 'server-metadata' });
    case '/v2/health/live':
      return onlyGet(method, { kind: 'server-live' });
    case '/v2/health/ready':
      return onlyGet(method, { kind: 'server-ready' });
    case '/v2/models':
      return onlyGet(method, { kind: 'model-list' });
    case '/v2/trace/setting':
      throw unsupported('the trace extension');
    case '/v2/logging':
      throw unsupported('the logging extension');
  }
  if (path.startsWith(REPOSITORY)) return matchRepository(method, path);
  if (isSharedMemoryPath(path, '/v2/systemsharedmemory/')) throw unsupported('the system shared memory extension');
  if (isSharedMemoryPath(path, '/v2/cudasharedmemory/')) throw unsupported('the CUDA shared memory extension');
  throw notFound();
}

function matchModel(method: string, path: string): OipRoute {
  const nameEnd = path.indexOf('/', MODELS.length);
  if (nameEnd === -1) {
    if (path === '/v2/models/stats') return onlyGet(method, { kind: 'statistics', model: null, version: null });
    const model = modelName(path.slice(MODELS.length));
    return onlyGet(method, { kind: 'model-metadata', model, version: null });
  }
  const model = modelName(path.slice(MODELS.length, nameEnd));
  let action = path.slice(nameEnd + 1);
  let version: number | null = null;
  if (action.startsWith('versions/')) {
    const versionEnd = action.indexOf('/', 'versions/'.length);
    const text = versionEnd === -1 ? action.slice('versions/'.length) : action.slice('versions/'.length, versionEnd);
    if (!isDigits(text)) throw notFound();
    version = parseVersion(model, text);
    if (versionEnd === -1) return onlyGet(method, { kind: 'model-metadata', model, version });
    action = action.slice(versionEnd + 1);
  }
  switch (action) {
    case 'infer':
      return onlyPost(method, { kind: 'infer', model, version });
    case 'generate':
      return onlyPost(method, { kind: 'generate', model, version });
    case 'generate_stream':
      return onlyPost(method, { kind: 'generate-stream', model, version });
    case 'ready':
      return onlyGet(method, { kind: 'model-ready', model, version });
    case 'config':
      return onlyGet(method, { kind: 'model-config', model, version });
    case 'stats':
      return onlyGet(method, { kind: 'statistics', model, version });
    case 'trace/setting':
      if (version === null) throw unsupported('the trace extension');
  }
  throw notFound();
}

function matchRepository(method: string, path: string): OipRoute {
  const segments = path.slice(REPOSITORY.length).split('/');
  // Either `index`, `models/{m}/load|unload`, or the same below the name of a repository.
  const [first = '', second = '', third = '', fourth = ''] = segments;
  if (segments.length === 1 && first === 'index') return onlyPost(method, { kind: 'repository-index' });
  if (segments.length === 3 && first === 'models' && second !== '') {
    if (third === 'load') return onlyPost(method, { kind: 'repository-load', model: modelName(second) });
    if (third === 'unload') return onlyPost(method, { kind: 'repository-unload', model: modelName(second) });
  }
  const namesIndex = segments.length === 2 && second === 'index';
  const namesModel =
    segments.length === 4 && second === 'models' && third !== '' && (fourth === 'load' || fourth === 'unload');
  if (first !== '' && (namesIndex || namesModel)) {
    if (method !== 'POST') throw methodNotAllowed();
    throw new AmaasError('UNSUPPORTED_FEATURE', "'repository_name' specification is not supported");
  }
  throw notFound();
}

function isSharedMemoryPath(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const segments = path.slice(prefix.length).split('/');
  const action = segments.at(-1);
  if (action !== 'status' && action !== 'register' && action !== 'unregister') return false;
  return segments.length === 1 || (segments.length === 3 && segments[0] === 'region' && segments[1] !== '');
}

/** Decodes one path segment into a model name. */
function modelName(segment: string): string {
  if (segment === '') throw notFound();
  const name = segment.includes('%') ? percentDecode(segment) : segment;
  if (name === '.' || name.includes('..') || name.includes('/') || name.includes('\\') || name.includes('\0')) {
    throw new AmaasError('INVALID_NAME', 'model name must not contain path traversal characters');
  }
  return name;
}

function percentDecode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AmaasError(
      'INVALID_NAME',
      `model name must be percent-encoded UTF-8, got ${JSON.stringify(segment.slice(0, 140))}`,
    );
  }
}

function isDigits(text: string): boolean {
  if (text === '') return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function onlyGet(method: string, route: OipRoute): OipRoute {
  if (method !== 'GET') throw methodNotAllowed();
  return route;
}

function onlyPost(method: string, route: OipRoute): OipRoute {
  if (method !== 'POST') throw methodNotAllowed();
  return route;
}

function notFound(): AmaasError {
  return new AmaasError('ROUTE_NOT_FOUND', 'Not Found');
}

function methodNotAllowed(): AmaasError {
  return new AmaasError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
}

function unsupported(feature: string): AmaasError {
  return new AmaasError('UNSUPPORTED_FEATURE', `${feature} is not supported by this server`);
}
