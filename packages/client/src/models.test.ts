import assert from 'node:assert/strict';
import test from 'node:test';
import { createClient } from './client.ts';
import { startTestServer } from './testing/http-server.ts';

test('models and keys call the routes of the management API', async (t) => {
  const server = await startTestServer(t, ({ method, path }) => {
    if (method === 'DELETE') return { status: 204 };
    if (path === '/admin/v1/models') return { status: 200, body: { models: [{ name: 'a' }] } };
    if (path === '/admin/v1/keys' && method === 'GET') return { status: 200, body: { keys: [{ id: 'k1' }] } };
    return { status: method === 'POST' ? 201 : 200, body: { name: 'a', key: 'secret' } };
  });
  const { models, keys } = createClient({ url: server.url, apiKey: 'k' });
  assert.deepEqual(await models.list(), [{ name: 'a' }]);
  assert.equal((await models.get('a')).name, 'a');
  await models.load('a');
  await models.unload('a');
  await models.setPolicy('a', { kind: 'latest', count: 2 });
  await models.setLabel('a', { label: 'production', version: 3 });
  await models.getVersion('a', 3);
  assert.equal(await models.removeLabel('a', 'production'), undefined);
  assert.equal(await models.removeVersion('a', 3), undefined);
  assert.equal(await models.remove('../b'), undefined);
  assert.deepEqual(await keys.list(), [{ id: 'k1' }]);
  assert.equal((await keys.create({ name: 'app', scopes: ['infer'], models: ['a*'] })).key, 'secret');
  assert.equal(await keys.revoke('k/1'), undefined);
  assert.deepEqual(
    server.asked.map(({ method, path, body }) => `${method} ${path} ${body}`.trim()),
    [
      'GET /admin/v1/models',
      'GET /admin/v1/models/a',
      'POST /admin/v1/models/a/load',
      'POST /admin/v1/models/a/unload',
      'PATCH /admin/v1/models/a {"policy":{"kind":"latest","count":2}}',
      'PUT /admin/v1/models/a/labels/production {"version":3}',
      'GET /admin/v1/models/a/versions/3',
      'DELETE /admin/v1/models/a/labels/production',
      'DELETE /admin/v1/models/a/versions/3',
      'DELETE /admin/v1/models/..%2Fb',
      'GET /admin/v1/keys',
      'POST /admin/v1/keys {"name":"app","scopes":["infer"],"models":["a*"]}',
      'DELETE /admin/v1/keys/k%2F1',
    ],
  );
});
