import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import type { RouteDescription } from './family.ts';
import { allowedMethods, PathTable } from './path-table.ts';

const common = { access: 'read', summary: '', tag: '' } as const;
const table = new PathTable({
  list: { ...common, method: 'GET', path: '/things' },
  one: { ...common, method: 'GET', path: '/things/{thing}' },
  remove: { ...common, method: 'DELETE', path: '/things/{thing}' },
  part: { ...common, method: 'PUT', path: '/things/{thing}/parts/{part}' },
} satisfies Record<string, RouteDescription>);

const reasonIs = (reason: string) => (error: unknown) => error instanceof AmaasError && error.reason === reason;

test('PathTable.match finds the route and decodes its parameters', () => {
  assert.equal(table.match('GET', '/things').name, 'list');
  assert.equal(table.match('HEAD', '/things').name, 'list');
  const part = table.match('PUT', '/things/a%2Fb%20c/parts/__proto__');
  assert.equal(part.name, 'part');
  assert.deepEqual(
    [...part.parameters],
    [
      ['thing', 'a/b c'],
      ['part', '__proto__'],
    ],
  );
  assert.equal(table.match('DELETE', '/things/x').name, 'remove');
});

test('PathTable.match tells an unknown path from a wrong method and a malformed path', () => {
  assert.throws(() => table.match('GET', '/things/'), reasonIs('ROUTE_NOT_FOUND'));
  assert.throws(() => table.match('GET', '/things/x/parts'), reasonIs('ROUTE_NOT_FOUND'));
  assert.throws(
    () => table.match('POST', '/things/x'),
    (error: unknown) => reasonIs('METHOD_NOT_ALLOWED')(error) && /takes GET, DELETE, got POST/.test(String(error)),
  );
  assert.throws(() => table.match('GET', '/things/%zz'), reasonIs('MALFORMED_REQUEST'));
});

test('allowedMethods names what a path takes, nothing for a path that is not there', () => {
  const routes = [
    { ...common, method: 'GET', path: '/things/{thing}' },
    { ...common, method: 'DELETE', path: '/things/{thing}' },
    { ...common, method: 'PUT', path: '/things/{thing}/parts/{part}' },
  ] as const satisfies readonly RouteDescription[];
  assert.deepEqual(allowedMethods(routes, '/things/x'), ['GET', 'DELETE']);
  assert.deepEqual(allowedMethods(routes, '/things/x/parts/y'), ['PUT']);
  assert.deepEqual(allowedMethods(routes, '/things'), []);
  assert.deepEqual(allowedMethods(routes, '/things/'), []);
});
