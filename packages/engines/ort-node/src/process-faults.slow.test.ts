// Child processes under stress: runs that never return, children that are killed, a parent that is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AmaasError, type Engine, type LoadedModel, type LoadOptions, type ModelSource } from '@amaas/core';
import { createOrtEngine } from './engine.ts';
import { ENDLESS, loopInputs, turnsTaking } from './testing/loop-runs.ts';
import { childPids, isAlive, skipWithoutProc, until } from './testing/machine.ts';
import { layerModel, loopModel, ModelFolder } from './testing/models.ts';
import { failsWith, floats, named, valuesOf } from './testing/tensors.ts';

describe('process isolation', { skip: skipWithoutProc }, () => {
  let engine: Engine;
  let folder: ModelFolder;
  before(() => {
    engine = createOrtEngine();
    folder = new ModelFolder();
  });
  after(async () => {
    await engine.dispose();
    folder[Symbol.dispose]();
    assert.deepEqual(childPids(), []);
  });

  const load = (source: ModelSource, options: Partial<LoadOptions> = {}): Promise<LoadedModel> =>
    engine.load(source, { isolation: 'process', instances: 1, resources: {}, maxRunMs: 60_000, ...options });
  const loop = (): ModelSource => folder.add('loop', loopModel());

  test('an endless run is killed with DEADLINE_EXCEEDED, its queue and other models are served', async () => {
    const stuck = await load(loop(), { maxRunMs: 1000 });
    const other = await load(folder.add('layer', layerModel(2, 1)), { isolation: 'thread' });
    const [firstPid] = childPids();
    const endless = stuck.run(loopInputs(ENDLESS));
    const queued = stuck.run(loopInputs(4n));
    const check = assert.rejects(endless, failsWith('DEADLINE_EXCEEDED', /"loop@1" did not finish within 1000 ms/));
    let served = 0;
    let over = false;
    void check.finally(() => {
      over = true;
    });
    while (!over) {
      await other.run(named({ x: floats([1, 2], [1, 2]) }));
      served++;
    }
    await check;
    assert.ok(served > 100, `${served} runs of another model while one was stuck`);
    assert.deepEqual(valuesOf((await queued).outputs, 'y'), [16]);
    assert.ok(firstPid !== undefined && !isAlive(firstPid));
    assert.equal(engine.stuckRuns, 0);
    await Promise.all([stuck.dispose(), other.dispose()]);
  });

  test('a child killed in the middle of a run gives ENGINE_CRASHED, retryable, and is replaced', async () => {
    const loaded = await load(loop());
    const [pid = 0] = childPids();
    const run = loaded.run(loopInputs(ENDLESS));
    const queued = [loaded.run(loopInputs(3n)), loaded.run(loopInputs(5n))];
    setTimeout(() => process.kill(pid, 'SIGKILL'), 200);
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.retryable, true);
      assert.equal(error.details['signal'], 'SIGKILL');
      return failsWith('ENGINE_CRASHED', /process of model "loop@1" was killed by SIGKILL/)(error);
    });
    const [third, fifth] = await Promise.all(queued);
    assert.deepEqual(
      [valuesOf(third?.outputs ?? new Map(), 'y'), valuesOf(fifth?.outputs ?? new Map(), 'y')],
      [[8], [32]],
    );
    await loaded.dispose();
  });

  test('an idle child that dies is replaced before anybody asks', async () => {
    const loaded = await load(loop());
    const [pid = 0] = childPids();
    process.kill(pid, 'SIGKILL');
    await until('a replacement', () => childPids().some((other) => other !== pid));
    assert.deepEqual(valuesOf((await loaded.run(loopInputs(2n))).outputs, 'y'), [4]);
    await loaded.dispose();
  });

  test('a child that cannot be replaced, its model being gone, gives MODEL_NOT_READY', async () => {
    using own = new ModelFolder();
    const loaded = await load(own.add('loop', loopModel()));
    own[Symbol.dispose]();
    const [pid = 0] = childPids();
    process.kill(pid, 'SIGKILL');
    await until('the end of the child', () => !isAlive(pid));
    await assert.rejects(loaded.run(loopInputs(2n))); // noticed before or after it is sent: either refusal will do
    await assert.rejects(
      loaded.run(loopInputs(2n)),
      failsWith('MODEL_NOT_READY', /replacement could not be started: .*loop.onnx.*doesn't exist/),
    );
    await loaded.dispose();
  });

  test('SIGTERM and SIGINT, which a terminal sends to the whole group, do not end a child', async () => {
    const loaded = await load(loop());
    const [pid = 0] = childPids();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    await loaded.run(loopInputs(2n));
    assert.deepEqual(childPids(), [pid]);
    await loaded.dispose();
  });

  test('run is CANCELLED at once while its child works on, and a cancelled one in the queue is never run', async () => {
    const loaded = await load(loop());
    const turns = await turnsTaking(loaded, 600);
    const pids = childPids();
    const controller = new AbortController();
    const running = loaded.run(loopInputs(turns), { signal: controller.signal });
    const waiting = loaded.run(loopInputs(ENDLESS), { signal: controller.signal });
    const last = loaded.run(loopInputs(3n));
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(running, failsWith('CANCELLED', /loop@1/));
    await assert.rejects(waiting, failsWith('CANCELLED', /loop@1/));
    assert.deepEqual(valuesOf((await last).outputs, 'y'), [8]);
    assert.deepEqual(childPids(), pids); // had the endless one been run, its child would have been killed
    await loaded.dispose();
  });

  test('dispose waits for a run, ends an endless one after maxRunMs, and leaves no child', async () => {
    const loaded = await load(loop(), { maxRunMs: 1500 });
    const turns = await turnsTaking(loaded, 300);
    const run = loaded.run(loopInputs(turns));
    const disposal = loaded.dispose();
    await run;
    await disposal;
    assert.deepEqual(childPids(), []);
    const endless = await load(loop(), { maxRunMs: 500 });
    const check = assert.rejects(endless.run(loopInputs(ENDLESS)), failsWith('DEADLINE_EXCEEDED', /500 ms/));
    await endless.dispose();
    await check;
    assert.deepEqual(childPids(), []);
  });

  test('measureMemoryBytes is what the children occupy', async () => {
    const one = await load(loop());
    const oneBytes = one.measureMemoryBytes() ?? 0;
    assert.ok(oneBytes > 20e6 && oneBytes < 1e9, String(oneBytes));
    const two = await load(loop(), { instances: 2 });
    assert.ok((two.measureMemoryBytes() ?? 0) > oneBytes * 1.4);
    await Promise.all([one.dispose(), two.dispose()]);
    assert.equal(one.measureMemoryBytes(), 0);
  });

  for (const mode of ['idle', 'stuck']) {
    test(`a child that is ${mode} ends when its parent is killed`, async () => {
      const { modelPath } = loop();
      const script = join(import.meta.dirname, 'testing', 'orphan-parent.ts');
      const parent = spawn(process.execPath, [script, modelPath, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await once(parent.stdout, 'data');
      const childPid = Number(String(line));
      assert.ok(isAlive(childPid));
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      await until(`the end of child ${childPid}`, () => !isAlive(childPid));
    });
  }

  test('twenty loads and disposals leave neither children nor open pipes', async () => {
    const before = process.getActiveResourcesInfo().length;
    for (let cycle = 0; cycle < 20; cycle++) {
      const loaded = await load(loop());
      await loaded.run(loopInputs(2n));
      await loaded.dispose();
    }
    assert.deepEqual(childPids(), []);
    assert.ok(process.getActiveResourcesInfo().length <= before + 2, process.getActiveResourcesInfo().join(' '));
  });
});
