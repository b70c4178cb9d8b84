import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { chunk, formatChunk, riff } from './testing/wav-writer.ts';
import { decodeWav, mixToMono } from './wav.ts';

const JFK = 'speech/jfk.wav';
// scipy.io.wavfile.read(…) / 32768: mean square, and three samples.
const JFK_POWER = 0.020192833500258116;
const JFK_SAMPLES = [0.018096923828125, 0.00048828125, -0.0146484375];

test('decodeWav scales every width so that the least integer becomes −1', () => {
  const table = [
    [8, 1, [0, 128, 255], [-1, 0, 127 / 128]],
    [16, 1, [0, 0x80, 0, 0, 0xff, 0x7f], [-1, 0, 32_767 / 32_768]],
    [24, 1, [0, 0, 0x80, 0xff, 0xff, 0xff, 1, 2, 3], [-1, -1 / 2 ** 23, (1 + 2 * 256 + 3 * 65_536) / 2 ** 23]],
    [32, 1, [0, 0, 0, 0x80, 0, 0, 0, 0x40, 0, 0, 0, 0xc0], [-1, 0.5, -0.5]],
    [32, 3, [0, 0, 0xc0, 0x3f, 0, 0, 0x20, 0xc0, 0, 0, 0, 0], [1.5, -2.5, 0]],
    [64, 3, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
  ] as const;
  for (const [bits, tag, data, samples] of table) {
    for (const extensible of [false, true]) {
      const bytes = riff(formatChunk({ tag, bits, rate: 8000, channels: 1, extensible }), chunk('data', data));
      const waveform = decodeWav(bytes, 'f');
      assert.deepEqual([waveform.sampleRateHz, waveform.channels], [8000, [Float32Array.from(samples)]]);
    }
  }
});

test('decodeWav parts the channels, and mixToMono is their mean', () => {
  const frames = chunk('data', [0, 0x40, 0, 0x20, 0, 0xc0, 0, 0, 0, 0x10, 0, 0x30]);
  const waveform = decodeWav(riff(formatChunk({ tag: 1, bits: 16, rate: 44_100, channels: 2 }), frames), 'f');
  assert.deepEqual(waveform.channels, [Float32Array.of(0.5, -0.5, 0.125), Float32Array.of(0.25, 0, 0.375)]);
  assert.deepEqual(mixToMono(waveform), Float32Array.of(0.375, -0.25, 0.25));
});

test('decodeWav passes over other chunks, odd ones with their padding, and takes data of unknown length to the end', () => {
  const format = formatChunk({ tag: 1, bits: 8, rate: 8000, channels: 1 });
  const odd = chunk('LIST', [1, 2, 3]);
  const expected = Float32Array.of(-0.5, 0.25, 0.5);
  const data = chunk('data', [64, 160, 192]);
  assert.deepEqual(decodeWav(riff(odd, format, chunk('fact', [1, 2, 3, 4]), data, odd), 'f').channels, [expected]);
  const streamed = riff(format, odd, Uint8Array.of(...data.subarray(0, 4), 255, 255, 255, 255, 64, 160, 192));
  assert.deepEqual(decodeWav(streamed, 'f').channels, [expected]);
  const unpadded = riff(format, Uint8Array.of(...data.subarray(0, 4), 3, 0, 0, 0, 64, 160, 192));
  assert.deepEqual(decodeWav(unpadded, 'f').channels, [expected]);
  assert.deepEqual(decodeWav(riff(format, chunk('data', [])), 'f').channels, [new Float32Array()]);
});

test('decodeWav says what is wrong with a file', () => {
  const format = formatChunk({ tag: 1, bits: 16, rate: 8000, channels: 2 });
  const data = chunk('data', [1, 2, 3, 4]);
  const with_ = (change: Parameters<typeof formatChunk>[0]) => riff(formatChunk(change), data);
  const plain = { tag: 1, bits: 16, rate: 8000, channels: 2 };
  const otherGuid = formatChunk({ ...plain, extensible: true });
  otherGuid[8 + 39] = 0;
  const table: readonly [bytes: Uint8Array, message: string][] = [
    [new Uint8Array(), 'is no WAV file: expected it to begin "RIFF", a size and "WAVE"'],
    [
      new TextEncoder().encode('ID3 and so on, an MP3 file'),
      'is no WAV file: expected it to begin "RIFF", a size and "WAVE"',
    ],
    [Uint8Array.of(...new TextEncoder().encode('RF64'), 0, 0, 0, 0), 'is an RF64 file, which is not supported'],
    [riff(data, format), 'has its data before its format'],
    [riff(), 'has no format chunk'],
    [riff(format), 'has no data chunk'],
    [riff(format, data).subarray(0, -2), 'is cut short: its data announces 4 bytes and has 2'],
    [
      riff(format, chunk('LIST', [1, 2, 3, 4]).subarray(0, -1)),
      'is cut short: its chunk "LIST" announces 4 bytes and has 3',
    ],
    [
      riff(format, chunk('data', [1, 2, 3, 4, 5, 6])),
      'has 6 bytes of data, which are no whole number of 4-byte frames',
    ],
    [riff(chunk('fmt ', [1, 2, 3, 4])), 'has a format chunk of 4 bytes; at least 16 are expected'],
    [with_({ ...plain, tag: 7, bits: 8 }), 'is in format 7 (µ-law); PCM and float are supported'],
    [with_({ ...plain, tag: 999 }), 'is in format 999; PCM and float are supported'],
    [with_({ ...plain, bits: 12 }), 'has PCM samples of 12 bits; 8, 16, 24, 32 are supported'],
    [with_({ ...plain, tag: 3 }), 'has float samples of 16 bits; 32, 64 are supported'],
    [with_({ ...plain, channels: 0 }), 'has 0 channels; 1 to 64 are supported'],
    [with_({ ...plain, rate: 0 }), 'has a sample rate of 0 Hz'],
    [with_({ ...plain, rate: 4e9 }), 'has a sample rate of 4000000000 Hz'],
    [with_({ ...plain, block: 6 }), 'contradicts itself: 2 channels of 16 bits are 4 bytes, not 6'],
    [with_({ ...plain, tag: 0xfffe }), 'has an extensible format chunk of 16 bytes; at least 40 are expected'],
    [riff(otherGuid, data), 'is in an extensible format of a kind that is not supported'],
  ];
  for (const [bytes, message] of table)
    assert.throws(() => decodeWav(bytes, 'f'), { reason: 'INVALID_DATA', message: `wav: f ${message}` });
});

test('decodeWav reads speech as recorded', { skip: skipWithoutSharedData(JFK) }, () => {
  const waveform = decodeWav(readFileSync(sharedDataPath(JFK)), JFK);
  const [samples = new Float32Array()] = waveform.channels;
  assert.deepEqual([waveform.sampleRateHz, waveform.channels.length, samples.length], [16_000, 1, 176_000]);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  assert.ok(Math.abs(power - JFK_POWER) < 1e-9, String(power));
  assert.deepEqual([samples[20_000], samples[100_000], samples[150_000]], JFK_SAMPLES);
});
