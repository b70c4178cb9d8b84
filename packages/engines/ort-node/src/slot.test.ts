import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmaasError, type Clock } from '@amaas/core';
import type { Instance, InstanceJob, InstanceResult } from './instance.ts';
import { Slot, type SlotHost } from './slot.ts';
import { failsWith } from './testing/tensors.ts';

const JOB: InstanceJob = { inputs: new Map(), outputs: null, transferInputs: false };
const RESULT: InstanceResult = { outputs: new Map(), computeMs: 1 };

/** A clock that moves when it is told to. */
class ManualClock implements Clock {
  #timers = new Map<() => void, number>();
  nowMs(): number {
    return 0;
  }
  wallTime(): Date {
    return new Date(0);
  }
  schedule(delayMs: number, action: () => void): () => void {
    this.#timers.set(action, delayMs);
    return () => void this.#timers.delete(action);
  }
  get delays(): readonly number[] {
    return [...this.#timers.values()];
  }
  async fire(): Promise<void> {
    const actions = [...this.#timers.keys()];
    this.#timers.clear();
    for (const action of actions) action();
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An instance whose runs end when the test says so. */
class FakeInstance implements Instance {
  readonly inputs = [];
  readonly outputs = [];
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;
  runs: PromiseWithResolvers<InstanceResult>[] = [];
  closed = false;
  readonly killable: boolean;
  constructor(killable: boolean) {
    this.killable = killable;
  }
  run(): Promise<InstanceResult> {
    const run = Promise.withResolvers<InstanceResult>();
    this.runs.push(run);
    return run.promise;
  }
  kill(): boolean {
    if (this.killable) this.crash();
    return this.killable;
  }
  crash(): void {
    for (const run of this.runs) run.reject(new AmaasError('ENGINE_CRASHED', 'gone'));
    setImmediate(() => this.#end.resolve()); // the run may learn of it first
  }
  async close(): Promise<void> {
    this.closed = true;
  }
  unref(): void {}
  measureMemoryBytes(): null {
    return null;
  }
}

interface Bench {
  readonly slot: Slot;
  readonly clock: ManualClock;
  readonly started: FakeInstance[];
  readonly abandoned: Instance[];
  readonly state: { idleCalls: number; failStarts: boolean; mayReplace: boolean; startFailures: number };
}

function bench(killable: boolean): Bench {
  const clock = new ManualClock();
  const started = [new FakeInstance(killable)];
  const abandoned: Instance[] = [];
  const state = { idleCalls: 0, failStarts: false, mayReplace: true, startFailures: 0 };
  const host: SlotHost = {
    label: 'm@1',
    maxRunMs: 777,
    clock,
    async startInstance() {
      if (state.failStarts) throw new AmaasError('INVALID_MODEL', 'no such file');
      const instance = new FakeInstance(killable);
      started.push(instance);
      return instance;
    },
    onIdle: () => void state.idleCalls++,
    onStartFailed: () => void state.startFailures++,
    abandon(instance) {
      abandoned.push(instance);
      return state.mayReplace;
    },
  };
  const [first] = started;
  assert.ok(first !== undefined);
  return { slot: new Slot(host, first), clock, started, abandoned, state };
}

describe('Slot', () => {
  test('is busy during a run and idle after it, whether it went well or not', async () => {
    const { slot, started, state, clock } = bench(true);
    const run = slot.run(JOB);
    assert.equal(slot.state, 'busy');
    started[0]?.runs[0]?.resolve(RESULT);
    assert.equal(await run, RESULT);
    assert.equal(slot.state, 'idle');
    const refused = slot.run(JOB);
    started[0]?.runs[1]?.reject(new AmaasError('RUN_FAILED', 'no'));
    await assert.rejects(refused, failsWith('RUN_FAILED', /no/));
    assert.equal(slot.state, 'idle');
    assert.equal(state.idleCalls, 2);
    assert.deepEqual(clock.delays, []);
  });

  test('never calls itself idle between a crash and the replacement', async () => {
    const { slot, started, state, clock } = bench(true);
    const run = slot.run(JOB);
    started[0]?.crash();
    await assert.rejects(run, failsWith('ENGINE_CRASHED', /gone/));
    assert.equal(slot.state, 'replacing');
    assert.equal(state.idleCalls, 0);
    assert.deepEqual(clock.delays, [100]);
    await clock.fire();
    assert.equal(slot.state, 'idle');
    assert.equal(state.idleCalls, 1);
    assert.equal(started.length, 2);
  });

  test('waits twice as long before every further replacement, until a run succeeds', async () => {
    const { slot, started, clock } = bench(true);
    const delays: number[] = [];
    for (let crash = 0; crash < 9; crash++) {
      started.at(-1)?.crash();
      await settle();
      await settle();
      delays.push(...clock.delays);
      await clock.fire();
    }
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    const run = slot.run(JOB);
    started.at(-1)?.runs[0]?.resolve(RESULT);
    await run;
    started.at(-1)?.crash();
    await settle();
    assert.deepEqual(clock.delays, [100]);
  });

  test('tries again when a replacement cannot be started', async () => {
    const { slot, started, clock, state } = bench(true);
    state.failStarts = true;
    started[0]?.crash();
    await settle();
    await clock.fire();
    assert.equal(state.startFailures, 1);
    assert.deepEqual(clock.delays, [200]);
    state.failStarts = false;
    await clock.fire();
    assert.equal(slot.state, 'idle');
  });

  test('kills after the time limit where it can', async () => {
    const { slot, clock, abandoned } = bench(true);
    const run = slot.run(JOB);
    assert.deepEqual(clock.delays, [777]);
    const check = assert.rejects(run, failsWith('DEADLINE_EXCEEDED', /"m@1" did not finish within 777 ms/));
    await clock.fire();
    await check;
    assert.equal(slot.state, 'replacing');
    assert.deepEqual(abandoned, []);
  });

  test('abandons after the time limit where it cannot kill, and gives up when told to', async () => {
    const { slot, started, clock, abandoned, state } = bench(false);
    const check = assert.rejects(slot.run(JOB), failsWith('DEADLINE_EXCEEDED', /777 ms/));
    await clock.fire();
    await check;
    assert.deepEqual(abandoned, [started[0]]);
    await clock.fire(); // the replacement
    assert.equal(slot.state, 'idle');
    state.mayReplace = false;
    const second = assert.rejects(slot.run(JOB), failsWith('DEADLINE_EXCEEDED', /777 ms/));
    await clock.fire();
    await second;
    assert.equal(slot.state, 'given-up');
    assert.deepEqual(clock.delays, []);
    slot.retry();
    await clock.fire();
    assert.equal(slot.state, 'idle');
  });

  test('close waits for the run and closes the instance; nothing is started afterwards', async () => {
    const { slot, started, clock } = bench(true);
    const run = slot.run(JOB);
    let closed = false;
    const closing = slot.close().then(() => {
      closed = true;
    });
    await settle();
    assert.equal(closed, false);
    started[0]?.runs[0]?.resolve(RESULT);
    await Promise.all([run, closing]);
    assert.equal(started[0]?.closed, true);
    assert.deepEqual(clock.delays, []);
  });

  test('close ends after the time limit of a run that is killed or abandoned', async () => {
    for (const killable of [true, false]) {
      const { slot, clock, started } = bench(killable);
      const check = assert.rejects(slot.run(JOB), failsWith('DEADLINE_EXCEEDED', /777 ms/));
      const closing = slot.close();
      await clock.fire();
      await Promise.all([check, closing]);
      assert.deepEqual(clock.delays, []);
      assert.equal(started.length, 1);
    }
  });

  test('close during the pause before a replacement cancels it', async () => {
    const { slot, started, clock } = bench(true);
    started[0]?.crash();
    await settle();
    await slot.close();
    assert.deepEqual(clock.delays, []);
    assert.equal(started.length, 1);
  });
});
