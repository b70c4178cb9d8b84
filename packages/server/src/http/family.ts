// How a family of routes (one protocol) plugs into the handler. Sibling families repeat the same parts: a table that
// describes the routes, a matcher, the routes' work, and one way of saying what went wrong.
import type { AmaasError } from '@amaas/core';
import type { Scope } from '../gateway/index.ts';
import type { Exchange } from './exchange.ts';

/** What a caller must be allowed: nothing, or a scope (for the model the route names, where it names one). */
export type Access = 'public' | Scope;

/** A matched route, ready to run once the caller has been let in. */
export interface MatchedRoute {
  readonly access: Access;
  /** The model the request is about; keys may be limited to some. */
  readonly model?: string;
  run(exchange: Exchange): Promise<void> | void;
}

/** One line of a family's table; for `/openapi.json`, for the docs and for the test that walks all routes. */
export interface RouteDescription {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** `{m}`-style parameters. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly tag: string;
  /** JSON Schema of the request body. */
  readonly requestBody?: object;
  /** What the schema of the body leaves unsaid. */
  readonly bodyDescription?: string;
  /** A JSON body one could send. */
  readonly example?: unknown;
  /** Whether the body may be left out. */
  readonly isBodyOptional?: true;
  /** JSON Schema of the successful reply. */
  readonly reply?: object;
  readonly status?: number;
  /** Media type of the request, where it is not JSON. */
  readonly requestType?: string;
  /** Media type of a body of bytes that may come instead of the JSON one. */
  readonly rawType?: string;
  /** Media type of the successful reply, where it is not JSON. */
  readonly replyType?: string;
  /** What else may be given, besides what stands in the path. */
  readonly parameters?: readonly ParameterDescription[];
}

/** A query parameter or header of a route. */
export interface ParameterDescription {
  readonly name: string;
  readonly in: 'query' | 'header';
  readonly description: string;
  readonly schema: object;
}

export interface RouteFamily {
  readonly name: string;
  readonly routes: readonly RouteDescription[];
  /** JSON Schemas of bodies that get a name in the description, the one of error bodies among them. */
  readonly schemas: Readonly<Record<string, object>>;
  /** Which of the schemas error bodies have. */
  readonly errorSchema: string;
  /** Whether a path belongs here. */
  owns(path: string): boolean;
  /** @throws ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED and whatever a malformed path deserves. */
  match(method: string, path: string): MatchedRoute;
  sendError(exchange: Exchange, error: AmaasError): void;
}
