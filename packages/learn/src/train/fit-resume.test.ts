// The promise of `fit`: the same seed, data and settings give the same bits, however often the training was interrupted
// and however many steps ran at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type Clock } from '@amaas/core';
import { activation, dense, sequential } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import { adam, cosineDecay, type FitOptions, type FitResult, fit, sgd } from './index.ts';
import {
  MemoryStore,
  ortExecutor,
  SMALL_ROWS,
  smallExamples,
  smallNetwork,
  smallOptions,
  tickingClock,
  weightBytes,
} from './testing/small-training.ts';

const examples = smallExamples(SMALL_ROWS);
const options = smallOptions(await ortExecutor());

function outcome({ model, history, epoch, stoppedEarly }: FitResult): unknown {
  return { weights: weightBytes(model.weights), history, epoch, stoppedEarly };
}

const once = outcome(await fit(smallNetwork(), examples, options));

test('fit gives the same bits again, and others for another seed', async () => {
  assert.deepEqual(outcome(await fit(smallNetwork(), examples, options)), once);
  assert.notDeepEqual(outcome(await fit(smallNetwork(), examples, { ...options, seed: 'other' })), once);
});

test('fit gives the same bits with one thread and with two', async () => {
  assert.deepEqual(outcome(await fit(smallNetwork(), examples, { ...options, threads: 1 })), once);
  assert.deepEqual(outcome(await fit(smallNetwork(), examples, { ...options, threads: 2 })), once);
});

test('fit gives the same bits however many steps run at once', async () => {
  const random = createRandom('ticks');
  const ticks: readonly (() => number)[] = [() => 0, () => 1000, () => random.uniform() * 50];
  for (const tickMs of ticks) {
    const runs: number[] = [];
    const clock = tickingClock(tickMs);
    const result = await fit(smallNetwork(), examples, {
      ...options,
      clock,
      onProgress: ({ step }) => runs.push(step),
    });
    assert.deepEqual(outcome(result), once, `runs ended at steps ${runs.join(', ')}`);
  }
});

/** A clock by which some runs are of one step and some of several, so that there is much to cancel at. */
function slowClock(): Clock {
  const random = createRandom('slow');
  return tickingClock(() => 20 + random.uniform() * 80);
}

/** Trains with interruptions: every attempt is cancelled after the next number of progress events. */
async function trainInterrupted(
  store: MemoryStore,
  cuts: readonly number[],
  given: FitOptions = options,
): Promise<FitResult> {
  for (const cut of cuts) {
    const controller = new AbortController();
    let seen = 0;
    const attempt = fit(smallNetwork(), examples, {
      ...given,
      checkpoint: { store, everyMs: Number.MAX_VALUE },
      clock: slowClock(),
      signal: controller.signal,
      onProgress() {
        seen++;
        if (seen === cut) controller.abort();
      },
    });
    await assert.rejects(attempt, (error) => error instanceof AmaasError && error.reason === 'CANCELLED');
  }
  return await fit(smallNetwork(), examples, { ...given, checkpoint: { store } });
}

test('fit ends with the same bits when it is cancelled and asked again', async () => {
  const random = createRandom('cuts');
  for (let trial = 0; trial < 6; trial++) {
    const cuts = Array.from({ length: 1 + random.integer(3) }, () => 1 + random.integer(9));
    const store = new MemoryStore();
    const result = await trainInterrupted(store, cuts);
    assert.deepEqual(outcome(result), once, `cancelled after ${cuts.join(', ')} runs`);
    assert.equal(store.saved.length > cuts.length, true);
  }
});

test('fit ends with the same bits from every checkpoint it ever wrote', async () => {
  const store = new MemoryStore();
  await fit(smallNetwork(), examples, { ...options, checkpoint: { store, everyMs: 0 }, clock: slowClock() });
  const saved = store.saved.slice();
  assert(saved.length > 20);
  for (const [index, bytes] of saved.entries()) {
    if (index % 4 !== 0 && index !== saved.length - 1) continue;
    const resumed = new MemoryStore();
    resumed.saved.push(bytes);
    const result = await fit(smallNetwork(), examples, { ...options, checkpoint: { store: resumed } });
    assert.deepEqual(outcome(result), once, `checkpoint ${index} of ${saved.length}`);
  }
});

test('fit resumes gradient accumulation, adam and unheld rows to the same bits', async () => {
  const given: FitOptions = {
    executor: options.executor,
    loss: 'huber',
    optimizer: adam({ learningRate: 0.01 }),
    epochs: 4,
    batchSize: 8,
    accumulate: 3,
    earlyStopping: { patience: 2, monitor: 'loss', restoreBest: false },
  };
  const uninterrupted = outcome(await fit(smallNetwork(), examples, given));
  assert.deepEqual(outcome(await trainInterrupted(new MemoryStore(), [2, 1, 2], given)), uninterrupted);
});

test('fit goes on where a finished training ended when more epochs are asked for', async () => {
  const store = new MemoryStore();
  const plain: FitOptions = { ...options, optimizer: sgd({ momentum: 0.5 }), checkpoint: { store } };
  await fit(smallNetwork(), examples, { ...plain, epochs: 2 });
  const longer = outcome(await fit(smallNetwork(), examples, { ...plain, epochs: 4 }));
  assert.deepEqual(
    longer,
    outcome(await fit(smallNetwork(), examples, { ...plain, epochs: 4, checkpoint: { store: new MemoryStore() } })),
  );
});

test('fit asks shouldStop again when it resumes, and stays stopped', async () => {
  const store = new MemoryStore();
  const stopping: FitOptions = { ...options, shouldStop: ({ epoch }) => epoch === 2, checkpoint: { store } };
  const first = await fit(smallNetwork(), examples, stopping);
  assert.equal(first.history.length, 2);
  assert.equal(first.stoppedEarly, true);
  assert.deepEqual(outcome(await fit(smallNetwork(), examples, stopping)), outcome(first));
});

test('fit refuses the checkpoint of another training', async () => {
  const store = new MemoryStore();
  const given: FitOptions = { ...options, epochs: 1, checkpoint: { store } };
  await fit(smallNetwork(), examples, given);
  const other = smallExamples(SMALL_ROWS, 5, 2);
  const narrow = sequential([dense(4), activation('relu'), dense(1)]);
  const refused: Readonly<Record<string, Promise<FitResult>>> = {
    data: fit(smallNetwork(), other, given),
    network: fit(narrow, examples, given),
    activation: fit(sequential([dense(4), activation('tanh'), dense(1)]), examples, given),
    seed: fit(smallNetwork(), examples, { ...given, seed: 1 }),
    loss: fit(smallNetwork(), examples, { ...given, loss: 'mae' }),
    'batch size': fit(smallNetwork(), examples, { ...given, batchSize: 9 }),
    accumulation: fit(smallNetwork(), examples, { ...given, accumulate: 2 }),
    clipping: fit(smallNetwork(), examples, { ...given, clipNorm: 2 }),
    shuffling: fit(smallNetwork(), examples, { ...given, shuffle: false }),
    'the share held out': fit(smallNetwork(), examples, { ...given, validation: 0.3 }),
    'momentum alone': fit(smallNetwork(), examples, {
      ...given,
      optimizer: sgd({ learningRate: cosineDecay(0.2, 110, { warmupSteps: 5 }), momentum: 0.8, weightDecay: 0.01 }),
    }),
    'the schedule alone': fit(smallNetwork(), examples, {
      ...given,
      optimizer: sgd({ learningRate: cosineDecay(0.2, 111, { warmupSteps: 5 }), momentum: 0.9, weightDecay: 0.01 }),
    }),
    plateaus: fit(smallNetwork(), examples, { ...given, reduceOnPlateau: { patience: 2, factor: 0.5 } }),
  };
  for (const [what, attempt] of Object.entries(refused)) {
    await assert.rejects(
      attempt,
      { reason: 'INVALID_CHECKPOINT', message: /belongs to a training with another/ },
      what,
    );
  }
  // What does not change the numbers is free.
  await fit(smallNetwork(), examples, { ...given, threads: 2, earlyStopping: { patience: 7 } });
});

test('fit refuses a damaged checkpoint and says what to do', async () => {
  const store = new MemoryStore();
  const given: FitOptions = { ...options, epochs: 1, checkpoint: { store } };
  await fit(smallNetwork(), examples, given);
  const [bytes = new Uint8Array()] = store.saved;
  const damages: readonly Uint8Array[] = [
    new Uint8Array(0),
    bytes.slice(0, 100),
    bytes.slice(0, -4),
    bytes.with(3, 255),
    new TextEncoder().encode('not a checkpoint at all'),
    // The opening brace of the progress.
    bytes.with(Buffer.from(bytes).indexOf('"progress":"{') + 12, 'x'.charCodeAt(0)),
  ];
  for (const damaged of damages) {
    const broken = new MemoryStore();
    broken.saved.push(damaged);
    await assert.rejects(fit(smallNetwork(), examples, { ...given, checkpoint: { store: broken } }), {
      reason: 'INVALID_CHECKPOINT',
      message: /remove it to start over$/,
    });
  }
});
