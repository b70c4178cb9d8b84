// Unloading gives memory back to the system: measured with a model of 120 MB in a process of its own per isolation.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import type { Isolation, LoadedModel } from '@amaas/core';
import { createOrtEngine } from './engine.ts';
import { childPids, residentBytes, skipWithoutProc } from './testing/machine.ts';
import { layerModel, ModelFolder } from './testing/models.ts';
import { floats, named } from './testing/tensors.ts';

const INPUTS = 5000;
const MODEL_BYTES = INPUTS * 6000 * 4;

describe('memory', { skip: skipWithoutProc }, () => {
  for (const isolation of ['thread', 'process'] as const) {
    test(`dispose gives back what a large model took, isolation ${isolation}`, async (context) => {
      using folder = new ModelFolder();
      const engine = createOrtEngine();
      const load = (model: string, bytes: Uint8Array): Promise<LoadedModel> =>
        loadAs(engine, isolation, folder, model, bytes);
      const small = await load('small', layerModel(4, 4)); // so that the runtime itself is not counted
      const large = layerModel(INPUTS, 6000);
      const beforeBytes = await settledBytes();
      const loaded = await load('large', large);
      const x = floats([64, INPUTS], new Float32Array(64 * INPUTS));
      for (let count = 0; count < 5; count++) await loaded.run(named({ x }));
      const grownBytes = (await settledBytes()) + (loaded.measureMemoryBytes() ?? 0) - beforeBytes;
      await loaded.dispose();
      const leftBytes = (await settledBytes()) - beforeBytes;
      context.diagnostic(`grew by ${megabytes(grownBytes)}, ${megabytes(leftBytes)} left after dispose`);
      assert.ok(grownBytes > MODEL_BYTES, megabytes(grownBytes));
      assert.ok(leftBytes < grownBytes / 2, `${megabytes(leftBytes)} of ${megabytes(grownBytes)} left`);
      await small.dispose();
      await engine.dispose();
      assert.deepEqual(childPids(), []);
    });
  }
});

function loadAs(
  engine: ReturnType<typeof createOrtEngine>,
  isolation: Isolation,
  folder: ModelFolder,
  ...[name, bytes]: [string, Uint8Array]
): Promise<LoadedModel> {
  return engine.load(folder.add(name, bytes), { isolation, instances: 1, resources: {}, maxRunMs: 60_000 });
}

/** Resident bytes once what just ended has left. */
async function settledBytes(): Promise<number> {
  await sleep(500);
  return residentBytes();
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
