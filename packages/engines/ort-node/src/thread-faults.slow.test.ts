// Threads under stress: runs that take too long cannot be ended, only left alone; threads must not leak.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Engine, LoadedModel, LoadOptions, ModelSource } from '@amaas/core';
import { createOrtEngine } from './engine.ts';
import { loopInputs, turnsTaking } from './testing/loop-runs.ts';
import { skipWithoutProc, threadCount, until } from './testing/machine.ts';
import { loopModel, ModelFolder } from './testing/models.ts';
import { failsWith, valuesOf } from './testing/tensors.ts';

describe('thread isolation', { skip: skipWithoutProc }, () => {
  let engine: Engine;
  let folder: ModelFolder;
  before(() => {
    engine = createOrtEngine();
    folder = new ModelFolder();
  });
  after(async () => {
    await engine.dispose();
    folder[Symbol.dispose]();
  });

  const load = (source: ModelSource, options: Partial<LoadOptions> = {}): Promise<LoadedModel> =>
    engine.load(source, { isolation: 'thread', instances: 1, resources: {}, maxRunMs: 300, ...options });
  const loop = (): ModelSource => folder.add('loop', loopModel());

  test('a run that takes too long gives DEADLINE_EXCEEDED, is replaced and ends its thread when it is done', async () => {
    const loaded = await load(loop());
    const turns = await turnsTaking(loaded, 2500);
    const threads = threadCount();
    const long = loaded.run(loopInputs(turns));
    const queued = loaded.run(loopInputs(4n));
    await assert.rejects(long, failsWith('DEADLINE_EXCEEDED', /did not finish within 300 ms/));
    assert.equal(engine.stuckRuns, 1);
    assert.deepEqual(valuesOf((await queued).outputs, 'y'), [16]);
    assert.equal(engine.stuckRuns, 1); // still at it, beside the one that served
    await until('the end of the long run', () => engine.stuckRuns === 0);
    await until('the end of its thread', () => threadCount() <= threads);
    await loaded.dispose();
  });

  test('with too many stuck runs the model is not ready, until one of them ends', async () => {
    const loaded = await load(loop(), { maxRunMs: 200 });
    const turns = await turnsTaking(loaded, 3000);
    for (let count = 1; count <= 3; count++) {
      await assert.rejects(loaded.run(loopInputs(turns)), failsWith('DEADLINE_EXCEEDED', /200 ms/));
      assert.equal(engine.stuckRuns, count);
    }
    await assert.rejects(loaded.run(loopInputs(2n)), failsWith('MODEL_NOT_READY', /3 of its runs do not end/));
    await until('the end of a stuck run', () => engine.stuckRuns < 3);
    assert.deepEqual(valuesOf((await loaded.run(loopInputs(2n))).outputs, 'y'), [4]);
    await loaded.dispose();
    await until('the end of all stuck runs', () => engine.stuckRuns === 0);
  });

  test('dispose does not wait for a stuck run', async () => {
    const loaded = await load(loop());
    const turns = await turnsTaking(loaded, 1500);
    const check = assert.rejects(loaded.run(loopInputs(turns)), failsWith('DEADLINE_EXCEEDED', /300 ms/));
    await loaded.dispose();
    await check;
    assert.equal(engine.stuckRuns, 1);
    await until('the end of the stuck run', () => engine.stuckRuns === 0);
  });

  test('a hundred loads and disposals leave no thread behind', async () => {
    const cycle = async (): Promise<void> => {
      const loaded = await load(loop(), { resources: { intraOpThreads: 3 } });
      await loaded.run(loopInputs(2n));
      await loaded.dispose();
    };
    await cycle();
    const threads = threadCount();
    for (let count = 0; count < 100; count++) await cycle();
    assert.ok(threadCount() <= threads, `${threads} threads before, ${threadCount()} after`);
  });
});
