import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TensorSpec } from '@amaas/core';
import { readRecording, RECORDING } from './audio-input.ts';

const SAMPLES: readonly TensorSpec[] = [{ name: 'samples', dtype: 'float32', shape: [null, null] }];

/** A WAV file of 8-bit samples, one channel. */
function wav(values: readonly number[], rateHz: number): Uint8Array {
  const bytes = Buffer.alloc(44 + values.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + values.length, 4);
  bytes.write('WAVEfmt ', 8);
  for (const [at, value] of [16, 1 | (1 << 16), rateHz, rateHz, 1 | (8 << 16), 0x61746164, values.length].entries()) {
    bytes.writeUInt32LE(value, 16 + 4 * at);
  }
  bytes.set(values, 44);
  return new Uint8Array(bytes);
}

test('readRecording gives samples of one channel at the rate of the model', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-recording-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'clip.WAV');
  await writeFile(file, wav([128, 192, 0, 128], 8000));
  const target = { model: 'talks', specs: SAMPLES };
  const samples = (await readRecording(file, { ...target, sampleRateHz: 8000 })).get('samples');
  assert.deepEqual([samples?.dtype, samples?.shape, [...(samples?.data ?? [])]], ['float32', [1, 4], [0, 0.5, -1, 0]]);
  const doubled = (await readRecording(file, { ...target, sampleRateHz: 16_000 })).get('samples');
  assert.deepEqual(doubled?.shape, [1, 8]);
  await assert.rejects(readRecording(file, { ...target, sampleRateHz: null }), /does not say at which rate/);
  for (const specs of [
    [{ name: 'x', dtype: 'float32', shape: [null, 4] }],
    [{ name: 'x', dtype: 'string', shape: [null, null] }],
    [...SAMPLES, { name: 'y', dtype: 'float32', shape: [null] }],
  ] satisfies readonly (readonly TensorSpec[])[]) {
    await assert.rejects(readRecording(file, { model: 'talks', specs, sampleRateHz: 8000 }), /takes no recordings/);
  }
  assert(RECORDING.test('@a/b.wav') && !RECORDING.test('wav') && !RECORDING.test('a.wave'));
});
