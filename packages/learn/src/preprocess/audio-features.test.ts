import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { createLogMel, type LogMelDescription, speechLogMel } from '../data/index.ts';
import { input, type Value } from '../graph/index.ts';
import { createRandom } from '../statistics/index.ts';
import { audioFeatureShape, buildAudioFeatures } from './audio-features.ts';

const executor = await createOrtNodeExecutor();
const SAMPLES = 1000;

const BASE: LogMelDescription = { ...speechLogMel(8000, 12), floor: 1e-7 };
const DESCRIPTIONS: readonly (readonly [name: string, description: LogMelDescription])[] = [
  ['as for speech', BASE],
  ['zeros on both sides, decibels', { ...BASE, padding: 'zero', log: 'decibel', window: 'hamming' }],
  ['mirrored, magnitudes in decibels', { ...BASE, padding: 'reflect', power: 1, log: 'decibel' }],
  ['log10, a number per band', { ...BASE, log: 'log10', normalisation: fixed(12) }],
  ['one number for all bands', { ...BASE, melScale: 'htk', melNorm: 'none', normalisation: fixed(1) }],
  [
    'each clip to mean 0, an odd length',
    { ...BASE, fftLength: 205, windowLength: 200, normalisation: { kind: 'clip' } },
  ],
];

for (const [name, logMel] of DESCRIPTIONS) {
  test(`buildAudioFeatures computes what createLogMel does: ${name}`, async () => {
    const clips = [madeSound(SAMPLES, 1), madeSound(SAMPLES, 2)];
    const { bands, frames, rows } = await featuresOf(clips, logMel);
    const oracle = createLogMel(logMel);
    for (const [row, clip] of clips.entries()) {
      const expected = oracle(clip);
      assert.deepEqual([expected.bands, expected.frames], [bands, frames]);
      for (let band = 0; band < bands; band++) {
        for (let frame = 0; frame < frames; frame++) {
          const value = rows[row]?.[band * frames + frame] ?? Number.NaN;
          const wanted = expected.values[frame * bands + band] ?? Number.NaN;
          assert(Math.abs(value - wanted) < 2e-3, `band ${band}, frame ${frame}: ${value} is not ${wanted}`);
        }
      }
    }
  });
}

test('buildAudioFeatures cuts long clips, puts silence behind short ones, and takes none at all', async () => {
  const whole = madeSound(SAMPLES, 3);
  const longer = Float32Array.from([...whole, 1, -1, 0.5]);
  const short = whole.subarray(0, 300);
  const padded = new Float32Array(SAMPLES);
  padded.set(short);
  const [expected, fromLonger] = [await featuresOf([whole], BASE), await featuresOf([longer], BASE)];
  assert.deepEqual(fromLonger, expected);
  assert.deepEqual(await featuresOf([short], BASE), await featuresOf([padded], BASE));
  assert.deepEqual(await featuresOf([new Float32Array(0)], BASE), await featuresOf([new Float32Array(SAMPLES)], BASE));
});

test('buildAudioFeatures gives NaN for the frames with a sample that is no number, and to no other clip', async () => {
  const broken = madeSound(SAMPLES, 4).fill(Number.NaN, 990);
  const { rows, frames } = await featuresOf([broken, madeSound(SAMPLES, 5)], BASE);
  assert(Number.isFinite(rows[0]?.[0]) && rows[1]?.every(Number.isFinite));
  assert.equal(frames, 10);
});

test('audioFeatureShape refuses fewer samples than a frame has', () => {
  assert.deepEqual(audioFeatureShape({ samples: SAMPLES, logMel: BASE }), [12, 10]);
  assert.throws(
    () => audioFeatureShape({ samples: 200, logMel: BASE }),
    (error) => error instanceof AmaasError && error.reason === 'INVALID_CONFIG',
  );
});

function fixed(bands: number): LogMelDescription['normalisation'] {
  const numbers = Array.from({ length: bands }, (_, band) => band + 2);
  return { kind: 'fixed', mean: numbers.map((number) => -number), std: numbers.map((number) => number / 3) };
}

/** Tones and noise. */
function madeSound(length: number, seed: number): Float32Array {
  const random = createRandom(seed);
  const [low, high] = [300 + 900 * random.uniform(), 1500 + 2000 * random.uniform()];
  return Float32Array.from({ length }, (_, at) => {
    const time = (2 * Math.PI * at) / 8000;
    return 0.4 * Math.sin(low * time) + 0.2 * Math.sin(high * time) + 0.02 * random.normal();
  });
}

async function featuresOf(clips: readonly Float32Array[], logMel: LogMelDescription) {
  const x: Value = input('samples', 'float32', ['N', 'samples']);
  const output = buildAudioFeatures(x, { samples: SAMPLES, logMel });
  const compiled = await executor.compile(compileToOnnx(simplify(new Map([['y', output]])), { inputs: [x] }));
  const width = clips[0]?.length ?? 0;
  const data = Float32Array.from(clips.flatMap((clip) => [...clip]));
  const result = (await compiled.run(new Map([['samples', createTensor('float32', [clips.length, width], data)]]))).get(
    'y',
  );
  await compiled.dispose();
  assert(result?.dtype === 'float32');
  const [, bands = 0, frames = 0] = result.shape;
  const rows = clips.map((_, row) => [...result.data.subarray(row * bands * frames, (row + 1) * bands * frames)]);
  return { bands, frames, rows };
}
