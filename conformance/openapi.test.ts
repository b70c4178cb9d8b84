// `/openapi.json`: well-formed as OpenAPI 3.1 asks, complete, and true: real replies fit the schemas it gives.
// Source: OpenAPI Specification 3.1.0, sections "OpenAPI Object" to "Security Requirement Object".
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TSchema } from '@amaas/protocols/admin';
import { Compile } from 'typebox/compile';
import type { OpenApiContent, OpenApiDescription, OpenApiOperation } from '../packages/server/src/http/openapi.ts';
import { createFamilies, type RoutesParts } from '../packages/server/src/http/routes.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { HALF_PLUS_TWO_MANIFEST, halfPlusModel } from './testing/tfs-models.ts';

let server: TestServer;
let description: OpenApiDescription;

before(async () => {
  server = await startTestServer();
  await server.deploy('half', halfPlusModel(2), HALF_PLUS_TWO_MANIFEST);
  await server.request('/admin/v1/models/half/labels/stable', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"version":1}',
  });
  const reply = await server.request('/openapi.json');
  assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'application/json']);
  description = (await reply.json()) as OpenApiDescription; // what the tests below establish
});

after(() => server.stop());

interface Located {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenApiOperation;
}

function operations(): readonly Located[] {
  return Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Every object inside `value`, itself included. */
function* objectsIn(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Readonly<Record<string, unknown>>; // an object from JSON
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

/** What a reference stands for; fails when there is nothing. */
function resolve(reference: string): unknown {
  assert.match(reference, /^#\//);
  let found: unknown = description;
  for (const step of reference.slice(2).split('/')) {
    assert.ok(typeof found === 'object' && found !== null && Object.hasOwn(found, step), `${reference} leads nowhere`);
    found = (found as Readonly<Record<string, unknown>>)[step]; // just checked
  }
  return found;
}

/** The schema with everything it refers to in place, which TypeBox can check by. */
function inlined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inlined);
  const reference: unknown = (value as { readonly $ref?: unknown }).$ref; // undefined where there is none
  if (typeof reference === 'string') return inlined(resolve(reference));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inlined(inner)]));
}

test('the root has what OpenAPI 3.1 requires', () => {
  assert.equal(description.openapi, '3.1.0');
  assert.deepEqual(Object.keys(description), ['openapi', 'info', 'tags', 'paths', 'components']);
  assert.equal(description.info.title, 'amaas');
  assert.match(description.info.version, /^\d+\.\d+\.\d+/);
  const names = description.tags.map((tag) => tag.name);
  assert.equal(new Set(names).size, names.length);
  for (const tag of description.tags) assert.match(tag.description, /\.$/, tag.name);
});

test('it describes every route of every family, and nothing else', () => {
  const parts = { limits: { maxRequestBytes: 1, maxModelBytes: 1 } } as RoutesParts; // describing needs no more
  const routes = createFamilies(parts).flatMap((family) => family.routes);
  const expected = routes.map(({ method, path }) => `${method} ${path}`).sort();
  assert.equal(new Set(expected).size, expected.length, 'one operation per path and method');
  assert.deepEqual(
    operations()
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      .sort(),
    expected,
  );
  assert.ok(expected.length > 50);
});

test('no two path templates stand for the same paths', () => {
  const templates = Object.keys(description.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'));
  assert.equal(new Set(templates).size, templates.length);
  for (const path of Object.keys(description.paths)) assert.match(path, /^\/([A-Za-z0-9._:/-]|\{\w+\})*$/);
});

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

test('operations have the fields they need, under ids of their own', () => {
  const ids = new Set<string>();
  const tags = new Set(description.tags.map((tag) => tag.name));
  for (const { method, path, operation } of operations()) {
    const where = `${method} ${path}`;
    assert.ok(METHODS.includes(method), where);
    assert.match(operation.operationId, /^[a-z][A-Za-z0-9]+$/, where);
    assert.ok(!ids.has(operation.operationId), `${operation.operationId} is used twice`);
    ids.add(operation.operationId);
    assert.ok(operation.summary.length > 3 && operation.tags.length === 1, where);
    for (const tag of operation.tags) assert.ok(tags.has(tag), `${where}: tag ${tag} is not declared`);
    for (const requirement of operation.security) {
      for (const [scheme, scopes] of Object.entries(requirement)) {
        assert.ok(Object.hasOwn(description.components.securitySchemes, scheme), `${where}: ${scheme}`);
        assert.deepEqual(scopes, []);
      }
    }
    assert.equal(operation.security.length === 0, operation['x-amaas-access'] === 'public', where);
  }
});

test('parameters of the path are declared, required, and once', () => {
  for (const { method, path, operation } of operations()) {
    const where = `${method} ${path}`;
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters = operation.parameters ?? [];
    const declared = parameters.filter((parameter) => parameter.in === 'path');
    assert.deepEqual(
      declared.map(({ name }) => name),
      inPath,
      where,
    );
    const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    assert.equal(new Set(names).size, names.length, where);
    for (const parameter of parameters) {
      assert.equal(parameter.required, parameter.in === 'path', where);
      assert.match(parameter.description, /\.$/, where);
      assert.ok(['path', 'query', 'header', 'cookie'].includes(parameter.in), where);
      assert.equal(typeof parameter.schema, 'object', where);
    }
  }
});

function assertContent(content: OpenApiContent, where: string): void {
  const types = Object.keys(content);
  assert.ok(types.length > 0, where);
  for (const type of types) assert.match(type, /^[a-z]+\/[a-z0-9.+-]+$/, where);
  if (types.includes('application/json')) assert.ok(content['application/json']?.schema !== undefined, where);
}

test('bodies and replies have media types, and JSON ones a schema', () => {
  for (const { method, path, operation } of operations()) {
    const where = `${method} ${path}`;
    const { requestBody, responses } = operation;
    if (requestBody !== undefined) {
      assert.ok(['post', 'put', 'patch'].includes(method), `${where}: a body has no meaning there`);
      assertContent(requestBody.content, where);
    }
    const statuses = Object.keys(responses);
    assert.ok(
      statuses.some((status) => /^[23]\d\d$/.test(status)),
      `${where}: no success`,
    );
    assert.ok(statuses.includes('default'), `${where}: no failure`);
    for (const [status, response] of Object.entries(responses)) {
      assert.match(status, /^([1-5]\d\d|[1-5]XX|default)$/, where);
      assert.ok(response.description !== '', where);
      if (response.content !== undefined) assertContent(response.content, where);
      if (status === '204' || method === 'head')
        assert.equal(response.content === undefined || status === 'default', true, where);
    }
  }
});

test('every reference leads somewhere, and every named schema is used', () => {
  const used = new Set<string>();
  for (const object of objectsIn(description)) {
    const reference = object['$ref'];
    if (reference === undefined) continue;
    assert.ok(typeof reference === 'string');
    assert.equal(typeof resolve(reference), 'object');
    assert.deepEqual(Object.keys(object), ['$ref'], 'a reference stands alone');
    used.add(reference);
  }
  for (const name of Object.keys(description.components.schemas)) {
    assert.match(name, /^[A-Za-z0-9._-]+$/);
    assert.ok(used.has(`#/components/schemas/${name}`), `${name} is used nowhere`);
  }
});

const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];

test('schemas are JSON Schema as validators take it', () => {
  for (const object of objectsIn(description.components.schemas)) {
    if (typeof object['type'] === 'string') assert.ok(TYPES.includes(object['type']), object['type']);
    if (!Array.isArray(object['required'])) continue;
    const properties = object['properties'];
    assert.ok(typeof properties === 'object' && properties !== null);
    for (const name of object['required'])
      assert.ok(Object.hasOwn(properties, name), `${name} is required but not described`);
  }
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    assert.ok(!Compile(inlined(schema) as TSchema).Check(Symbol('nothing fits')), name); // that it compiles is what counts
  }
});

test('examples are bodies as their schemas want them', () => {
  let examples = 0;
  for (const { method, path, operation } of operations()) {
    for (const { schema, example } of Object.values(operation.requestBody?.content ?? {})) {
      if (schema === undefined || example === undefined) continue;
      assert.ok(Compile(inlined(schema) as TSchema).Check(example), `${method} ${path}`); // compiled above
      examples++;
    }
  }
  assert.ok(examples >= 10);
});

/** Makes a described call and checks that the reply is as described. */
async function assertAsDescribed(
  method: string,
  template: string,
  options: {
    readonly body?: string | Uint8Array<ArrayBuffer>;
    readonly type?: string;
    readonly names?: Readonly<Record<string, string>>;
  } = {},
): Promise<void> {
  const where = `${method} ${template}`;
  const operation = description.paths[template]?.[method.toLowerCase()];
  assert.ok(operation !== undefined, where);
  const names: Readonly<Record<string, string>> = { model: 'half', version: '1', label: 'stable', ...options.names };
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? '');
  const reply = await server.request(path, {
    method,
    redirect: 'manual',
    ...(options.body === undefined
      ? {}
      : { body: options.body, headers: { 'content-type': options.type ?? 'application/json' } }),
  });
  const text = await reply.text();
  const described =
    operation.responses[String(reply.status)] ?? (reply.status >= 400 ? operation.responses['default'] : undefined);
  assert.ok(described !== undefined, `${where} answered ${reply.status}: ${text}`);
  if (described.content === undefined || method === 'HEAD') {
    assert.equal(text, '', where);
    return;
  }
  const type = reply.headers.get('content-type')?.split(';')[0] ?? '';
  const media = described.content[type];
  assert.ok(media !== undefined, `${where} answered ${type}`);
  if (media.schema === undefined) return;
  const validator = Compile(inlined(media.schema) as TSchema); // compiled above
  const value: unknown = JSON.parse(text);
  assert.ok(
    validator.Check(value),
    `${where}: ${JSON.stringify(validator.Errors(value).slice(0, 3))} in ${text.slice(0, 500)}`,
  );
}

const INFER = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[2]}]}';
const PREDICT = '{"instances":[2]}';
const CLASSIFY = '{"signature_name":"classify_x_to_y","examples":[{"x":2}]}';
const REGRESS = '{"signature_name":"regress_x_to_y","examples":[{"x":2}]}';

test('what is read is as described, for what is there and for what is not', async () => {
  const reads = operations().filter(({ method }) => method === 'get' || method === 'head');
  assert.ok(reads.length > 25);
  for (const { method, path } of reads) {
    const names = { digest: `sha256:${'0'.repeat(64)}` };
    await assertAsDescribed(method.toUpperCase(), path, { names });
    if (path.includes('{model}')) await assertAsDescribed(method.toUpperCase(), path, { names: { model: 'absent' } });
  }
});

test('what is run is as described, and so are its refusals', async () => {
  for (const target of ['', '/versions/{version}', '/labels/{label}']) {
    const model = `/v1/models/{model}${target}`;
    for (const [action, body] of [
      ['predict', PREDICT],
      ['predict', '{"inputs":[2]}'],
      ['classify', CLASSIFY],
      ['regress', REGRESS],
    ]) {
      await assertAsDescribed('POST', `${model}:${action}`, { body: body ?? '' });
      await assertAsDescribed('POST', `${model}:${action}`, { body: '{}' });
    }
  }
  for (const target of ['', '/versions/{version}']) {
    await assertAsDescribed('POST', `/v2/models/{model}${target}/infer`, { body: INFER });
    await assertAsDescribed('POST', `/v2/models/{model}${target}/infer`, { body: '{}' });
  }
  await assertAsDescribed('GET', '/v2/models/stats');
  await assertAsDescribed('GET', '/v2/models/{model}/stats');
});

test('what changes things is as described', async () => {
  const json = (value: object) => ({ body: JSON.stringify(value) });
  await assertAsDescribed('POST', '/v2/repository/index');
  await assertAsDescribed('POST', '/v2/repository/index', json({ ready: true }));
  await assertAsDescribed('POST', '/v2/repository/models/{model}/unload');
  await assertAsDescribed('POST', '/v2/repository/models/{model}/load');
  const octets = { body: halfPlusModel(3), type: 'application/octet-stream' };
  await assertAsDescribed('POST', '/admin/v1/models/{model}/versions', octets);
  await assertAsDescribed('POST', '/admin/v1/models/{model}/versions', json({}));
  await assertAsDescribed('PATCH', '/admin/v1/models/{model}', json({ policy: { kind: 'all' } }));
  await assertAsDescribed('POST', '/admin/v1/models/{model}/unload');
  await assertAsDescribed('POST', '/admin/v1/models/{model}/load');
  await assertAsDescribed('PUT', '/admin/v1/models/{model}/labels/{label}', json({ version: 1 }));
  await assertAsDescribed('DELETE', '/admin/v1/models/{model}/labels/{label}');
  await assertAsDescribed('DELETE', '/admin/v1/models/{model}/versions/{version}', { names: { version: '2' } });
  const digest = `sha256:${'0'.repeat(64)}`;
  await assertAsDescribed('PUT', '/admin/v1/blobs/{digest}', { ...octets, names: { digest } });
  await assertAsDescribed('POST', '/admin/v1/keys', json({ name: 'reader', scopes: ['infer'] }));
  await assertAsDescribed('DELETE', '/admin/v1/keys/{key}', { names: { key: 'reader' } });
  await assertAsDescribed('DELETE', '/admin/v1/keys/{key}', { names: { key: 'nobody' } });
  await assertAsDescribed('DELETE', '/admin/v1/models/{model}');
});
