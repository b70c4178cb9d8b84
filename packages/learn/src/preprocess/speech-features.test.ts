import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { createLogMel, type LogMelDescription, speechLogMel } from '../data/index.ts';
import { input } from '../graph/index.ts';
import { createRandom } from '../statistics/index.ts';
import { buildSpeechFeatures, speechFrames } from './speech-features.ts';

const executor = await createOrtNodeExecutor();
const LOG_MEL: LogMelDescription = { ...speechLogMel(8000, 12), floor: 1e-7 };

/** Samples of silence that are heard behind a recording. */
const TAIL = 1600;

function withTail(sound: Float32Array): Float32Array {
  const longer = new Float32Array(sound.length + TAIL);
  longer.set(sound);
  return longer;
}

function madeSound(length: number, seed: number, peak: number): Float32Array {
  const random = createRandom(seed);
  const sound = Float32Array.from({ length }, (_, at) => Math.sin(at * 0.3 * seed) + 0.2 * random.normal());
  const loudest = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return sound.map((value) => (value * peak) / loudest);
}

/** Own frames of each row, [bands][frames] each, and how many. */
async function featuresOf(rows: readonly Float32Array[], length: number): Promise<readonly (readonly number[])[]> {
  const data = new Float32Array(rows.length * length);
  for (const [row, sound] of rows.entries()) data.set(sound, row * length);
  const samples = input('samples', 'float32', ['N', 'samples']);
  const { features, frames } = buildSpeechFeatures(samples, LOG_MEL);
  const outputs = simplify(
    new Map([
      ['features', features],
      ['frames', frames],
    ]),
  );
  const compiled = await executor.compile(compileToOnnx(outputs, { inputs: [samples] }));
  try {
    const found = await compiled.run(new Map([['samples', createTensor('float32', [rows.length, length], data)]]));
    const [values, counts] = [found.get('features'), found.get('frames')];
    if (values?.dtype !== 'float32' || counts?.dtype !== 'int64') assert.fail();
    const [, bands = 0, all = 0] = values.shape;
    return Array.from(counts.data, (count, row) =>
      Array.from({ length: bands }, (_, band) =>
        Array.from(values.data.subarray((row * bands + band) * all, (row * bands + band) * all + Number(count))),
      ).flat(),
    );
  } finally {
    await compiled.dispose();
  }
}

test('buildSpeechFeatures computes what createLogMel does of every recording at one loudness with silence behind it', async () => {
  const sounds = [madeSound(1000, 1, 0.5), madeSound(337, 2, 0.04), madeSound(900, 3, 1)];
  const oracle = createLogMel(LOG_MEL);
  const found = await featuresOf(sounds, 1000);
  for (const [row, sound] of sounds.entries()) {
    const peak = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const { frames, bands, values } = oracle(withTail(sound.map((value) => value / peak)));

    assert.equal(frames, speechFrames(sound.length, LOG_MEL));
    const own = found[row] ?? [];
    assert.equal(own.length, frames * bands);
    for (const [at, value] of own.entries()) {
      const wanted = values[(at % frames) * bands + Math.floor(at / frames)] ?? Number.NaN;
      assert(Math.abs(value - wanted) < 2e-3, `row ${row}, ${at}: ${value} is not ${wanted}`);
    }
  }
});

test('buildSpeechFeatures takes zeros at the end for padding, and nothing but them', async () => {
  const sounds = [madeSound(1000, 1, 0.5), madeSound(337, 2, 0.04)];
  const [padded, expected] = [await featuresOf(sounds, 5003), await featuresOf(sounds, 1000)];
  for (const [row, values] of padded.entries()) {
    assert.equal(values.length, expected[row]?.length);
    for (const [at, value] of values.entries())
      assert(Math.abs(value - (expected[row]?.[at] ?? Number.NaN)) < 1e-4, `row ${row}, ${at}`);
  }
  const paused = new Float32Array(900);
  paused.set(sounds[1] ?? []);
  paused[800] = 0.01;
  const [own = []] = await featuresOf([paused], 1000);
  assert.equal(own.length, speechFrames(801, LOG_MEL) * 12);
});

test('buildSpeechFeatures takes what is too short, silent or empty', async () => {
  const short = madeSound(40, 4, 0.3);
  const [first = [], second = []] = await featuresOf([short, new Float32Array(40)], 40);
  assert.equal(first.length, 21 * 12);
  assert.deepEqual(second, new Array(21 * 12).fill(Math.fround(Math.log(1e-7))));
  const [none = []] = await featuresOf([new Float32Array(0)], 0);
  assert.deepEqual(none, second);
  // Noise alone is not made as loud as speech.
  const [noise = []] = await featuresOf([short.map((value) => value * 1e-4)], 40);
  assert(Math.max(...noise) < Math.max(...first) - 5);
});
