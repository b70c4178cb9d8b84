import assert from 'node:assert/strict';
import test from 'node:test';
import { formatNumber } from './facts-text.ts';
import type { Job } from '@amaas/client';
import { jobListText, jobText, numbersText, outcomeText, progressLine } from './job-text.ts';

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

const JOB: Job = {
  id: 'job_1',
  kind: 'train',
  state: 'succeeded',
  priority: 0,
  model: 'heart',
  configuration: { target: 'y', seed: 0, hidden: [64, 32] },
  attempt: 1,
  crashes: 0,
  progress: { phase: 'evaluate', fraction: 0.95 },
  result: { model: 'heart', version: 3, metrics: { accuracy: 0.87096774, f1: 0.5 }, example: { a: 1 }, scores: [1] },
  error: null,
  createdBy: 'admin',
  createdAt: '2026-03-04T05:06:07.000Z',
  startedAt: '2026-03-04T05:06:08.000Z',
  endedAt: '2026-03-04T05:06:10.000Z',
};

test('jobText shows a job as lines, without what is for machines', () => {
  const text = jobText(JOB);
  assert.match(text, /progress +100 %\n/);
  assert.match(text, /configuration +target y\n +seed 0\n +hidden 64, 32\n/);
  assert.match(text, /result +model heart\n +version 3\n +metrics accuracy 0\.871, f1 0\.5$/);
  const error = {
    code: 'INVALID_ARGUMENT',
    reason: 'CANCELLED',
    message: 'job job_1 was cancelled',
    details: {},
  } as const;
  assert.match(jobText({ ...JOB, state: 'cancelled', error, result: null }), /state +cancelled\n/);
});

test('jobListText shows a job that succeeded as done, and says when a filter leaves none', () => {
  assert.match(jobListText([JOB]), / 100 % /);
  assert.match(jobListText([], true), /No such jobs/);
});

test('outcomeText tells result or error, nothing of a job that goes on', () => {
  assert.deepEqual(outcomeText(JOB).slice(0, 2), ['-- succeeded', 'model heart']);
  const error = {
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_DATA',
    message: 'say skipLines: 1\nor so',
    details: {},
  } as const;
  assert.deepEqual(outcomeText({ ...JOB, state: 'failed', error }), [
    '-- failed: say --skip-lines 1',
    'or so (INVALID_DATA)',
  ]);
  assert.deepEqual(outcomeText({ ...JOB, state: 'running' }), []);
});
