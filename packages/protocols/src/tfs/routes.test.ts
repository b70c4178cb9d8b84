import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { encodeError, matchTfsRoute, type TfsRoute } from './index.ts';

test('matchTfsRoute reads calls on models, versions and labels', () => {
  const routes: readonly (readonly [string, string, TfsRoute])[] = [
    ['POST', '/v1/models/half_plus_two:predict', { kind: 'predict', target: { model: 'half_plus_two' } }],
    ['POST', '/v1/models/m/versions/123:classify', { kind: 'classify', target: { model: 'm', version: 123 } }],
    ['POST', '/v1/models/m/labels/canary:regress', { kind: 'regress', target: { model: 'm', label: 'canary' } }],
    ['POST', '/V1/Models/M/Versions/007:PREDICT', { kind: 'predict', target: { model: 'M', version: 7 } }],
    ['POST', '/v1/models/m%20x/labels/a%2Fb:predict', { kind: 'predict', target: { model: 'm x', label: 'a/b' } }],
    ['GET', '/v1/models/m', { kind: 'status', target: { model: 'm' } }],
    ['GET', '/v1/models/__proto__', { kind: 'status', target: { model: '__proto__' } }],
    ['GET', '/v1/models/m/versions/0', { kind: 'status', target: { model: 'm', version: 0 } }],
    ['GET', '/v1/models/m/labels/stable', { kind: 'status', target: { model: 'm', label: 'stable' } }],
    ['GET', '/v1/models/m/metadata', { kind: 'metadata', target: { model: 'm' } }],
    ['GET', '/v1/models/m/versions/2/METADATA', { kind: 'metadata', target: { model: 'm', version: 2 } }],
    ['GET', '/v1/models/%E6%BC%A2', { kind: 'status', target: { model: '漢' } }],
  ];
  for (const [method, path, route] of routes) assert.deepEqual(matchTfsRoute(method, path), route, path);
});

test('matchTfsRoute leaves other paths to other protocols', () => {
  for (const path of ['/v1/models', '/V1/MODELS', '/v1/chat/completions', '/v2/models/m', '/', '', '/v1/modelsx/m']) {
    assert.equal(matchTfsRoute('GET', path), null, path);
  }
});

test('matchTfsRoute refuses what is below /v1/models/ but no call', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['POST', '/v1/models/m'],
    ['POST', '/v1/models/m:explain'],
    ['POST', '/v1/models/m/versions/x:predict'],
    ['POST', '/v1/models/m/versions/1/labels/a:predict'],
    ['POST', '/v1/models/m:predict/'],
    ['POST', '/v1/models/:predict'],
    ['POST', '/v1/models/m/versions/:predict'],
    ['POST', '/v1/models/a/b:predict'],
    ['POST', '/v1/models/m%zz:predict'],
    ['POST', '/v1/models/%ff:predict'],
    ['GET', '/v1/models/m:predict'],
    ['GET', '/v1/models/'],
    ['GET', '/v1/models/m/'],
    ['GET', '/v1/models/m/versions'],
    ['GET', '/v1/models/m/metadata/x'],
    ['GET', '/v1/models/%c3%28'],
    ['DELETE', '/v1/models/m'],
    ['get', '/v1/models/m'],
  ];
  for (const [method, path] of wrong) {
    assert.throws(
      () => matchTfsRoute(method, path),
      (error) => {
        assert.ok(error instanceof AmaasError);
        assert.deepEqual(encodeError(error), {
          status: 400,
          body: JSON.stringify({ error: `Malformed request: ${method} ${path}` }),
        });
        return true;
      },
    );
  }
});

test('matchTfsRoute tells versions that are no int64 from those that only cannot be', () => {
  const caught = (path: string): AmaasError => {
    try {
      matchTfsRoute('GET', path);
    } catch (error) {
      if (error instanceof AmaasError) return error;
    }
    throw new Error(`${path} was accepted`);
  };
  assert.equal(
    caught('/v1/models/m/versions/9223372036854775808').message,
    'Failed to convert version: 9223372036854775808 to numeric.',
  );
  assert.equal(caught(`/v1/models/m/versions/${'9'.repeat(5000)}`).reason, 'MALFORMED_REQUEST');
  assert.equal(caught('/v1/models/m/versions/9223372036854775807').reason, 'VERSION_NOT_FOUND');
  assert.equal(caught('/v1/models/m/versions/9007199254740992').reason, 'VERSION_NOT_FOUND');
  const last = matchTfsRoute('GET', '/v1/models/m/versions/0009007199254740991');
  assert.deepEqual(last, { kind: 'status', target: { model: 'm', version: Number.MAX_SAFE_INTEGER } });
});
