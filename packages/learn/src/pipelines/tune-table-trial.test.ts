// A trial by itself: what it reports, that it stops when told to, and that an interruption changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import type { CheckpointStore } from '../train/index.ts';
import type { TrialReport } from '../tune/index.ts';
import { namedCandidate } from './table-candidate.ts';
import { prepareTable } from './table-preparation.ts';
import { rings } from './testing/rings.ts';
import { type TableTrialTask, trainTableTrial } from './tune-table-trial.ts';

const EPOCHS = 14;

/** Learns so fast that it soon gets worse again. */
const TASK: TableTrialTask = {
  trial: 0,
  checkpoint: 'trial-0',
  candidate: namedCandidate(100, { hidden: [24, 24], learningRate: 0.1, dropout: 0, epochs: EPOCHS }),
  reported: null,
};

async function training() {
  const executor = await createOrtNodeExecutor({ threads: 1 });
  const { examples } = await prepareTable({ source: rings(), target: 'ring', executor });
  return { examples, executor };
}

function store(): CheckpointStore {
  let kept: Uint8Array | null = null;
  return {
    load: async () => kept,
    save: async (bytes) => {
      kept = bytes;
    },
  };
}

type Reported = readonly [epoch: number, loss: number];

test('trainTableTrial reports the best validation loss up to each epoch, which is its own at the end', async () => {
  const reports: Reported[] = [];
  const { validationLoss, history } = await trainTableTrial(TASK, {
    ...(await training()),
    checkpoint: store(),
    report: (epoch, loss) => {
      reports.push([epoch, loss]);
      return 'continue';
    },
  });
  assert.deepEqual(
    reports.map(([epoch]) => epoch),
    Array.from({ length: EPOCHS }, (_, index) => index + 1),
  );
  const losses = history.map(({ values }) => values['validation loss'] ?? Number.NaN);
  assert.deepEqual(
    reports.map(([, loss]) => loss),
    losses.map((_, index) => Math.min(...losses.slice(0, index + 1))),
  );
  assert.equal(validationLoss, Math.min(...losses));
  assert.ok((losses.at(-1) ?? 0) > validationLoss, 'the task does not get worse again');
});

test('trainTableTrial ends after the epoch at which it was told to stop', async () => {
  const epochs: number[] = [];
  const { history } = await trainTableTrial(TASK, {
    ...(await training()),
    checkpoint: store(),
    report: async (epoch) => {
      epochs.push(epoch);
      return epoch === 4 ? 'stop' : 'continue';
    },
  });
  assert.deepEqual(epochs, [1, 2, 3, 4]);
  assert.equal(history.length, 4);
});

test('trainTableTrial interrupted anywhere reports and gives the same when it goes on', async () => {
  const given = await training();
  const whole: Reported[] = [];
  const expected = await trainTableTrial(TASK, {
    ...given,
    checkpoint: store(),
    report: (epoch, loss) => {
      whole.push([epoch, loss]);
      return 'continue';
    },
  });
  const best = whole.findIndex(([, loss]) => loss === expected.validationLoss) + 1;
  for (const until of [2, best, best + 1]) {
    const checkpoint = store();
    const reports: Reported[] = [];
    const cancelling = new AbortController();
    const report = (epoch: number, loss: number): TrialReport['decision'] => {
      reports.push([epoch, loss]);
      if (epoch === until) cancelling.abort();
      return 'continue';
    };
    const interrupted = trainTableTrial(TASK, { ...given, checkpoint, report, signal: cancelling.signal });
    await assert.rejects(interrupted, (error) => error instanceof AmaasError && error.reason === 'CANCELLED');
    const [resource, value] = reports.at(-1) ?? [0, 0];
    const task = { ...TASK, reported: { resource, value, decision: 'continue' } } as const;
    const resumed = await trainTableTrial(task, { ...given, checkpoint, report });
    assert.deepEqual(reports, whole, `interrupted after epoch ${until}`);
    assert.deepEqual(resumed.model.weights, expected.model.weights);
  }
});

test('trainTableTrial stays stopped where its run ended before the study was told', async () => {
  const given = await training();
  const checkpoint = store();
  const report = (epoch: number): TrialReport['decision'] => (epoch === 3 ? 'stop' : 'continue');
  const stopped = await trainTableTrial(TASK, { ...given, checkpoint, report });
  const task = { ...TASK, reported: { resource: 3, value: stopped.validationLoss, decision: 'stop' } } as const;
  const fails = (): never => assert.fail('an epoch was trained');
  for (const kept of [checkpoint, store()]) {
    const again = await trainTableTrial(task, {
      ...given,
      checkpoint: kept,
      report: kept === checkpoint ? fails : report,
    });
    assert.deepEqual(again.model.weights, stopped.model.weights);
    assert.equal(again.history.length, 3);
  }
});
