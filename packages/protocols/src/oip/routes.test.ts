import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { matchOipRoute, OIP_ROUTES } from './routes.ts';

function refusal(method: string, path: string): { reason: string; message: string } {
  try {
    matchOipRoute(method, path);
  } catch (thrown) {
    assert.ok(thrown instanceof AmaasError);
    return { reason: thrown.reason, message: thrown.message };
  }
  return assert.fail(`${method} ${path} was matched`);
}

describe('matchOipRoute', () => {
  test('matches every line of OIP_ROUTES with its method and refuses the other methods with 405', () => {
    for (const { method, path, kind } of OIP_ROUTES) {
      const concrete = path.replace('{m}', 'resnet').replace('{v}', '3');
      const route = matchOipRoute(method, concrete);
      assert.equal(route.kind, kind, path);
      if ('model' in route && path.includes('{m}')) assert.equal(route.model, 'resnet', path);
      if ('version' in route) assert.equal(route.version, path.includes('{v}') ? 3 : null, path);
      for (const other of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'get']) {
        if (other === method) continue;
        assert.deepEqual(refusal(other, concrete), { reason: 'METHOD_NOT_ALLOWED', message: 'Method Not Allowed' });
      }
    }
  });

  test('answers paths that are no route with Not Found, whatever the method', () => {
    for (const path of [
      '',
      '/',
      '/v1',
      '/v2/',
      '/V2',
      '/v2x',
      '/v2/health',
      '/v2/health/',
      '/v2/health/LIVE',
      '/v2/health/live/',
      '/v2/models/',
      '/v2/models//infer',
      '/v2/models/m/',
      '/v2/models/m/Infer',
      '/v2/models/m/infer/',
      '/v2/models/m/infer/x',
      '/v2/models/m/versions',
      '/v2/models/m/versions/',
      '/v2/models/m/versions/x',
      '/v2/models/m/versions/1x/infer',
      '/v2/models/m/versions/-1',
      '/v2/models/m/versions/1/',
      '/v2/models/m/versions/1/versions/2',
      '/v2/models/m/versions/1/trace/setting',
      '/v2/models/m/trace',
      '/v2/repository',
      '/v2/repository/',
      '/v2/repository/index/',
      '/v2/repository//index',
      '/v2/repository/models/m',
      '/v2/repository/models/m/reload',
      '/v2/repository/models//load',
      '/v2/repository/r/models//load',
      '/v2/repository/r/models/m/load/x',
      '/v2/systemsharedmemory',
      '/v2/systemsharedmemory/region/status',
      '/v2/systemsharedmemory/region//status',
      '/v2/cudasharedmemory/region/r/read',
      '/v2/trace',
      '/v2/logging/',
    ]) {
      for (const method of ['GET', 'POST']) {
        assert.deepEqual(refusal(method, path), { reason: 'ROUTE_NOT_FOUND', message: 'Not Found' }, path);
      }
    }
  });

  test('names the feature of routes that Triton has and this server has not', () => {
    const features: readonly (readonly [string, string, RegExp])[] = [
      ['GET', '/v2/systemsharedmemory/status', /system shared memory/],
      ['POST', '/v2/systemsharedmemory/region/r/register', /system shared memory/],
      ['POST', '/v2/cudasharedmemory/region/r/unregister', /CUDA shared memory/],
      ['GET', '/v2/trace/setting', /trace/],
      ['POST', '/v2/models/m/trace/setting', /trace/],
      ['POST', '/v2/logging', /logging/],
    ];
    for (const [method, path, name] of features) {
      const { reason, message } = refusal(method, path);
      assert.equal(reason, 'UNSUPPORTED_FEATURE', path);
      assert.match(message, name);
    }
  });

  test('refuses to name a repository with the words of Triton', () => {
    for (const path of [
      '/v2/repository/r/index',
      '/v2/repository/models/index',
      '/v2/repository/r/models/m/load',
      '/v2/repository/r/models/m/unload',
    ]) {
      assert.deepEqual(refusal('POST', path), {
        reason: 'UNSUPPORTED_FEATURE',
        message: "'repository_name' specification is not supported",
      });
      assert.equal(refusal('GET', path).reason, 'METHOD_NOT_ALLOWED');
    }
  });

  test('decodes percent-encoded names and keeps every other character', () => {
    const route = matchOipRoute('POST', '/v2/models/caf%C3%A9%20%25/versions/0012/infer');
    assert.deepEqual(route, { kind: 'infer', model: 'café %', version: 12 });
    assert.deepEqual(matchOipRoute('GET', '/v2/models/__proto__'), {
      kind: 'model-metadata',
      model: '__proto__',
      version: null,
    });
    // A model may be called as a word of the path; only a model called `stats` loses its metadata, as in Triton.
    assert.deepEqual(matchOipRoute('POST', '/v2/models/versions/infer'), {
      kind: 'infer',
      model: 'versions',
      version: null,
    });
    assert.deepEqual(matchOipRoute('POST', '/v2/models/stats/infer'), { kind: 'infer', model: 'stats', version: null });
  });

  test('refuses path traversal in names, also encoded', () => {
    for (const name of ['..', '.', 'a..b', '%2e%2e', 'a%2Fb', 'a%5Cb', 'a\\b', '%2e', 'a%00b']) {
      for (const [method, path] of [
        ['GET', `/v2/models/${name}`],
        ['POST', `/v2/models/${name}/infer`],
        ['POST', `/v2/repository/models/${name}/load`],
      ] as const) {
        assert.deepEqual(refusal(method, path), {
          reason: 'INVALID_NAME',
          message: 'model name must not contain path traversal characters',
        });
      }
    }
  });

  test('refuses broken percent-encoding and version numbers no version can have', () => {
    assert.equal(refusal('GET', '/v2/models/%zz').reason, 'INVALID_NAME');
    assert.equal(refusal('GET', '/v2/models/%C3').reason, 'INVALID_NAME');
    assert.equal(refusal('POST', '/v2/models/m/versions/0/infer').reason, 'VERSION_NOT_FOUND');
    assert.equal(refusal('POST', `/v2/models/m/versions/${'9'.repeat(400)}/infer`).reason, 'VERSION_NOT_FOUND');
  });
});
