import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, serializeError } from '@amaas/core';
import { readFineTuningRequest } from '@amaas/protocols/fine-tuning';
import { computeDigest } from '../artifacts/index.ts';
import type { JobRecord } from '../jobs/index.ts';
import type { FineTuningRecord } from './store.ts';
import { describeFineTuning } from './view.ts';

const RECORD: FineTuningRecord = {
  ...{ id: 'ftjob-0000000000000001', sequence: 1, owner: null, createdBy: 'anyone', createdAtMs: 5000, seed: 1 },
  ...{ model: 'ft-a-00000000', request: readFineTuningRequest({ model: 'a', training_file: 'file-1' }) },
  ...{ base: { model: 'a', version: 2 }, validation: null, intent: 'run', job: 'job_1', isPausing: false, end: null },
  training: { name: 'x.jsonl', digest: computeDigest('x'), dataset: null },
};

function jobsWith(job: Partial<JobRecord> | null) {
  return {
    async get(id: string): Promise<JobRecord> {
      if (job === null) throw new AmaasError('JOB_NOT_FOUND', id);
      return { state: 'running', progress: null, ...job } as JobRecord; // what the view looks at
    },
  };
}

test('describeFineTuning says where a fine-tuning stands', async () => {
  const train = { phase: 'train', fraction: 0.5, detail: { finishesAtMs: 9000 } };
  const cases: readonly (readonly [Partial<FineTuningRecord>, Partial<JobRecord> | null, string])[] = [
    [{ job: null }, null, 'queued'],
    [{}, { state: 'queued' }, 'queued'],
    [{}, { state: 'interrupted', progress: train }, 'queued'],
    [{}, {}, 'validating_files'],
    [{}, { progress: { phase: 'validate', fraction: null } }, 'validating_files'],
    [{}, { progress: train }, 'running'],
    [{}, { state: 'cancelling', progress: train }, 'running'],
    [{}, null, 'queued'],
    [{ intent: 'pause', isPausing: true }, { state: 'cancelling', progress: train }, 'paused'],
    [{ intent: 'cancel' }, { state: 'cancelling', progress: train }, 'cancelled'],
  ];
  for (const [change, job, status] of cases) {
    const shown = await describeFineTuning({ ...RECORD, ...change }, null, jobsWith(job));
    assert.equal(shown.status, status, JSON.stringify([change, job]));
    assert.equal(shown.estimatedFinishMs, status === 'running' ? 9000 : null);
    assert.equal(shown.fineTunedModel, null);
  }
});

test('describeFineTuning shows what was chosen, and the model once it can be asked', async () => {
  const plan = { epochs: 4, batchSize: 2, learningRateMultiplier: 1, examples: 9, tokens: 90 };
  const end = { state: 'succeeded', atMs: 8000, trainedTokens: 360, resultFiles: ['file-2'], error: null } as const;
  const shown = await describeFineTuning({ ...RECORD, end: { ...end, plan } }, plan, jobsWith(null));
  const { epochs, batchSize, learningRateMultiplier } = shown.request.hyperparameters;
  assert.deepEqual([epochs, batchSize, learningRateMultiplier], [4, 2, 1]);
  assert.deepEqual(
    [shown.status, shown.fineTunedModel, shown.finishedAtMs, shown.trainedTokens, shown.resultFiles],
    ['succeeded', 'ft-a-00000000', 8000, 360, ['file-2']],
  );
});

test('describeFineTuning names every line of an invalid file, and nothing of unexpected failures', async () => {
  const errorOf = async (error: AmaasError) => {
    const said = serializeError(error);
    const end = { state: 'failed', atMs: 8000, trainedTokens: null, resultFiles: [], error: said } as const;
    return (await describeFineTuning({ ...RECORD, end: { ...end, plan: null } }, null, jobsWith(null))).error;
  };
  const problems = Array.from({ length: 30 }, (_, index) => ({ line: index + 1, field: 'text', message: 'text: bad' }));
  const message = 'training file: 30 of 30 examples cannot be used: line 1: text: bad; line 2: te'; // cut on its way
  const details = { param: 'training_file', problems };
  assert.deepEqual(await errorOf(new AmaasError('INVALID_DATA', message, { details })), {
    code: 'invalid_training_file',
    message: [
      'training file: 30 of 30 examples cannot be used',
      ...problems.map(({ line }) => `line ${line}: text: bad`),
    ].join('\n'),
    param: 'training_file',
  });
  const unexpected = await errorOf(new AmaasError('INTERNAL', 'a secret path'));
  assert.equal(unexpected?.code, 'internal');
  assert.doesNotMatch(unexpected?.message ?? '', /secret/);
});
