import assert from 'node:assert/strict';
import test from 'node:test';
import sharp from 'sharp';
import { decodeImage } from './decode-image.ts';
import { listMediaFiles } from './media-files.ts';
import { chooseImagePreparation, type MeasuredImage, measureImages } from './measure-images.ts';
import { madeFolder } from './testing/made-folder.ts';

function picture(width: number, height: number, background: { r: number; g: number; b: number; alpha?: number }) {
  return sharp({ create: { width, height, channels: background.alpha === undefined ? 3 : 4, background } });
}

function measured(width: number, height: number, more: Partial<MeasuredImage> = {}): MeasuredImage {
  return { width, height, isGray: false, hasAlpha: false, ...more };
}

test('measureImages sees size as shown, colours as seen, and passes over what is broken', async (t) => {
  const grey = { r: 90, g: 90, b: 90 };
  const root = await madeFolder(t, {
    'a/1.jpg': await picture(30, 20, grey).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'a/2.png': await picture(7, 9, grey).toColourspace('b-w').png().toBuffer(),
    'b/3.png': await picture(5, 5, { ...grey, alpha: 0.5 })
      .png()
      .toBuffer(),
    'b/4.png': 'no picture at all',
    'b/5.png': (await picture(50, 50, grey).png().toBuffer()).subarray(0, 20),
  });
  const files = await listMediaFiles(root, { extensions: ['.jpg', '.png'] });
  assert.deepEqual(await measureImages(files), [
    measured(20, 30, { isGray: true }),
    measured(7, 9, { isGray: true }),
    measured(5, 5, { isGray: true, hasAlpha: true }),
  ]);
  const red = await madeFolder(t, { 'a/red.webp': await picture(8, 8, { r: 200, g: 90, b: 90 }).webp().toBuffer() });
  const [only] = await measureImages(await listMediaFiles(red, { extensions: ['.webp'] }));
  assert.equal(only?.isGray, false);
  await assert.rejects(measureImages(files, AbortSignal.abort()), { reason: 'CANCELLED' });
});

test('chooseImagePreparation keeps small sizes, shrinks large ones, and letterboxes what differs', () => {
  const gray = { isGray: true };
  assert.deepEqual(chooseImagePreparation([measured(28, 20, gray), measured(28, 20, gray)]), {
    width: 28,
    height: 20,
    fit: 'stretch',
    channels: 'gray',
  });
  const photos = [...Array(9).fill(measured(4000, 3000)), measured(3000, 2000, { hasAlpha: true })];
  assert.deepEqual(chooseImagePreparation(photos), {
    width: 64,
    height: 48,
    fit: 'stretch',
    channels: 'rgb',
    background: 255,
  });
  const upright = [measured(4000, 3000), measured(4000, 3000), measured(3000, 4000)];
  assert.deepEqual([chooseImagePreparation(upright).fit, chooseImagePreparation(upright).height], ['letterbox', 48]);
  const narrow = chooseImagePreparation([measured(3, 900)]);
  assert.deepEqual([narrow.width, narrow.height], [8, 64]);
});

test('chooseImagePreparation takes what the user says, and measures the fit by it', () => {
  const wide = [measured(60, 20), measured(60, 20)];
  assert.equal(chooseImagePreparation(wide, { width: 32, height: 32 }).fit, 'letterbox');
  assert.deepEqual(chooseImagePreparation(wide, { width: 32, height: 32, fit: 'stretch', channels: 'gray' }), {
    width: 32,
    height: 32,
    fit: 'stretch',
    channels: 'gray',
  });
});

test('a preparation chosen for pictures with transparency shows none of what it hides', async () => {
  const hidden = await picture(10, 10, { r: 255, g: 0, b: 0, alpha: 0 }).png().toBuffer();
  const preparation = chooseImagePreparation([measured(10, 10, { hasAlpha: true })]);
  const { data } = await decodeImage(hidden, preparation);
  assert.ok(data.every((level) => level === 255));
});
