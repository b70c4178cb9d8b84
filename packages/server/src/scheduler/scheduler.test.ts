import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type NamedTensors } from '@amaas/core';
import { type BatchReport, ModelScheduler, type SchedulerOptions } from './scheduler.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';
import { FakeModel } from './testing/fake-model.ts';

function rows(...values: readonly number[]): NamedTensors {
  return new Map([
    [
      'x',
      createTensor('float32', [values.length, 2], Float32Array.from(values.flatMap((value) => [value, value + 0.5]))),
    ],
  ]);
}

function valuesOf(result: { readonly outputs: NamedTensors }): readonly number[] {
  const y = result.outputs.get('y');
  assert.ok(y?.dtype === 'float32');
  return [...y.data];
}

function create(model: FakeModel, overrides: Partial<SchedulerOptions> = {}) {
  const clock = new FakeClock();
  const reports: BatchReport[] = [];
  const scheduler = new ModelScheduler(
    model,
    {
      label: 'm@1',
      policy: { maxRows: 8, maxDelayMs: 5, preferredRows: [] },
      maxQueueSize: 100,
      whenFull: 'reject',
      initialCost: { fixedMs: 0, msPerRow: 1 },
      ...overrides,
    },
    { clock, observe: (report) => reports.push(report) },
  );
  return { clock, reports, scheduler };
}

const reasonIs = (reason: string) => (error: unknown) => error instanceof AmaasError && error.reason === reason;

test('ModelScheduler joins requests of one turn and gives each its own rows', async () => {
  const model = new FakeModel();
  const { scheduler, reports } = create(model);
  const first = scheduler.submit(rows(1));
  const second = scheduler.submit(rows(2, 3));
  await settle();
  assert.equal(model.runs.length, 1);
  assert.equal(model.runs[0]?.rows, 3);
  model.runs[0]?.finish();
  assert.deepEqual(valuesOf(await first), [2, 3]);
  assert.deepEqual(valuesOf(await second), [4, 5, 6, 7]);
  assert.deepEqual(
    reports.map(({ rows: count, requests, reason }) => ({ count, requests, reason })),
    [{ count: 3, requests: 2, reason: 'cost' }],
  );
});

test('ModelScheduler keeps to maxRows and reports full batches', async () => {
  const model = new FakeModel();
  model.autoFinishMs = 0;
  const { scheduler, reports } = create(model, { policy: { maxRows: 4, maxDelayMs: 5, preferredRows: [] } });
  await Promise.all(Array.from({ length: 9 }, (_, index) => scheduler.submit(rows(index))));
  assert.deepEqual(
    model.runs.map((run) => run.rows),
    [4, 4, 1],
  );
  assert.deepEqual(
    reports.map((report) => report.reason),
    ['full', 'full', 'cost'],
  );
});

test('ModelScheduler runs a request of more rows than maxRows alone and whole', async () => {
  const model = new FakeModel();
  model.autoFinishMs = 0;
  const { scheduler } = create(model, { policy: { maxRows: 2, maxDelayMs: 5, preferredRows: [] } });
  const [big] = await Promise.all([scheduler.submit(rows(1, 2, 3)), scheduler.submit(rows(9))]);
  assert.deepEqual(valuesOf(big), [2, 3, 4, 5, 6, 7]);
  assert.deepEqual(
    model.runs.map((run) => run.rows),
    [3, 1],
  );
});

test('ModelScheduler waits for company while the cost model says it pays, and no longer than maxDelayMs', async () => {
  const model = new FakeModel();
  const { scheduler, clock, reports } = create(model, { initialCost: { fixedMs: 50, msPerRow: 0.1 } });
  // Two arrivals 1 ms apart teach the gap; both wait, because a run costs 50 ms however few its rows.
  void scheduler.submit(rows(1));
  await settle();
  model.runs[0]?.finish(); // the very first has no gap to go by and runs at once
  await settle();
  await clock.advance(1);
  void scheduler.submit(rows(2));
  await settle();
  assert.equal(model.runs.length, 1);
  await clock.advance(1);
  void scheduler.submit(rows(3));
  await settle();
  assert.equal(model.runs.length, 1);
  await clock.advance(4);
  assert.equal(model.runs.length, 2);
  assert.equal(model.runs[1]?.rows, 2);
  model.runs[1]?.finish();
  await settle();
  assert.equal(reports[1]?.reason, 'delay');
});

test('ModelScheduler stops waiting at a preferred size', async () => {
  const model = new FakeModel();
  const { scheduler, clock, reports } = create(model, { policy: { maxRows: 8, maxDelayMs: 5, preferredRows: [3] } });
  void scheduler.submit(rows(1, 2));
  await settle();
  assert.equal(model.runs.length, 0);
  await clock.advance(1);
  void scheduler.submit(rows(3));
  await settle();
  assert.equal(model.runs[0]?.rows, 3);
  model.runs[0]?.finish();
  await settle();
  assert.equal(reports[0]?.reason, 'preferred');
});

test('ModelScheduler never joins requests whose other dims differ', async () => {
  const model = new FakeModel({ shape: ['N', 'T'] });
  model.autoFinishMs = 0;
  const { scheduler } = create(model);
  const wide = new Map([['x', createTensor('float32', [1, 3], Float32Array.of(1, 2, 3))]]);
  const [a, b, c] = await Promise.all([scheduler.submit(rows(7)), scheduler.submit(wide), scheduler.submit(rows(8))]);
  assert.deepEqual(valuesOf(a), [14, 15]);
  assert.deepEqual(valuesOf(b), [2, 4, 6]);
  assert.deepEqual(valuesOf(c), [16, 17]);
  assert.deepEqual(model.runs.map((run) => run.rows).sort(), [1, 2]);
});

test('ModelScheduler runs unbatched models one request at a time on every instance', async () => {
  const model = new FakeModel({ instances: 2 });
  const { scheduler, reports } = create(model, { policy: { maxRows: 1, maxDelayMs: 5, preferredRows: [] } });
  const all = [rows(1), rows(2), rows(3)].map((inputs) => scheduler.submit(inputs));
  assert.equal(model.runs.length, 2);
  assert.equal(scheduler.queueDepth, 1);
  model.runs[0]?.finish();
  await settle();
  assert.equal(model.runs.length, 3);
  for (const run of model.runs) run.finish();
  assert.deepEqual((await Promise.all(all)).map(valuesOf), [
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
  assert.ok(reports.every((report) => report.reason === 'unbatched'));
});

test('ModelScheduler serves urgent requests first and keeps arrival order within a priority', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model, { policy: { maxRows: 1, maxDelayMs: 0, preferredRows: [] } });
  const order: string[] = [];
  const submit = (name: string, priority?: number) =>
    scheduler.submit(rows(1), priority === undefined ? {} : { priority }).then(() => order.push(name));
  const all = [submit('running'), submit('default'), submit('low', 5), submit('high', 1), submit('high2', 1)];
  for (let run = 0; run < 5; run++) {
    model.runs[run]?.finish();
    await settle();
  }
  await Promise.all(all);
  assert.deepEqual(order, ['running', 'high', 'high2', 'low', 'default']);
});

test('ModelScheduler refuses newcomers beyond maxQueueSize', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model, { maxQueueSize: 1, policy: { maxRows: 1, maxDelayMs: 0, preferredRows: [] } });
  const running = scheduler.submit(rows(1));
  const waiting = scheduler.submit(rows(2));
  await assert.rejects(scheduler.submit(rows(3)), reasonIs('QUEUE_FULL'));
  model.runs[0]?.finish();
  await settle();
  model.runs[1]?.finish();
  await Promise.all([running, waiting]);
});

test('ModelScheduler displaces the last request of lower priority when told to', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model, {
    maxQueueSize: 1,
    whenFull: 'displace',
    policy: { maxRows: 1, maxDelayMs: 0, preferredRows: [] },
  });
  const running = scheduler.submit(rows(1));
  const victim = scheduler.submit(rows(2));
  const urgent = scheduler.submit(rows(3), { priority: 1 });
  await assert.rejects(victim, reasonIs('QUEUE_FULL'));
  await assert.rejects(scheduler.submit(rows(4)), reasonIs('QUEUE_FULL'));
  model.runs[0]?.finish();
  await settle();
  model.runs[1]?.finish();
  await running;
  assert.deepEqual(valuesOf(await urgent), [6, 7]);
});

test('ModelScheduler answers DEADLINE_EXCEEDED when a request waited longer than it allowed', async () => {
  const model = new FakeModel();
  const { scheduler, clock } = create(model, { policy: { maxRows: 1, maxDelayMs: 0, preferredRows: [] } });
  void scheduler.submit(rows(1));
  const late = scheduler.submit(rows(2), { timeoutMs: 20 });
  const refused = assert.rejects(late, reasonIs('DEADLINE_EXCEEDED'));
  await clock.advance(19);
  assert.equal(scheduler.queueDepth, 1);
  await clock.advance(1);
  await refused;
  assert.equal(scheduler.queueDepth, 0);
});

test('ModelScheduler drops a waiting request when its caller goes away', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model, { policy: { maxRows: 1, maxDelayMs: 0, preferredRows: [] } });
  const running = scheduler.submit(rows(1));
  const controller = new AbortController();
  const gone = scheduler.submit(rows(2), { signal: controller.signal });
  const refused = assert.rejects(gone, reasonIs('CANCELLED'));
  controller.abort();
  await refused;
  model.runs[0]?.finish();
  await running;
  await settle();
  assert.equal(model.runs.length, 1);
});

test('ModelScheduler runs the requests of a refused batch separately, so that only the culprit fails', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model);
  const results = [scheduler.submit(rows(1)), scheduler.submit(rows(2))];
  const settled = Promise.allSettled(results);
  await settle();
  model.runs[0]?.fail(new AmaasError('RUN_FAILED', 'index out of range'));
  await settle();
  model.runs[1]?.finish();
  await settle();
  model.runs[2]?.fail(new AmaasError('RUN_FAILED', 'index out of range'));
  const [good, bad] = await settled;
  assert.equal(good?.status, 'fulfilled');
  assert.ok(bad?.status === 'rejected' && reasonIs('RUN_FAILED')(bad.reason));
});

test('ModelScheduler passes an engine crash on to every request of the batch, unrepeated', async () => {
  const model = new FakeModel();
  const { scheduler } = create(model);
  const settled = Promise.allSettled([scheduler.submit(rows(1)), scheduler.submit(rows(2))]);
  await settle();
  model.runs[0]?.fail(new AmaasError('ENGINE_CRASHED', 'killed'));
  for (const result of await settled)
    assert.ok(result.status === 'rejected' && reasonIs('ENGINE_CRASHED')(result.reason));
  assert.equal(model.runs.length, 1);
});

test('ModelScheduler.drain answers what was accepted and refuses the rest', async () => {
  const model = new FakeModel();
  const { scheduler, clock } = create(model, { policy: { maxRows: 8, maxDelayMs: 1000, preferredRows: [8] } });
  const accepted = scheduler.submit(rows(1));
  await settle();
  assert.equal(model.runs.length, 0);
  const drained = scheduler.drain();
  await assert.rejects(scheduler.submit(rows(2)), reasonIs('SHUTTING_DOWN'));
  model.runs[0]?.finish();
  assert.deepEqual(valuesOf(await accepted), [2, 3]);
  await drained;
  assert.equal(clock.pendingTimers, 0);
});

test('ModelScheduler never crosses replies: random sizes, shapes, priorities, cancellations and failures', async () => {
  let seed = 20261121;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
  const model = new FakeModel({ instances: 3, shape: ['N', 'T'] });
  const { scheduler, clock } = create(model, {
    policy: { maxRows: 6, maxDelayMs: 3, preferredRows: [4] },
    maxQueueSize: 10_000,
  });
  let answered = 0;
  let refused = 0;
  const all: Promise<void>[] = [];
  for (let round = 0; round < 400; round++) {
    for (let request = random(6); request > 0; request--) {
      const shape = [1 + random(3), 1 + random(3)] as const;
      const data = Float32Array.from({ length: shape[0] * shape[1] }, () => random(1 << 20));
      const controller = new AbortController();
      const options = {
        signal: controller.signal,
        priority: random(3),
        ...(random(8) === 0 ? { timeoutMs: random(5) } : {}),
      };
      const promise = scheduler.submit(new Map([['x', createTensor('float32', shape, data)]]), options).then(
        (result) => {
          const y = result.outputs.get('y');
          assert.deepEqual(y?.shape, [...shape]);
          assert.deepEqual(
            valuesOf(result),
            [...data].map((value) => value * 2),
          );
          answered++;
        },
        (error: unknown) => {
          assert.ok(
            error instanceof AmaasError && ['CANCELLED', 'DEADLINE_EXCEEDED', 'RUN_FAILED'].includes(error.reason),
          );
          refused++;
        },
      );
      if (random(10) === 0) controller.abort();
      all.push(promise);
    }
    await clock.advance(random(4));
    for (const run of model.runs.splice(0)) {
      if (random(20) === 0) run.fail(new AmaasError('RUN_FAILED', 'unlucky'));
      else run.finish();
    }
    await settle();
  }
  const drained = scheduler.drain();
  while (scheduler.queueDepth + scheduler.running > 0) {
    for (const run of model.runs.splice(0)) run.finish();
    await clock.advance(1);
  }
  await drained;
  await Promise.all(all);
  assert.ok(answered > 500 && refused > 20, `answered ${answered}, refused ${refused}`);
  assert.equal(clock.pendingTimers, 0);
});
