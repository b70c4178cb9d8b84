import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type ErrorReason, type ModelReference } from '@amaas/core';
import { resolveReference } from './resolve-reference.ts';

const MODEL = {
  versions: [{ version: 2 }, { version: 5 }, { version: 11 }, { version: 12 }],
  labels: new Map([
    ['production', 5],
    ['canary', 12],
    ['__proto__', 2],
  ]),
};
const UNLABELLED = { versions: MODEL.versions, labels: new Map<string, number>() };

const resolve = (
  reference: Omit<ModelReference, 'model'>,
  ready: readonly number[],
  model: typeof MODEL | null = MODEL,
) => resolveReference({ model: 'm', ...reference }, model, new Set(ready));

function refuses(call: () => number, reason: ErrorReason, message: string): void {
  assert.throws(call, (error) => {
    assert(error instanceof AmaasError);
    assert.deepEqual([error.reason, error.message], [reason, message]);
    return true;
  });
}

test('resolveReference finds versions by number and by label', () => {
  assert.equal(resolve({ version: 2 }, [2, 5, 11]), 2);
  assert.equal(resolve({ label: 'canary' }, [2, 5, 12]), 12);
  assert.equal(resolve({ label: 'production' }, [2, 5, 12]), 5);
  assert.equal(resolve({ label: '__proto__' }, [2, 5, 12]), 2);
});

test('resolveReference gives a bare name the production version, else the highest that is ready', () => {
  assert.equal(resolve({}, [2, 5, 11, 12]), 5);
  assert.equal(resolve({}, [2, 11, 5], UNLABELLED), 11);
  assert.equal(resolve({}, [2], UNLABELLED), 2);
});

test('resolveReference never answers with another version than asked for', () => {
  refuses(
    () => resolve({}, [2, 11, 12]),
    'MODEL_NOT_READY',
    'version 5 of model "m", to which label "production" points, is not ready',
  );
  refuses(
    () => resolve({ label: 'canary' }, [5]),
    'MODEL_NOT_READY',
    'version 12 of model "m", to which label "canary" points, is not ready',
  );
  refuses(() => resolve({ version: 11 }, [5]), 'MODEL_NOT_READY', 'version 11 of model "m" is not ready');
  refuses(() => resolve({}, [], UNLABELLED), 'MODEL_NOT_READY', 'model "m" has no version that is ready');
});

test('resolveReference names what is missing and what there is', () => {
  refuses(() => resolve({}, [], null), 'MODEL_NOT_FOUND', 'model "m" is not known to this server');
  refuses(
    () => resolve({ version: 3 }, [5]),
    'VERSION_NOT_FOUND',
    'model "m" has no version 3; its versions are 2, 5, 11, 12',
  );
  refuses(
    () => resolve({ label: 'toString' }, [5]),
    'LABEL_NOT_FOUND',
    'model "m" has no label "toString"; its labels are "production", "canary", "__proto__"',
  );
  refuses(
    () => resolve({ label: 'x' }, [5], UNLABELLED),
    'LABEL_NOT_FOUND',
    'model "m" has no label "x"; it has no labels',
  );
  refuses(
    () => resolve({ version: 5, label: 'canary' }, [5]),
    'INVALID_ARGUMENT',
    'model "m": give a version or a label, not both',
  );
  const many = {
    versions: Array.from({ length: 30 }, (_, i) => ({ version: i + 1 })),
    labels: new Map<string, number>(),
  };
  refuses(
    () => resolve({ version: 99 }, [], many),
    'VERSION_NOT_FOUND',
    'model "m" has no version 99; its versions are …, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30',
  );
});
