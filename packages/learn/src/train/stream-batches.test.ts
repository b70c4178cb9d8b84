import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random } from '../statistics/index.ts';
import type { NamedTensors } from '@amaas/core';
import { batchesOfStream, type StreamEpoch } from './stream-batches.ts';
import {
  type Examples,
  type ExampleStream,
  type FitOptions,
  fit,
  rowNumbers,
  rowType,
  selectExamples,
  sgd,
} from './index.ts';
import { sliceExamples } from './examples.ts';
import {
  integers,
  matrix,
  MemoryStore,
  ortExecutor,
  smallExamples,
  smallNetwork,
  tickingClock,
  weightBytes,
} from './testing/small-training.ts';

const executor = await ortExecutor();

interface StreamSettings {
  readonly chunkRows: number;
  readonly bufferRows?: number;
  /** Whether chunks come in an order of each epoch's own. */
  readonly shuffleChunks?: boolean;
  readonly onRead?: (epoch: StreamEpoch) => void;
}

/** Rows in memory as if they were not. */
function streamOf(
  examples: Examples,
  { chunkRows, bufferRows, shuffleChunks = false, onRead }: StreamSettings,
): ExampleStream {
  const rowCount = examples.target.shape[0] ?? 0;
  return {
    rowCount,
    inputs: new Map([...examples.inputs].map(([name, tensor]) => [name, rowType(tensor)])),
    target: rowType(examples.target),
    ...(bufferRows === undefined ? {} : { bufferRows }),
    async *read(epoch) {
      onRead?.(epoch);
      const starts = Array.from({ length: Math.ceil(rowCount / chunkRows) }, (_, chunk) => chunk * chunkRows);
      if (shuffleChunks) epoch.random?.shuffle(starts);
      for (const from of starts) {
        await new Promise((resolve) => setImmediate(resolve));
        yield sliceExamples(examples, from, Math.min(rowCount, from + chunkRows));
      }
    },
  };
}

/** Rows that are their own numbers. */
function numbered(rows: number): Examples {
  return {
    inputs: new Map([['x', integers([rows, 1], [...Array(rows).keys()])]]),
    target: matrix([rows], Array(rows).fill(0)),
  };
}

const LAYOUT = { batchSize: 4, accumulate: 1 };

async function orderOf(
  stream: ExampleStream,
  random: Random | null,
  { epoch = 1, fromStep = 0, counts = [1] } = {},
): Promise<{ rows: number[]; weights: number[] }> {
  const source = batchesOfStream(stream, LAYOUT, { random, signal: undefined, check: () => {} });
  const batches = source.open(epoch, fromStep);
  const rows: number[] = [];
  const weights: number[] = [];
  for (let step = fromStep, k = 0; step < source.stepsPerEpoch; k++) {
    const count = Math.min(counts[k % counts.length] ?? 1, source.stepsPerEpoch - step);
    const fields: NamedTensors = await batches.next(count);
    rows.push(...Array.from(fields.get('x')?.data ?? [], Number));
    weights.push(...Array.from(fields.get('row weights')?.data ?? [], Number));
    assert.deepEqual(fields.get('x')?.shape, [count, 4, 1]);
    step += count;
  }
  await batches.close();
  return { rows, weights };
}

test('batchesOfStream gives every row once per epoch, shuffled within the buffer, the last batch filled up', async () => {
  const stream = streamOf(numbered(30), { chunkRows: 7, bufferRows: 12 });
  const { rows, weights } = await orderOf(stream, createRandom(1));
  assert.equal(rows.length, 32);
  assert.deepEqual(weights, [...Array(30).fill(1), 0, 0]);
  assert.deepEqual(
    rows.slice(0, 30).toSorted((a, b) => a - b),
    [...Array(30).keys()],
  );
  for (const [window, [from, to]] of [
    [0, 12],
    [12, 24],
    [24, 30],
  ].entries()) {
    const part = rows.slice(from, to);
    assert.deepEqual(
      part.toSorted((a, b) => a - b),
      [...rowNumbers(30).subarray(from, to)],
      `window ${window}`,
    );
    assert.notDeepEqual(
      part,
      part.toSorted((a, b) => a - b),
    );
  }
  // Rows of its own fill the last batch.
  assert.deepEqual(rows.slice(30), rows.slice(28, 30));
  assert.notDeepEqual((await orderOf(stream, createRandom(1), { epoch: 2 })).rows, rows);
  assert.deepEqual((await orderOf(stream, null)).rows.slice(0, 30), [...Array(30).keys()]);
});

test('batchesOfStream gives the same order however rows are cut into chunks and steps into runs, from any step on', async () => {
  const random = createRandom('cuts');
  const whole = await orderOf(streamOf(numbered(61), { chunkRows: 61, bufferRows: 16 }), createRandom(5));
  for (let trial = 0; trial < 20; trial++) {
    const settings = { chunkRows: 1 + random.integer(40), bufferRows: 16 };
    const fromStep = random.integer(16);
    const counts = [1 + random.integer(5), 1 + random.integer(5)];
    const { rows, weights } = await orderOf(streamOf(numbered(61), settings), createRandom(5), { fromStep, counts });
    const what = `${settings.chunkRows} rows a chunk, from step ${fromStep}`;
    assert.deepEqual(weights, whole.weights.slice(4 * fromStep), what);
    assert.deepEqual(rows, whole.rows.slice(4 * fromStep), what);
  }
});

const options: FitOptions = {
  executor,
  loss: 'mse',
  metrics: ['mae'],
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  epochs: 4,
  batchSize: 8,
  validation: smallExamples(20, 5, 9),
};

test('fit on a stream equals fit on the same rows in memory, to the last bit', async () => {
  const examples = { ...smallExamples(61), weights: Float32Array.from({ length: 61 }, (_, row) => 1 + (row % 3)) };
  const inMemory = await fit(smallNetwork(), examples, { ...options, shuffle: false });
  for (const [chunkRows, accumulate] of [
    [64, 1],
    [9, 1],
    [9, 2],
  ] as const) {
    const compared =
      accumulate === 1 ? inMemory : await fit(smallNetwork(), examples, { ...options, accumulate, shuffle: false });
    const streamed = await fit(smallNetwork(), streamOf(examples, { chunkRows, bufferRows: 20 }), {
      ...options,
      accumulate,
      shuffle: false,
    });
    assert.deepEqual(weightBytes(streamed.model.weights), weightBytes(compared.model.weights));
    assert.deepEqual(streamed.history, compared.history);
  }
});

test('fit on a stream resumes to the same bits', async () => {
  const stream = streamOf(smallExamples(70), { chunkRows: 12, bufferRows: 30, shuffleChunks: true });
  const straight = await fit(smallNetwork(), stream, options);
  for (const cut of [1, 4, 9, 13]) {
    const store = new MemoryStore();
    const controller = new AbortController();
    let seen = 0;
    const attempt = fit(smallNetwork(), stream, {
      ...options,
      checkpoint: { store },
      signal: controller.signal,
      clock: tickingClock(() => 100),
      onProgress() {
        seen++;
        if (seen === cut) controller.abort();
      },
    });
    await assert.rejects(attempt, { reason: 'CANCELLED' });
    const resumed = await fit(smallNetwork(), stream, { ...options, checkpoint: { store } });
    assert.deepEqual(weightBytes(resumed.model.weights), weightBytes(straight.model.weights));
    assert.deepEqual(resumed.history, straight.history);
  }
});

test('fit reads a stream once per epoch and stops reading when it is cancelled', async () => {
  const epochs: number[] = [];
  const drawn: (number | undefined)[] = [];
  const onRead = ({ epoch, random }: StreamEpoch): void => {
    epochs.push(epoch);
    drawn.push(random?.uniform());
  };
  const examples = smallExamples(64);
  await fit(smallNetwork(), streamOf(examples, { chunkRows: 16, onRead }), options);
  assert.deepEqual(epochs, [1, 2, 3, 4]);
  assert.equal(new Set(drawn).size, 4);
  await fit(smallNetwork(), streamOf(examples, { chunkRows: 16, onRead }), { ...options, epochs: 1, shuffle: false });
  assert.equal(drawn.at(-1), undefined);
  let closed = 0;
  const endless: ExampleStream = {
    ...streamOf(examples, { chunkRows: 16 }),
    rowCount: 1_000_000,
    bufferRows: 16,
    async *read() {
      try {
        for (;;) yield sliceExamples(examples, 0, 16);
      } finally {
        closed++;
      }
    },
  };
  const controller = new AbortController();
  const attempt = fit(smallNetwork(), endless, {
    ...options,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await assert.rejects(attempt, { reason: 'CANCELLED' });
  assert.equal(closed, 1);
});

test('fit refuses a stream that does not keep what it announced', async () => {
  const examples = smallExamples(40);
  const stream = streamOf(examples, { chunkRows: 16 });
  const nan = selectExamples(examples, rowNumbers(40));
  if (nan.target.dtype === 'float32') nan.target.data[18] = Number.NaN;
  const cases: readonly (readonly [ExampleStream, string])[] = [
    [
      { ...stream, rowCount: 39 },
      'fit: the stream announced 39 rows and gave at least 40 in epoch 1; it must give the same rows every time',
    ],
    [
      { ...stream, rowCount: 41 },
      'fit: the stream announced 41 rows and gave 40 in epoch 1; it must give the same rows every time',
    ],
    [
      { ...stream, rowCount: 32, bufferRows: 16 },
      'fit: the stream announced 32 rows and gave at least 40 in epoch 1; it must give the same rows every time',
    ],
    [
      { ...stream, inputs: new Map([['x', { dtype: 'float32', shape: [4] }]]) },
      'fit: chunk 0 of epoch 1: input "x" is float32 [rows,5], the training\'s is float32 [rows,4]',
    ],
    [
      streamOf(nan, { chunkRows: 16 }),
      'fit: chunk 1 of epoch 1: meanSquaredError: targets must be finite numbers; row 2 has NaN',
    ],
    [
      { ...stream, read: () => [{ ...examples, target: matrix([0], []) }] },
      'examples: the target has no rows (shape [0])',
    ],
  ];
  const { validation: _, ...withoutValidation } = options;
  for (const [given, message] of cases) {
    await assert.rejects(fit(smallNetwork(), given, withoutValidation), { message });
  }
  await assert.rejects(fit(smallNetwork(), stream, { ...options, validation: 0.2 }), {
    reason: 'INVALID_ARGUMENT',
    message: 'fit: a stream needs validation rows of its own, not a share',
  });
  const failing: ExampleStream = {
    ...stream,
    async *read() {
      yield sliceExamples(examples, 0, 16);
      throw new Error('the disk is gone');
    },
  };
  await assert.rejects(fit(smallNetwork(), failing, options), { message: 'the disk is gone' });
});
