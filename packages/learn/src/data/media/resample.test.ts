import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { resample } from './resample.ts';

interface Oracle {
  readonly samples: readonly number[];
  readonly cases: readonly {
    readonly fromHz: number;
    readonly toHz: number;
    readonly length: number;
    readonly at: readonly number[];
    readonly values: readonly number[];
  }[];
}

// Written by scipy 1.17: scipy.signal.resample_poly(samples, up, down) with its default window, float64 inside.
const file = join(import.meta.dirname, 'testing', 'resample-scipy.json');
const oracle = JSON.parse(readFileSync(file, 'utf8')) as Oracle; // written in this form

test('resample gives what scipy.signal.resample_poly gives', () => {
  const samples = Float32Array.from(oracle.samples);
  for (const { fromHz, toHz, length, at, values } of oracle.cases) {
    const resampled = resample(samples, fromHz, toHz);
    assert.equal(resampled.length, length);
    for (const [index, place] of at.entries()) {
      const [expected = Number.NaN, found = Number.NaN] = [values[index], resampled[place]];
      assert.ok(Math.abs(found - expected) < 1e-6, `${fromHz} → ${toHz} at ${place}: ${found}, scipy ${expected}`);
    }
  }
});

test('resample keeps a tone below the new limit and removes one above it', () => {
  const tone = (hz: number) =>
    Float32Array.from({ length: 44_100 }, (_, at) => Math.sin((2 * Math.PI * hz * at) / 44_100));
  const amplitudeAt = (samples: Float32Array, hz: number, rate: number) => {
    let [real, imaginary] = [0, 0];
    for (const [at, sample] of samples.subarray(1000, 15_000).entries()) {
      const angle = (2 * Math.PI * hz * (at + 1000)) / rate;
      real += sample * Math.cos(angle);
      imaginary += sample * Math.sin(angle);
    }
    return Math.hypot(real, imaginary) / 7000;
  };
  const kept = resample(tone(3000), 44_100, 16_000);
  assert.ok(Math.abs(amplitudeAt(kept, 3000, 16_000) - 1) < 0.005);
  const removed = resample(tone(11_000), 44_100, 16_000); // would come out at 5,000 Hz
  assert.ok(amplitudeAt(removed, 5000, 16_000) < 0.003);
});

test('resample gives the same samples for the same rate, and refuses what has no sensible filter', () => {
  const samples = Float32Array.of(1, 2, 3);
  assert.equal(resample(samples, 8000, 8000), samples);
  assert.equal(resample(new Float32Array(), 8000, 16_000).length, 0);
  for (const [from, to] of [
    [0, 8000],
    [8000, 1.5],
    [Number.NaN, 1],
    [44_101, 44_100],
  ] as const)
    assert.throws(() => resample(samples, from, to), { reason: 'INVALID_DATA' });
});
