import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectVersions } from './select-versions.ts';
import type { VersionPolicy } from './types.ts';

const select = (policy: VersionPolicy, versions: readonly number[], labelled: Readonly<Record<string, number>> = {}) =>
  selectVersions({
    policy,
    versions: versions.map((version) => ({ version })),
    labels: new Map(Object.entries(labelled)),
  });

test('selectVersions takes the latest, all, or the ones named', () => {
  const versions = [10, 3, 200, 9];
  assert.deepEqual(select({ kind: 'latest', count: 1 }, versions), [200]);
  assert.deepEqual(select({ kind: 'latest', count: 3 }, versions), [9, 10, 200]);
  assert.deepEqual(select({ kind: 'latest', count: 9 }, versions), [3, 9, 10, 200]);
  assert.deepEqual(select({ kind: 'all' }, versions), [3, 9, 10, 200]);
  assert.deepEqual(select({ kind: 'specific', versions: [200, 3, 4] }, versions), [3, 200]);
  assert.deepEqual(select({ kind: 'specific', versions: [4] }, versions), []);
  assert.deepEqual(select({ kind: 'latest', count: 2 }, []), []);
});

test('selectVersions adds every labelled version once', () => {
  const labels = { production: 3, stable: 3, canary: 10 };
  assert.deepEqual(select({ kind: 'latest', count: 1 }, [3, 9, 10], labels), [3, 10]);
  assert.deepEqual(select({ kind: 'specific', versions: [9] }, [3, 9, 10], labels), [3, 9, 10]);
  assert.deepEqual(select({ kind: 'latest', count: 1 }, [9], labels), [9]); // a label to what does not exist
});
