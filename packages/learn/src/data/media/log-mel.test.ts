import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { createLogMel, type LogMelDescription, logMelFrames, spectrumBasis, speechLogMel } from './log-mel.ts';
import { hzFromMel, melFilterBank, melFromHz } from './mel-filters.ts';
import { windowValues } from './windows.ts';

interface Case {
  readonly description: LogMelDescription;
  readonly samples: number;
  readonly frames: number;
  readonly filterSum: number;
  /** Band, bin, value. */
  readonly filters: readonly (readonly [number, number, number])[];
  /** Frames whose values are kept. */
  readonly rows: readonly number[];
  readonly values: readonly (readonly number[])[];
}

// Written in float64 with torch.stft of torch 2.13 and filters after the published formulas in NumPy, each of the three
// descriptions with another window, padding, scale, norm, power, logarithm, floor and normalisation.
const file = join(import.meta.dirname, 'testing', 'log-mel-torch.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[]; // written in this form

/** Two tones, one of them rising, and noise of a congruential generator: what the oracle heard. */
function signal(length: number, rate: number): Float64Array {
  let state = 12_345n;
  return Float64Array.from({ length }, (_, at) => {
    state = (state * 1_103_515_245n + 12_345n) % 2n ** 31n;
    const rising = 300 + (900 * at) / length;
    const tones = 0.5 * Math.sin((2 * Math.PI * 440 * at) / rate) + 0.3 * Math.sin((2 * Math.PI * rising * at) / rate);
    return tones + 0.02 * (Number(state) / 2 ** 31 - 0.5);
  });
}

function assertClose(found: number | undefined, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs((found ?? Number.NaN) - expected) <= tolerance, `${what}: ${found}, expected ${expected}`);
}

test('melFilterBank gives the filters of both definitions', () => {
  for (const { description, filterSum, filters } of cases) {
    const bank = melFilterBank(description);
    const bins = Math.floor(description.fftLength / 2) + 1;
    assert.equal(bank.length, description.bands * bins);
    for (const [band, bin, value] of filters) assertClose(bank[band * bins + bin], value, 1e-12, `${band}, ${bin}`);
    assertClose(
      bank.reduce((sum, value) => sum + value, 0),
      filterSum,
      1e-9,
      'sum',
    );
  }
});

test('melFromHz has the anchors of the definitions, and hzFromMel leads back', () => {
  assertClose(melFromHz(1000, 'slaney'), 15, 1e-12, 'slaney, 1 kHz');
  assertClose(melFromHz(6400, 'slaney'), 42, 1e-12, 'slaney, 6.4 kHz');
  assertClose(melFromHz(500, 'slaney'), 7.5, 1e-12, 'slaney, 500 Hz');
  assertClose(melFromHz(1000, 'htk'), 999.985_537, 1e-6, 'htk, 1 kHz');
  for (const scale of ['slaney', 'htk'] as const)
    for (const hz of [0, 60, 999, 1001, 7000])
      assertClose(hzFromMel(melFromHz(hz, scale), scale), hz, 1e-9, `${hz} Hz`);
});

test('createLogMel gives what torch.stft and the published filters give', () => {
  for (const { description, samples, frames, rows, values } of cases) {
    const features = createLogMel(description)(signal(samples, description.sampleRateHz));
    assert.deepEqual([features.frames, features.bands], [frames, description.bands]);
    assert.equal(logMelFrames(samples, description), frames);
    for (const [index, row] of rows.entries()) {
      for (const [band, expected] of (values[index] ?? []).entries())
        assertClose(features.values[row * description.bands + band], expected, 1e-7, `frame ${row}, band ${band}`);
    }
  }
});

test('spectrumBasis times a frame is its spectrum', () => {
  const description: LogMelDescription = {
    ...speechLogMel(8000),
    fftLength: 8,
    windowLength: 8,
    window: 'rectangular',
  };
  const { cosine, sine } = spectrumBasis(description);
  // cos(2π · 2n/8 + 0.3) has all it has in bin 2: 4 · e^(0.3i).
  const frame = Array.from({ length: 8 }, (_, at) => Math.cos((2 * Math.PI * 2 * at) / 8 + 0.3));
  const times = (basis: Float64Array, bin: number) =>
    frame.reduce((sum, sample, at) => sum + sample * (basis[at * 5 + bin] ?? 0), 0);
  for (let bin = 0; bin < 5; bin++) {
    assertClose(times(cosine, bin), bin === 2 ? 4 * Math.cos(0.3) : 0, 1e-12, `real ${bin}`);
    assertClose(times(sine, bin), bin === 2 ? 4 * Math.sin(0.3) : 0, 1e-12, `imaginary ${bin}`);
  }
});

test('windowValues are periodic and weighted as published', () => {
  assert.deepEqual([...windowValues('rectangular', 3)], [1, 1, 1]);
  for (const [kind, values] of [
    ['hann', [0, 0.5, 1, 0.5]],
    ['hamming', [0.08, 0.54, 1, 0.54]],
    ['blackman', [0, 0.34, 1, 0.34]],
  ] as const)
    for (const [at, value] of values.entries()) assertClose(windowValues(kind, 4)[at], value, 1e-12, `${kind} ${at}`);
});

test('speechLogMel has a bin in every band at the rates speech is recorded at', () => {
  for (const rate of [8000, 11_025, 16_000, 22_050, 44_100, 48_000]) {
    const features = createLogMel(speechLogMel(rate))(signal(rate / 5, rate));
    assert.equal(features.frames, logMelFrames(rate / 5, speechLogMel(rate)));
    assert.ok(features.values.every(Number.isFinite));
  }
});

test('createLogMel keeps silence finite', () => {
  for (const kind of ['none', 'clip'] as const) {
    const { values } = createLogMel({ ...speechLogMel(8000), normalisation: { kind } })(new Float32Array(1000));
    for (const value of values) assertClose(value, kind === 'none' ? Math.log(1e-10) : 0, 1e-9, kind);
  }
});

test('createLogMel refuses descriptions that contradict themselves and clips that are too short', () => {
  const base = speechLogMel(8000);
  const table: readonly [change: Partial<LogMelDescription>, message: RegExp][] = [
    [{ windowLength: 300 }, /windowLength must be at most fftLength \(256\), got 300/],
    [{ hopLength: 0 }, /hopLength must be a whole number ≥ 1, got 0/],
    [{ bands: 2.5 }, /bands must be a whole number/],
    [{ floor: 0 }, /floor must be above 0/],
    [{ lowHz: 4000 }, /expected 0 ≤ lowHz < highHz ≤ 4000, got 4000 and 4000/],
    [{ highHz: 4001 }, /got 20 and 4001/],
    [{ lowHz: Number.NaN }, /expected 0 ≤ lowHz/],
    [{ bands: 300 }, /band \d+ \(.* Hz\) lies between two bins of 31\.3 Hz/],
    [
      { normalisation: { kind: 'fixed', mean: [1, 2], std: [1] } },
      /normalisation\.mean must have 1 or 40 numbers, got 2/,
    ],
    [{ normalisation: { kind: 'fixed', mean: [1], std: [0] } }, /normalisation\.std must be above 0, got 0/],
  ];
  for (const [change, message] of table)
    assert.throws(() => createLogMel({ ...base, ...change }), { reason: 'INVALID_CONFIG', message });
  assert.throws(() => createLogMel(base)(new Float32Array(255)), {
    reason: 'INVALID_DATA',
    message: /255 samples are too few/,
  });
  assert.throws(() => createLogMel({ ...base, padding: 'reflect' })(new Float32Array(128)), {
    reason: 'INVALID_DATA',
    message: /128 samples cannot be mirrored 128/,
  });
  assert.equal(createLogMel({ ...base, padding: 'zero' })(new Float32Array(1)).frames, 1);
  assert.throws(() => createLogMel({ ...base, padding: 'zero' })([]), { reason: 'INVALID_DATA' });
});
