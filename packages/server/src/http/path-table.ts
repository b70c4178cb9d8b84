// Matches paths against templates such as `/admin/v1/models/{model}`; for families whose routes are not on the hot path.
import { AmaasError } from '@amaas/core';
import type { RouteDescription } from './family.ts';

export interface PathMatch<Name extends string> {
  readonly name: Name;
  /** Decoded path parameters. */
  readonly parameters: ReadonlyMap<string, string>;
}

export class PathTable<Name extends string> {
  readonly #routes: readonly { readonly name: Name; readonly method: string; readonly segments: readonly string[] }[];

  constructor(routes: Readonly<Record<Name, RouteDescription>>) {
    // Object.entries widens the keys; they are exactly Name.
    this.#routes = (Object.entries(routes) as [Name, RouteDescription][]).map(([name, route]) => ({
      name,
      method: route.method,
      segments: route.path.split('/'),
    }));
  }

  /** @throws ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED, MALFORMED_REQUEST for bad percent-encoding. */
  match(method: string, path: string): PathMatch<Name> {
    const segments = path.split('/');
    const fitting = this.#routes.filter((route) => fits(route.segments, segments));
    if (fitting.length === 0) throw new AmaasError('ROUTE_NOT_FOUND', `there is no route ${path.slice(0, 200)}`);
    const route =
      fitting.find((candidate) => candidate.method === method) ??
      (method === 'HEAD' ? fitting.find((candidate) => candidate.method === 'GET') : undefined);
    if (route === undefined) {
      const allowed = fitting.map((candidate) => candidate.method).join(', ');
      throw new AmaasError('METHOD_NOT_ALLOWED', `${path.slice(0, 200)} takes ${allowed}, got ${method}`);
    }
    const parameters = new Map<string, string>();
    for (const [index, segment] of route.segments.entries()) {
      if (segment.startsWith('{')) parameters.set(segment.slice(1, -1), decode(segments[index] ?? ''));
    }
    return { name: route.name, parameters };
  }
}

/** The methods that routes take on a path: what a 405 has to name. */
export function allowedMethods(routes: readonly RouteDescription[], path: string): readonly string[] {
  const segments = path.split('/');
  return routes.filter((route) => fits(route.path.split('/'), segments)).map((route) => route.method);
}

function fits(template: readonly string[], segments: readonly string[]): boolean {
  return (
    template.length === segments.length &&
    template.every((part, index) => (part.startsWith('{') ? segments[index] !== '' : part === segments[index]))
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new AmaasError('MALFORMED_REQUEST', `the path has a malformed percent-encoding: ${segment.slice(0, 100)}`, {
      cause,
    });
  }
}
