// Who may do what: the whole route table is walked, and nothing answers that should not. Also keys over their life, CORS,
// running without authentication, TLS, and that keys leave no trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RouteDescription } from '../packages/server/src/http/family.ts';
import { createFamilies, type RoutesParts } from '../packages/server/src/http/routes.ts';
import { biasModel } from './testing/models.ts';
import { type RawReply, sendBytes, sendRequest } from './testing/raw-http.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;
/** Every key that was ever sent or received here; none may be found in the log or on disk. */
const secrets = new Set([ADMIN_KEY]);

before(async () => {
  server = await startTestServer({ corsOrigins: 'https://app.example.com,http://localhost:3000' });
  for (const name of ['bias', 'team-a-one', 'team-b-one']) await server.deploy(name, biasModel(1));
});

after(async () => {
  await server.stop();
  for (const secret of secrets) assert.ok(!server.log().includes(secret), 'a key is in the log');
});

interface Credentials {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function call(
  method: string,
  path: string,
  { key, headers = {} }: Credentials = {},
  body?: object,
): Promise<RawReply> {
  if (key !== undefined) secrets.add(key);
  return sendRequest(server.url, {
    method,
    path,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function createKey(name: string, request: object): Promise<string> {
  const reply = await call('POST', '/admin/v1/keys', { key: ADMIN_KEY }, { name, ...request });
  assert.equal(reply.status, 201, reply.text);
  const { key } = JSON.parse(reply.text) as { readonly key: string }; // just created
  secrets.add(key);
  return key;
}

/** The routes as the server has them: describing them needs none of the parts that serve them. */
function allRoutes(): readonly RouteDescription[] {
  const parts = { limits: { maxRequestBytes: 1, maxModelBytes: 1 } } as RoutesParts;
  return createFamilies(parts).flatMap((family) => family.routes);
}

/** A path of the route; names are those of a model that is there, so that only the key can be the reason of a refusal. */
function pathOf(route: RouteDescription, model = 'bias'): string {
  return route.path
    .replace(/\{(m|model)\}/, model)
    .replace(/\{(v|version)\}/, '1')
    .replace('{label}', 'stable')
    .replace('{digest}', `sha256:${'0'.repeat(64)}`)
    .replace('{dataset}', 'none')
    .replace('{run}', 'run_0000')
    .replace('{job}', 'job_0000')
    .replace('{key}', 'nobody');
}

const PUBLIC = ['GET /v2/health/live', 'GET /v2/health/ready', 'GET /healthz', 'GET /readyz'];

test('the route table declares exactly the health routes public', () => {
  const declared = allRoutes().filter(({ access }) => access === 'public');
  assert.deepEqual(declared.map(({ method, path }) => `${method} ${path}`).sort(), [...PUBLIC].sort());
  assert.ok(allRoutes().length > 50, 'the walk must see the routes');
});

test('the route table asks as much of a key as the route can do', () => {
  for (const { method, path, access } of allRoutes()) {
    const what = `${method} ${path}`;
    if (path.startsWith('/admin/v1/keys')) assert.equal(access, 'admin', what);
    else if (/^\/v1\/messages|^\/v2\/.*\/generate(_stream)?$/.test(path)) assert.equal(access, 'infer', what);
    else if (/^\/api\/(chat|generate|embed|embeddings)$/.test(path)) assert.equal(access, 'infer', what);
    // Any key has files of its own; running requests takes one that may run models.
    else if (/^\/v1\/files/.test(path)) assert.equal(access, 'read', what);
    else if (/^\/v1\/(batches|moderations|rerank|responses|chat|completions|embeddings)/.test(path))
      assert.equal(access, 'infer', what);
    else if (/^\/v1\/fine_tuning/.test(path)) assert.equal(access, 'deploy', what);
    else if (path === '/api/show') assert.equal(access, 'read', what);
    // Data and reports are none of the business of keys that only call models.
    else if (/^\/admin\/v1\/(datasets|runs|jobs)/.test(path)) assert.equal(access, 'deploy', what);
    else if (/(\/infer|:predict|:classify|:regress)$/.test(path)) assert.equal(access, 'infer', what);
    else if (method === 'GET' || path === '/v2/repository/index') assert.ok(['read', 'public'].includes(access), what);
    else assert.equal(access, 'deploy', `${what} changes something`);
  }
});

test('/openapi.json describes every route of the table with its access', async () => {
  const reply = await call('GET', '/openapi.json', { key: ADMIN_KEY });
  const { paths } = JSON.parse(reply.text) as {
    readonly paths: Readonly<
      Record<
        string,
        Readonly<Record<string, { readonly 'x-amaas-access': string; readonly security: readonly object[] }>>
      >
    >;
  };
  for (const { method, path, access } of allRoutes()) {
    const operation = paths[path]?.[method.toLowerCase()];
    assert.equal(operation?.['x-amaas-access'], access, `${method} ${path}`);
    assert.equal(operation.security.length === 0, access === 'public', `${method} ${path}`);
  }
});

test('only the health routes answer without a key', async () => {
  for (const route of allRoutes()) {
    const what = `${route.method} ${route.path}`;
    const { status, headers, text } = await call(
      route.method,
      pathOf(route),
      {},
      route.method === 'GET' ? undefined : {},
    );
    if (PUBLIC.includes(what)) {
      assert.equal(status, 200, what);
    } else {
      assert.equal(status, 401, `${what}: ${text}`);
      assert.match(headers.get('www-authenticate') ?? '', /^Bearer/, what);
      assert.doesNotMatch(text, /bias|version|digest/, `${what} tells a stranger too much`);
    }
  }
});

test('what is no route is not told to strangers either', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    for (const path of [
      '/',
      '/nothing',
      '/v2/models/nope',
      '/v1/models/nope',
      '/admin',
      '/admin/v1/nothing',
      '/metrics/x',
      '/v2/health',
      '/v2/health/live/x',
      '/healthz/',
      '/HEALTHZ',
      '//healthz',
      '/healthz/../metrics',
      '/v2/health/live/../../models',
      '*',
    ]) {
      const { status } = await call(method, path);
      assert.ok(status === 401 || (status === 400 && path === '*'), `${method} ${path}: ${status}`);
    }
  }
  for (const path of ['/healthz', '/readyz', '/v2/health/live']) {
    for (const method of ['POST', 'PUT', 'DELETE'])
      assert.equal((await call(method, path)).status, 401, `${method} ${path}`);
  }
});

test('keys that are none are refused on every route', async () => {
  const wrong: readonly Credentials[] = [
    { key: `${ADMIN_KEY}x` },
    { key: ADMIN_KEY.slice(0, -1) },
    { key: ADMIN_KEY.toUpperCase() },
    { key: `amaas_${'A'.repeat(40)}` },
    { headers: { 'x-api-key': 'nothing-anybody-has-ever-given' } },
    { headers: { authorization: `Basic ${Buffer.from(`user:${ADMIN_KEY}x`).toString('base64')}` } },
    { headers: { authorization: ADMIN_KEY } },
    { headers: { authorization: `Token ${ADMIN_KEY}` } },
    { headers: { authorization: 'Bearer' } },
    { headers: { authorization: 'Bearer ' } },
    { headers: { authorization: `Bearer ${'k'.repeat(10_000)}` } },
    { headers: { cookie: `key=${ADMIN_KEY}` } },
  ];
  for (const credentials of wrong) {
    const routes = credentials === wrong[0] ? allRoutes() : [{ method: 'GET', path: '/v2' } as RouteDescription];
    for (const route of routes.filter(({ method, path }) => !PUBLIC.includes(`${method} ${path}`))) {
      assert.equal(
        (await call(route.method, pathOf(route), credentials)).status,
        401,
        `${route.path} ${JSON.stringify(credentials)}`,
      );
    }
  }
  assert.equal(
    (await call('GET', `/v2?key=${ADMIN_KEY}&api_key=${ADMIN_KEY}`)).status,
    401,
    'keys do not travel in URLs',
  );
});

test('a key of too little scope is refused on every route that needs more', async () => {
  const keys = {
    infer: await createKey('only-infer', { scopes: ['infer'] }),
    deploy: await createKey('only-deploy', { scopes: ['deploy'] }),
  };
  let refused = 0;
  for (const [scope, key] of Object.entries(keys)) {
    for (const route of allRoutes()) {
      const what = `${scope} on ${route.method} ${route.path}`;
      if (route.access === 'public' || route.access === 'read' || route.access === scope) continue;
      const { status, text } = await call(route.method, pathOf(route), { key }, {});
      assert.equal(status, 403, `${what}: ${text}`);
      if (route.method !== 'HEAD') assert.match(text, new RegExp(`key \\\\?"only-${scope}\\\\?" may not`), what);
      refused++;
    }
  }
  assert.ok(refused > 20, 'the walk must have met the routes');
  // Nothing was done by any of that.
  for (const name of ['bias', 'team-a-one'])
    assert.equal((await call('GET', `/v2/models/${name}/ready`, { key: ADMIN_KEY })).status, 200);
});

test('a key for some models is refused on every route of another', async () => {
  const key = await createKey('team-a', { scopes: ['infer', 'deploy'], models: ['team-a-*'] });
  let walked = 0;
  for (const route of allRoutes().filter(({ path }) => /\{(m|model)\}/.test(path))) {
    const { status } = await call(route.method, pathOf(route, 'team-b-one'), { key }, {});
    assert.equal(status, 403, `${route.method} ${route.path}`);
    walked++;
  }
  assert.ok(walked > 25);
  for (const disguise of ['team-b-one:x', 'team-b-one@1', 'team%2Db-one', '%74eam-b-one']) {
    assert.equal((await call('GET', `/v2/models/${disguise}`, { key })).status, 403, disguise);
    // In TensorFlow Serving's paths a colon precedes the verb.
    const status = disguise.endsWith(':x') ? 400 : 403;
    assert.equal((await call('GET', `/v1/models/${disguise}`, { key })).status, status, disguise);
  }
  // Lists hold only what the key may see.
  const listed = JSON.parse((await call('GET', '/v2/models', { key })).text) as object;
  assert.deepEqual(listed, { models: ['team-a-one'] });
  for (const [method, path] of [
    ['POST', '/v2/repository/index'],
    ['GET', '/v2/models/stats'],
    ['GET', '/admin/v1/models'],
    ['GET', '/v1/models'],
  ] as const) {
    const { status, text } = await call(method, path, { key }, method === 'POST' ? {} : undefined);
    assert.equal(status, 200, path);
    assert.match(text, /team-a-one/, path);
    assert.doesNotMatch(text, /team-b-one|bias/, path);
  }
  assert.equal((await call('GET', '/v2/models/team-a-one', { key })).status, 200);
});

test('the admin key reaches every route', async () => {
  for (const route of allRoutes().filter(({ method }) => method === 'GET')) {
    const { status } = await call('GET', pathOf(route), { key: ADMIN_KEY });
    assert.ok([200, 302, 400, 404].includes(status), `${route.path}: ${status}`);
  }
});

test('a key comes as Bearer, in any case, or as x-api-key; Bearer wins', async () => {
  const status = async (headers: Readonly<Record<string, string>>) => (await call('GET', '/v2', { headers })).status;
  assert.equal(await status({ authorization: `Bearer ${ADMIN_KEY}` }), 200);
  assert.equal(await status({ authorization: `bearer   ${ADMIN_KEY} ` }), 200);
  assert.equal(await status({ 'x-api-key': ADMIN_KEY }), 200);
  assert.equal(await status({ authorization: `Bearer ${ADMIN_KEY}`, 'x-api-key': 'wrong-key-wrong-key-wrong' }), 200);
  assert.equal(await status({ authorization: 'Bearer wrong-key-wrong-key-wrong', 'x-api-key': ADMIN_KEY }), 401);
});

test('Basic credentials count for reading only', async () => {
  const basic = { authorization: `Basic ${Buffer.from(`anybody:${ADMIN_KEY}`).toString('base64')}` };
  secrets.add(basic.authorization.slice(6));
  for (const path of ['/docs', '/v2', '/openapi.json'])
    assert.equal((await call('GET', path, { headers: basic })).status, 200, path);
  assert.match((await call('GET', '/docs')).headers.get('www-authenticate') ?? '', /Basic realm=/);
  for (const route of allRoutes().filter(({ method }) => method !== 'GET' && method !== 'HEAD')) {
    const { status } = await call(route.method, pathOf(route), { headers: basic }, {});
    assert.equal(status, 401, `${route.method} ${route.path}`);
  }
});

test('a revoked key is refused from the next request on, on open connections too', async () => {
  const key = await createKey('short-lived', { scopes: ['infer'] });
  const infer = () =>
    server.request('/v2/models/bias/infer', {
      method: 'POST',
      key,
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }),
    });
  assert.equal((await infer()).status, 200);
  assert.equal((await call('DELETE', '/admin/v1/keys/short-lived', { key: ADMIN_KEY })).status, 204);
  const refused = await infer();
  assert.equal(refused.status, 401);
  assert.match(await refused.text(), /was revoked/);
  assert.equal((await call('DELETE', '/admin/v1/keys/nobody', { key: ADMIN_KEY })).status, 404);
  assert.equal(
    (await call('DELETE', '/admin/v1/keys/admin', { key: ADMIN_KEY })).status,
    400,
    'somebody must be left to administer',
  );
});

test('a key that has expired is refused', async () => {
  const key = await createKey('brief', { scopes: ['infer'], expiresAt: new Date(Date.now() + 700).toISOString() });
  assert.equal((await call('GET', '/v2', { key })).status, 200);
  let reply = await call('GET', '/v2', { key });
  while (reply.status === 200) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    reply = await call('GET', '/v2', { key });
  }
  assert.equal(reply.status, 401);
  assert.match(reply.text, /expired at /);
  for (const expiresAt of ['2001-01-01T00:00:00Z', 'tomorrow', '']) {
    const refused = await call(
      'POST',
      '/admin/v1/keys',
      { key: ADMIN_KEY },
      { name: 'late', scopes: ['infer'], expiresAt },
    );
    assert.equal(refused.status, 400, expiresAt);
  }
});

test('keys are shown once and kept as hashes', async () => {
  const key = await createKey('secretive', { scopes: ['deploy'] });
  const listed = await call('GET', '/admin/v1/keys', { key: ADMIN_KEY });
  assert.match(listed.text, /"secretive"/);
  for (const secret of secrets) assert.ok(!listed.text.includes(secret));
  const files = readdirSync(server.dataDir, { recursive: true, encoding: 'utf8' });
  let searched = 0;
  for (const file of files) {
    const path = join(server.dataDir, file);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    for (const secret of [key, ADMIN_KEY]) assert.ok(!bytes.includes(secret), `a key is in ${file}`);
    searched++;
  }
  assert.ok(searched >= 3);
});

test('CORS answers the configured origins only', async () => {
  const preflight = (origin: string, path = '/v2/models/bias/infer') =>
    call('OPTIONS', path, {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
  for (const origin of ['https://app.example.com', 'http://localhost:3000']) {
    const { status, headers } = await preflight(origin);
    assert.equal(status, 204);
    assert.equal(headers.get('access-control-allow-origin'), origin);
    assert.match(headers.get('access-control-allow-methods') ?? '', /\bPOST\b/);
    const allowed = headers.get('access-control-allow-headers') ?? '';
    for (const name of ['authorization', 'x-api-key', 'content-type', 'inference-header-content-length']) {
      assert.ok(allowed.toLowerCase().includes(name), name);
    }
    assert.match(headers.get('vary') ?? '', /Origin/i);
    // Keys travel in headers; cookies would let any allowed page act for the user.
    assert.equal(headers.get('access-control-allow-credentials'), undefined);
    const actual = await call('GET', '/v2', { key: ADMIN_KEY, headers: { origin } });
    assert.equal(actual.headers.get('access-control-allow-origin'), origin);
    assert.match(actual.headers.get('access-control-expose-headers') ?? '', /inference-header-content-length/i);
    const refused = await call('GET', '/v2', { headers: { origin } });
    assert.equal(refused.status, 401, 'an allowed origin still needs a key');
    assert.equal(refused.headers.get('access-control-allow-origin'), origin, 'and its page may read why');
  }
  for (const origin of [
    'https://evil.example.com',
    'https://app.example.com.evil.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
    'HTTPS://APP.EXAMPLE.COM/',
  ]) {
    const { status, headers } = await preflight(origin);
    assert.equal(status, 401, origin);
    assert.equal(headers.get('access-control-allow-origin'), undefined, origin);
    const actual = await call('GET', '/v2', { key: ADMIN_KEY, headers: { origin } });
    assert.equal(actual.headers.get('access-control-allow-origin'), undefined, origin);
  }
});

test('CORS is off by default', async (t) => {
  const plain = await startTestServer();
  t.after(() => plain.stop());
  for (const [method, status] of [
    ['OPTIONS', 401],
    ['GET', 200],
  ] as const) {
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' };
    const authorization: Readonly<Record<string, string>> =
      method === 'GET' ? { authorization: `Bearer ${ADMIN_KEY}` } : {};
    const reply = await sendRequest(plain.url, { method, path: '/v2', headers: { ...headers, ...authorization } });
    assert.equal(reply.status, status);
    for (const name of reply.headers.keys()) assert.doesNotMatch(name, /^access-control/);
  }
});

test('without authentication the server answers under loopback names only', async (t) => {
  const open = await startTestServer({ auth: 'off' });
  t.after(() => open.stop());
  const { port } = new URL(open.url);
  const ask = (host: string, path = '/v2') => sendRequest(open.url, { path, headers: { host } });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`, '127.0.0.53']) {
    assert.equal((await ask(host)).status, 200, host);
  }
  const foreign = [
    'evil.example.com',
    `evil.example.com:${port}`,
    'localhost.evil.com',
    '127.0.0.1.evil.com',
    '10.0.0.1',
    '0.0.0.0',
    'x@localhost',
  ];
  for (const host of foreign) {
    for (const path of ['/v2', '/healthz', '/v2/models/nope/infer', '/nothing']) {
      assert.equal((await ask(host, path)).status, 403, `${host} ${path}`);
    }
  }
  assert.match(await sendBytes(open.url, 'GET /v2 HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 403 /);
  // A page cannot choose the Host header, but it can make the browser send a simple POST from anywhere.
  const crossSite = await sendRequest(open.url, {
    method: 'POST',
    path: '/admin/v1/models/bias/unload',
    headers: { host: `evil.example.com:${port}`, origin: 'https://evil.example.com' },
  });
  assert.equal(crossSite.status, 403);
});

test('without authentication pages of other origins cannot make a browser send anything', async (t) => {
  const open = await startTestServer({ auth: 'off', corsOrigins: 'https://app.example.com' });
  t.after(() => open.stop());
  await open.deploy('bias', biasModel(1));
  const { host } = new URL(open.url);
  // What a page can send from anywhere without asking first: forms, and fetch in the mode no-cors.
  const send = (origin: string) =>
    sendRequest(open.url, {
      method: 'POST',
      path: '/v2/repository/models/bias/unload',
      headers: { origin, host, 'content-type': 'text/plain' },
      body: '{}',
    });
  for (const origin of [
    'https://evil.example.com',
    'http://localhost:3000',
    `http://${host}.evil.com`,
    'null',
    '',
    'file://',
  ]) {
    const refused = await send(origin);
    assert.equal(refused.status, 403, origin);
  }
  assert.equal((await open.request('/v2/models/bias/ready')).status, 200, 'nothing was done');
  for (const origin of [`http://${host}`, 'https://app.example.com'])
    assert.equal((await send(origin)).status, 200, origin);
});

test('authentication cannot be turned off on an address others reach', async () => {
  await assert.rejects(startTestServer({ auth: 'off', host: '0.0.0.0' }), /loopback/);
});

test('TLS serves with the given certificate and takes nothing in the clear', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    ],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) return t.skip(`needs openssl: ${made.error?.message ?? made.stderr}`);
  const secure = await startTestServer({ tlsCert: cert, tlsKey: key });
  t.after(() => secure.stop());
  assert.match(secure.url, /^https:/);
  const get = (options: object) =>
    new Promise<number>((resolve, reject) => {
      const url = new URL('/v2', secure.url);
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      httpsRequest(url, { headers, agent: false, servername: 'localhost', ...options }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await get({ ca: readFileSync(cert) }), 200);
  await assert.rejects(get({}), /self-signed/, 'the certificate is the given one');
  await assert.rejects(
    get({ ca: readFileSync(cert), maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }),
    /protocol|version|alert/i,
  );
  const clear = await sendBytes(
    secure.url,
    `GET /v2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n\r\n`,
  );
  assert.doesNotMatch(clear, /200 OK|extensions/);
  assert.equal(await get({ ca: readFileSync(cert) }), 200, 'the server answers on');
});

test('a certificate without its key, or files that are none, stop the start', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await assert.rejects(startTestServer({ tlsCert: join(folder, 'cert.pem') }), /tlsKey/);
  await assert.rejects(
    startTestServer({ tlsCert: join(folder, 'no.pem'), tlsKey: join(folder, 'no.pem') }),
    /tlsCert: cannot read/,
  );
});
