import assert from 'node:assert/strict';
import test from 'node:test';
import { formatNumber, jobListText, numbersText, progressLine } from './job-text.ts';

test('formatNumber gives four digits, whole numbers whole, and exponents where they are shorter', () => {
  const shown = [0, 7, -12, 0.25, 0.123456, 0.1 + 0.2, 123.456, 99_999.6, 1e-7, 1e6, 2.5e9, 0.00123].map(formatNumber);
  assert.deepEqual(shown, [
    '0',
    '7',
    '-12',
    '0.25',
    '0.1235',
    '0.3',
    '123.5',
    '100000',
    '1.000e-7',
    '1.000e+6',
    '2.500e+9',
    '0.00123',
  ]);
});

test('progressLine shows a bar where the end is known, numbers always', () => {
  const progress = {
    phase: 'train',
    fraction: 0.5,
    step: 50,
    totalSteps: 100,
    loss: 0.4123456,
    metrics: { accuracy: 0.875 },
  };
  assert.equal(
    progressLine(progress),
    `train  ${'█'.repeat(14)}${'░'.repeat(14)}  50%  step 50 of 100  loss 0.4123  accuracy 0.875`,
  );
  assert.equal(progressLine({ phase: 'read', fraction: null, message: '3 files' }), 'read  3 files');
  assert.equal(numbersText({ phase: 'x', fraction: null }), '');
});

test('jobListText of no jobs says so', () => {
  assert.equal(jobListText([]), 'No jobs yet.');
});
