import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFromChild, readProgress } from './messages.ts';

test('readProgress keeps what is progress and leaves out what is not', () => {
  const good = {
    phase: 'train',
    fraction: 0.25,
    step: 3,
    totalSteps: 12,
    loss: -0.5,
    metrics: { accuracy: 0.75, __proto__x: 1 },
    message: 'epoch 2',
    detail: [{ trial: 1 }],
  };
  assert.deepEqual(readProgress(good), good);
  const hostile = {
    phase: 'x'.repeat(1000),
    fraction: 7,
    step: 'one',
    loss: null, // what JSON makes of NaN
    metrics: JSON.parse('{"__proto__": 3, "text": "a", "good": 2}'),
    message: 5,
    detail: 'y'.repeat(100_000),
    more: true,
  };
  const read = readProgress(hostile);
  assert.deepEqual(Object.keys(read ?? {}), ['phase', 'fraction', 'metrics']);
  assert.deepEqual([read?.phase.length, read?.fraction], [200, 1]);
  assert.deepEqual(Object.entries(read?.metrics ?? {}), [
    ['__proto__', 3],
    ['good', 2],
  ]);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`m${index}`, index]));
  assert.equal(Object.keys(readProgress({ phase: 'x', metrics: many })?.metrics ?? {}).length, 200);
  for (const value of [null, 5, 'x', [], {}, { phase: 1 }]) assert.equal(readProgress(value), null);
});

test('readFromChild takes what is a message, an error with its reason, and nothing else', () => {
  assert.deepEqual(readFromChild({ type: 'result', more: 1 }), { type: 'result' });
  assert.deepEqual(readFromChild({ type: 'checkpoint', note: { step: 3 } }), { type: 'checkpoint', note: { step: 3 } });
  const error = { reason: 'INVALID_DATA', message: 'a column is empty', details: { column: 'x' }, retryable: false };
  assert.deepEqual(readFromChild({ type: 'error', error }), { type: 'error', error });
  const unknown = { reason: 'INTERNAL', message: 'unexpected failure', details: {}, retryable: false };
  for (const bad of [null, 'x', { reason: 'MADE_UP', message: 3, details: [], retryable: 'yes' }]) {
    assert.deepEqual(readFromChild({ type: 'error', error: bad }), { type: 'error', error: unknown });
  }
  for (const bad of [null, undefined, 1, 'result', [], {}, { type: 'start' }, { type: 'progress' }]) {
    assert.equal(readFromChild(bad), null);
  }
});
