import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeAudio, fitLength } from './audio.ts';
import { chunk, formatChunk, riff } from './testing/wav-writer.ts';

test('decodeAudio mixes to one channel and brings it to the rate asked for', () => {
  const frames = Array.from({ length: 400 }, (_, at) =>
    Math.round(128 + 50 * Math.sin((2 * Math.PI * 200 * at) / 8000)),
  );
  const stereo = frames.flatMap((sample) => [sample, 128]);
  const bytes = riff(formatChunk({ tag: 1, bits: 8, rate: 8000, channels: 2 }), chunk('data', stereo));
  const samples = decodeAudio(bytes, 'f', { sampleRateHz: 16_000 });
  assert.equal(samples.length, 800);
  for (let at = 100; at < 700; at++) {
    const expected = (25 / 128) * Math.sin((2 * Math.PI * 200 * at) / 16_000);
    assert.ok(Math.abs((samples[at] ?? 0) - expected) < 0.01, `${at}: ${samples[at]}, expected ${expected}`);
  }
});

test('decodeAudio refuses a sound that lasts too long before resampling it', () => {
  const slow = riff(formatChunk({ tag: 1, bits: 8, rate: 1, channels: 1 }), chunk('data', new Uint8Array(1000)));
  assert.throws(() => decodeAudio(slow, 'f', { sampleRateHz: 16_000 }), {
    reason: 'REQUEST_TOO_LARGE',
    message: 'audio: f lasts 1000.0 s; at most 600 s are allowed',
  });
});

test('fitLength cuts or fills up at the end', () => {
  const samples = Float32Array.of(1, 2, 3);
  assert.deepEqual(fitLength(samples, 2), Float32Array.of(1, 2));
  assert.deepEqual(fitLength(samples, 5), Float32Array.of(1, 2, 3, 0, 0));
  assert.equal(fitLength(samples, 3), samples);
});
