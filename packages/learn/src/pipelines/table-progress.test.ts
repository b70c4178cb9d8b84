import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trackTableProgress } from './table-progress.ts';
import type { TrainTableEvent } from './train-table.ts';

function training(candidate: string, epoch: number, step: number): TrainTableEvent {
  const values = { loss: 0.5, accuracy: 0.75 };
  const progress = { epoch, epochs: 4, step, stepsPerEpoch: 10, values, learningRate: 0.1, rowsPerSecond: 320 };
  return { kind: 'training', candidate, progress };
}

test('trackTableProgress rises from reading over both candidates to the evaluation', () => {
  const track = trackTableProgress();
  const trained = (candidate: string): TrainTableEvent => ({
    kind: 'trained',
    candidate,
    validationLoss: 0.4,
    epochs: 4,
  });
  const fractions = [
    training('linear', 1, 0),
    training('linear', 3, 5),
    trained('linear'),
    training('perceptron', 1, 0),
    training('perceptron', 4, 10),
    trained('perceptron'),
    { kind: 'evaluating' } as const,
  ].map((event) => track(event)?.fraction ?? null);
  const expected = [0.05, 0.05 + 0.3 * 0.625, null, 0.35, 0.95, null, 0.95];
  fractions.forEach((fraction, at) => {
    const known = expected[at] ?? null;
    assert.ok(fraction === known || Math.abs(Number(fraction) - Number(known)) < 1e-12, `${at}: ${fraction}`);
  });
});

test('trackTableProgress shows the last validation beside the running numbers, of the same candidate', () => {
  const track = trackTableProgress();
  assert.deepEqual(track(training('linear', 1, 10))?.metrics, { accuracy: 0.75 });
  const values = { loss: 1, 'validation loss': 0.7, 'validation accuracy': 0.6 };
  assert.equal(track({ kind: 'epoch', candidate: 'linear', record: { epoch: 1, values, learningRate: 0.1 } }), null);
  assert.deepEqual(track(training('linear', 2, 1)), {
    phase: 'train',
    fraction: 0.05 + (0.3 * 1.1) / 4,
    candidate: 'linear',
    epoch: 2,
    epochs: 4,
    loss: 0.5,
    metrics: { accuracy: 0.75, 'validation loss': 0.7, 'validation accuracy': 0.6 },
    rowsPerSecond: 320,
  });
  track({ kind: 'trained', candidate: 'linear', validationLoss: 0.7, epochs: 2 });
  assert.deepEqual(track(training('perceptron', 1, 1))?.metrics, { accuracy: 0.75 });
});
