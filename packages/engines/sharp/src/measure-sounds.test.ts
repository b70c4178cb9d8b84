import assert from 'node:assert/strict';
import test from 'node:test';
import { chunk, formatChunk, riff } from '../../../learn/src/data/media/testing/wav-writer.ts';
import { listMediaFiles, sampleFiles } from './media-files.ts';
import { openAudioFolder } from './folders.ts';
import { chooseSampleRate } from './measure-sounds.ts';
import { madeFolder } from './testing/made-folder.ts';

function wav(rate: number, samples = 100): Uint8Array {
  return riff(formatChunk({ tag: 1, bits: 8, rate, channels: 1 }), chunk('data', new Uint8Array(samples).fill(200)));
}

async function rateOf(root: string): Promise<number> {
  return chooseSampleRate(await listMediaFiles(root, { extensions: ['.wav'] }));
}

test('chooseSampleRate takes the most frequent rate, 16 kHz at most', async (t) => {
  const mixed = { 'a/1.wav': wav(8000), 'a/2.wav': wav(11_025), 'b/3.wav': wav(11_025), 'b/4.wav': 'broken' };
  assert.equal(await rateOf(await madeFolder(t, mixed)), 11_025);
  assert.equal(await rateOf(await madeFolder(t, { 'a/1.wav': wav(44_100), 'b/2.wav': wav(48_000) })), 16_000);
  assert.equal(
    await rateOf(await madeFolder(t, { 'a/1.wav': wav(8000), 'b/2.wav': wav(44_100) })),
    8000,
    'a tie: less',
  );
  assert.equal(await rateOf(await madeFolder(t, { 'a/1.wav': '' })), 16_000);
  const files = await listMediaFiles(await madeFolder(t, mixed), { extensions: ['.wav'] });
  await assert.rejects(chooseSampleRate(files, AbortSignal.abort()), { reason: 'CANCELLED' });
});

test('sampleFiles spreads over the names, whatever their order', () => {
  const files = Array.from({ length: 10 }, (_, at) => ({
    name: `f${9 - at}`,
    label: '',
    read: async () => new Uint8Array(),
  }));
  const names = (most: number) => sampleFiles(files, most).map(({ name }) => name);
  assert.deepEqual(names(3), ['f0', 'f4', 'f7']);
  assert.equal(names(10).length, 10);
  assert.equal(names(99).length, 10);
  assert.equal(names(7).length, 7);
});

test('openAudioFolder keeps the beginning it is asked for', async (t) => {
  const root = await madeFolder(t, { 'a/1.wav': wav(8000, 900), 'b/2.wav': wav(8000, 70) });
  const media = await openAudioFolder(root, { sampleRateHz: 8000, keepSeconds: 0.05 });
  assert.deepEqual([(await media.load(0)).length, (await media.load(1)).length], [400, 70]);
});
