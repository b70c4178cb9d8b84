// The OpenAPI description of every route, made from the families' tables and the schemas of the management API.
import type { RouteDescription, RouteFamily } from './family.ts';
import { ErrorBodySchema } from '@amaas/protocols/admin';

/** OpenAPI 3.1, whose schemas are JSON Schema as TypeBox writes it. */
export function describeRoutes(families: readonly RouteFamily[], server: { readonly version: string }): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const family of families) {
    for (const route of family.routes) {
      const operations = paths[route.path] ?? {};
      paths[route.path] = operations;
      operations[route.method.toLowerCase()] = operation(route, family.name);
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'amaas',
      version: server.version,
      description: 'Inference by Open Inference Protocol v2 and TensorFlow Serving REST; management under /admin/v1.',
    },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Authorization: Bearer <key>' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: { Error: ErrorBodySchema },
    },
  };
}

function operation(route: RouteDescription, family: string): object {
  const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const requestType = route.requestType ?? 'application/json';
  const hasBody = route.requestBody !== undefined || route.requestType !== undefined;
  const reply = route.reply === undefined ? {} : { content: { 'application/json': { schema: route.reply } } };
  return {
    summary: route.summary,
    tags: [route.tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody
      ? {
          requestBody: {
            content: { [requestType]: route.requestBody === undefined ? {} : { schema: route.requestBody } },
          },
        }
      : {}),
    security: route.access === 'public' ? [] : [{ bearer: [] }, { apiKey: [] }],
    'x-amaas-access': route.access,
    responses: {
      [String(route.status ?? 200)]: { description: 'Success', ...reply },
      default: {
        description: `Failure, in the error form of ${family}`,
        ...(family === 'admin'
          ? { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
          : {}),
      },
    },
  };
}
