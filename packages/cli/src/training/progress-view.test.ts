import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainTableEvent } from '@amaas/learn/pipelines';
import { createProgressView, progressText } from './progress-view.ts';

const progress = {
  phase: 'train',
  fraction: 0.25,
  candidate: 'perceptron',
  epoch: 3,
  epochs: 40,
  loss: 0.31416,
  metrics: { accuracy: 0.875, 'validation accuracy': 0.5, 'validation loss': 0.7 },
  rowsPerSecond: 12_345.6,
} as const;

test('progressText shows losses first, the pace, and the time left', () => {
  assert.equal(
    progressText(progress, 10_000, true),
    'perceptron 3/40  ████░░░░░░░░░░░░  25%  loss 0.3142  val loss 0.7  accuracy 0.875  val accuracy 0.5  12,346 rows/s  30 s left',
  );
  assert.equal(progressText({ phase: 'evaluate', fraction: 0.95 }, 1, false), 'evaluates on what was held out  95%');
});

function training(step: number): TrainTableEvent {
  const values = { loss: 0.5 };
  const fit = { epoch: 1, epochs: 2, step, stepsPerEpoch: 100, values, learningRate: 0.1, rowsPerSecond: 10 };
  return { kind: 'training', candidate: 'linear', progress: fit };
}

test('createProgressView draws on a terminal, and elsewhere writes a line every three seconds', () => {
  let nowMs = 1000;
  const clock = { nowMs: () => nowMs };
  const drawn: string[] = [];
  const noted: string[] = [];
  const terminal = { progress: (text: string) => void drawn.push(text), note: (text: string) => void noted.push(text) };
  const draw = createProgressView(terminal, { isTerminal: true, clock });
  const note = createProgressView(terminal, { isTerminal: false, clock });
  for (let step = 0; step < 100; step++) {
    draw(training(step));
    note(training(step));
    nowMs += 40;
  }
  assert.equal(drawn.length, 50, 'not more often than every 80 ms');
  assert.deepEqual(noted.length, 1);
  assert.match(noted[0] ?? '', /^linear 1\/2 {2}\d+% {2}loss 0\.5 {2}10 rows\/s {2}\d+ s left$/);
});
