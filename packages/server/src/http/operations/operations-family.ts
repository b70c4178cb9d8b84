// What operators and browsers ask for: liveness, readiness, metrics, the API description and its page.
import type { AmaasError } from '@amaas/core';
import { encodeAdminError, ErrorBodySchema } from '@amaas/protocols/admin';
import type { DataPlane } from '../../dataplane/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteDescription, RouteFamily } from '../family.ts';
import type { OpenApiDescription } from '../openapi.ts';
import { PathTable } from '../path-table.ts';
import { docsPage } from './docs-page.ts';

export interface OperationsParts {
  readonly dataPlane: DataPlane;
  readonly renderMetrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** The OpenAPI description of all routes; built once, when first asked for. */
  readonly openApi: () => OpenApiDescription;
}

const TAG = 'Operations';
const TEXT = 'text/plain';

const ROUTES = {
  live: {
    method: 'GET',
    path: '/healthz',
    access: 'public',
    summary: 'Liveness: the process answers',
    tag: TAG,
    replyType: TEXT,
  },
  ready: {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    summary: 'Readiness: 503 until the models known at start are dealt with',
    tag: TAG,
    replyType: TEXT,
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    access: 'read',
    summary: 'Prometheus metrics',
    tag: TAG,
    replyType: TEXT,
  },
  openApi: {
    method: 'GET',
    path: '/openapi.json',
    access: 'read',
    summary: 'This description',
    tag: TAG,
    reply: { type: 'object' },
  },
  docs: {
    method: 'GET',
    path: '/docs',
    access: 'read',
    summary: 'API reference as a page',
    tag: TAG,
    replyType: 'text/html',
  },
  home: { method: 'GET', path: '/', access: 'read', summary: 'Leads to the API reference', tag: TAG, status: 302 },
} as const satisfies Record<string, RouteDescription>;

type Name = keyof typeof ROUTES;

/** The family that owns whatever no other does; so it also says 404. */
export function createOperationsFamily(parts: OperationsParts): RouteFamily {
  const table = new PathTable<Name>(ROUTES);
  const actions: Readonly<Record<Name, (exchange: Exchange) => void | Promise<void>>> = {
    live: (exchange) => exchange.sendText(200, 'text/plain; charset=utf-8', 'ok\n'),
    ready: (exchange) =>
      parts.dataPlane.isReady
        ? exchange.sendText(200, 'text/plain; charset=utf-8', 'ready\n')
        : exchange.sendText(503, 'text/plain; charset=utf-8', 'loading models\n'),
    metrics: async (exchange) => {
      const { contentType, text } = await parts.renderMetrics();
      exchange.sendText(200, contentType, text);
    },
    openApi: (exchange) => exchange.sendJson(200, parts.openApi()),
    docs: (exchange) => {
      exchange.response.setHeader(
        'content-security-policy',
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
      );
      exchange.sendText(200, 'text/html; charset=utf-8', docsPage(parts.openApi()));
    },
    home: (exchange) => {
      exchange.response.setHeader('location', '/docs');
      exchange.sendEmpty(302);
    },
  };
  return {
    name: 'operations',
    routes: Object.values(ROUTES),
    schemas: { Error: ErrorBodySchema },
    errorSchema: 'Error',
    owns: () => true,
    match(method, path): MatchedRoute {
      const { name } = table.match(method, path);
      return { access: ROUTES[name].access, run: actions[name] };
    },
    sendError(exchange, error: AmaasError) {
      const { status, body } = encodeAdminError(error, exchange.requestId);
      exchange.sendJson(status, body);
    },
  };
}
