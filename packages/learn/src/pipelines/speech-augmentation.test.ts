import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import {
  changePictures,
  checkSpeechAugmentation,
  type SpeechAugmentation,
  type SpeechPicture,
} from './speech-augmentation.ts';

const SILENCE = -14;
const SETTING = { hopSeconds: 0.01, silence: SILENCE };

function picture(bands: number, frames: number, of: (band: number, frame: number) => number): SpeechPicture {
  const values = Float32Array.from({ length: bands * frames }, (_, at) => of(Math.floor(at / frames), at % frames));
  return { bands, frames, values };
}

function change(pictures: readonly SpeechPicture[], how: SpeechAugmentation, seed = 1, fits = true): SpeechPicture {
  return changePictures(pictures, how, { random: createRandom(seed), setting: SETTING, fits: () => fits });
}

const at = ({ frames, values }: SpeechPicture, band: number, frame: number): number =>
  values[band * frames + frame] ?? Number.NaN;

const slope = picture(5, 9, (band, frame) => 10 * band + frame);

test('changePictures changes nothing where nothing may change', () => {
  assert.deepEqual(change([slope], {}), slope);
});

test('changePictures puts pictures after one another with silence between', () => {
  const other = picture(5, 4, () => 3);
  const joined = change([slope, other], { maxPauseSeconds: 0.1 }, 7);
  const isSilent = Array.from({ length: joined.frames }, (_, frame) => at(joined, 2, frame) === SILENCE);
  const starts = isSilent.findIndex((silent) => !silent);
  assert.deepEqual(
    Array.from({ length: 9 }, (_, frame) => at(joined, 4, starts + frame)),
    Array.from({ length: 9 }, (_, frame) => 40 + frame),
  );
  const second = isSilent.findIndex((silent, frame) => !silent && frame >= starts + 9);
  assert.deepEqual(
    Array.from({ length: 4 }, (_, frame) => at(joined, 0, second + frame)),
    [3, 3, 3, 3],
  );
  const silent = isSilent.filter((each) => each).length;
  assert(silent === joined.frames - 13 && silent > 0 && silent <= 30, `${silent} of ${joined.frames}`);
});

test('changePictures makes recordings slower and quicker by interpolation, unless they would be too short', () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const warped = change([slope], { maxSpeedChange: 0.4 }, seed);
    lengths.add(warped.frames);
    assert.deepEqual([at(warped, 1, 0), at(warped, 1, warped.frames - 1)], [10, 18]);
    for (let frame = 1; frame < warped.frames; frame++) {
      const step = at(warped, 3, frame) - at(warped, 3, frame - 1);
      assert(Math.abs(step - 8 / (warped.frames - 1)) < 1e-5);
    }
  }
  assert(Math.min(...lengths) >= Math.floor(9 / 1.4) && Math.max(...lengths) <= Math.ceil(9 * 1.4));
  assert(lengths.has(7) && lengths.has(9) && lengths.has(12), [...lengths].join());
  assert.equal(change([slope], { maxSpeedChange: 0.4 }, 3, false).frames, 9);
});

test('changePictures moves bands up and down, and makes recordings louder and softer', () => {
  const [rises, falls] = [new Set<boolean>(), new Set<boolean>()];
  for (let seed = 0; seed < 20; seed++) {
    const moved = change([slope], { maxPitchChange: 0.2 }, seed);
    const factor = at(moved, 2, 0) / 20;
    assert(factor > 0.8 - 1e-6 && factor < 1.2 + 1e-6 && factor !== 1);
    assert(Math.abs(at(moved, 3, 4) - Math.min(40, 30 * factor) - 4) < 1e-4);
    rises.add(factor > 1);
    const louder = at(change([slope], { maxGainDb: 6 }, seed), 1, 1) - 11;
    assert(Math.abs(louder) <= 0.6 * Math.LN10 + 1e-6 && louder !== 0);
    falls.add(louder < 0);
  }
  assert.deepEqual([rises.size, falls.size], [2, 2]);
});

test('changePictures adds noise that never makes anything softer, and that the loudest hardly hear', () => {
  const loud = picture(6, 50, (band) => (band === 0 ? 5 : SILENCE));
  let risen = 0;
  for (let seed = 0; seed < 20; seed++) {
    const noisy = change([loud], { noiseDb: 20 }, seed);
    for (const [place, value] of noisy.values.entries()) {
      assert(value >= (loud.values[place] ?? 0) - 1e-6);
      // At most 20 dB below the loudest, and a neper more for the luckiest of all energies.
      if (place >= 50) assert(value <= 5 - 2 * Math.LN10 + 1 + Math.log(2));
      else assert(value < 5.1);
    }
    risen += at(noisy, 3, 3) - SILENCE;
  }
  assert(risen / 20 > 3);
});

test('changePictures silences one run of bands and one of frames', () => {
  const full = picture(20, 30, () => 1);
  let gone = 0;
  for (let seed = 0; seed < 30; seed++) {
    const { values } = change([full], { maxMasked: 0.2 }, seed);
    const silent = (band: number, frame: number): boolean => values[band * 30 + frame] === SILENCE;
    const bands = Array.from({ length: 20 }, (_, band) =>
      Array.from({ length: 30 }, (__, frame) => silent(band, frame)),
    );
    const rows = bands.filter((row) => row.every((each) => each)).length;
    const columns = Array.from({ length: 30 }, (_, frame) => bands.every((row) => row[frame])).filter(
      (each) => each,
    ).length;
    assert(rows <= 4 && columns <= 6, `${rows} bands, ${columns} frames`);
    assert.equal(values.filter((value) => value === SILENCE).length, rows * 30 + columns * 20 - rows * columns);
    gone += rows + columns;
  }
  assert(gone > 60);
});

test('changePictures changes alike by equal random numbers only', () => {
  const all = {
    maxPauseSeconds: 0.2,
    maxSpeedChange: 0.2,
    maxPitchChange: 0.1,
    maxGainDb: 6,
    noiseDb: 20,
    maxMasked: 0.1,
  };
  assert.deepEqual(change([slope, slope], all, 5), change([slope, slope], all, 5));
  assert.notDeepEqual(change([slope, slope], all, 5), change([slope, slope], all, 6));
});

test('checkSpeechAugmentation refuses what cannot be', () => {
  for (const wrong of [
    { maxSpeedChange: 0.5 },
    { maxMasked: 1 },
    { maxGainDb: -1 },
    { maxJoined: 1.5 },
    { maxJoined: 0 },
  ]) {
    assert.throws(() => checkSpeechAugmentation(wrong), { reason: 'INVALID_CONFIG' });
  }
});
