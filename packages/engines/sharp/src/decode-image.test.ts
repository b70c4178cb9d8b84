import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { decodeImage, type ImagePreparation } from './decode-image.ts';
import { imageFormatOf } from './image-format.ts';

const base: ImagePreparation = { width: 2, height: 1, fit: 'stretch', channels: 'rgb' };
const orange = { r: 200, g: 100, b: 50 };

function plain(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, background: orange }, limitInputPixels: false });
}

function values(pixels: { readonly data: Uint8Array }): readonly number[] {
  return [...pixels.data];
}

test('decodeImage reads every format it names, from bytes and from a path', async (t) => {
  const encoded = {
    JPEG: plain(16, 8).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }),
    PNG: plain(16, 8).png(),
    WebP: plain(16, 8).webp({ lossless: true }),
    GIF: plain(16, 8).gif(),
    AVIF: plain(16, 8).avif({ lossless: true }),
    TIFF: plain(16, 8).tiff(),
  };
  for (const [format, picture] of Object.entries(encoded)) {
    const bytes = await picture.toBuffer();
    assert.equal(imageFormatOf(bytes), format);
    const { width, height, channels, data } = await decodeImage(bytes, base);
    assert.deepEqual([format, width, height, channels], [format, 2, 1, 3]);
    for (const [index, value] of data.entries())
      assert.ok(Math.abs(value - ([200, 100, 50][index % 3] ?? 0)) <= 2, `${format}: ${[...data]}`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'amaas-image-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'a.png');
  await writeFile(path, await encoded.PNG.toBuffer());
  assert.deepEqual(values(await decodeImage(path, base)), [200, 100, 50, 200, 100, 50]);
});

test('decodeImage letterboxes at the top left with the declared fill', async () => {
  const bytes = await plain(8, 4).png().toBuffer();
  const boxed = await decodeImage(bytes, { ...base, width: 4, height: 4, fit: 'letterbox', fill: 114 });
  const reds = values(boxed).filter((_, index) => index % 3 === 0);
  assert.deepEqual(reds, [200, 200, 200, 200, 200, 200, 200, 200, 114, 114, 114, 114, 114, 114, 114, 114]);
  const stretched = await decodeImage(bytes, { ...base, width: 4, height: 4 });
  assert.ok(values(stretched).every((value, index) => value === [200, 100, 50][index % 3]));
});

test('decodeImage turns a picture upright by its EXIF orientation', async () => {
  // Orientation 6: the stored picture has to be turned by 90° to the right, so its left edge becomes the top.
  const halves = Uint8Array.from({ length: 16 * 16 * 3 }, (_, index) => (Math.floor(index / 3) % 16 < 8 ? 250 : 5));
  const turned = await sharp(halves, { raw: { width: 16, height: 16, channels: 3 } })
    .jpeg({ quality: 100 })
    .withMetadata({ orientation: 6 })
    .toBuffer();
  const upright = await decodeImage(turned, { ...base, width: 16, height: 16, channels: 'gray' });
  assert.equal(upright.channels, 1);
  assert.ok(Number(upright.data[2 * 16 + 8]) > 240 && Number(upright.data[13 * 16 + 8]) < 15);
});

test('decodeImage drops transparency, or lays it over the declared background', async () => {
  const half = await sharp({
    create: { width: 2, height: 1, channels: 4, background: { r: 9, g: 80, b: 7, alpha: 0.5 } },
  })
    .png()
    .toBuffer();
  assert.deepEqual(values(await decodeImage(half, base)), [9, 80, 7, 9, 80, 7]);
  // Alpha is stored as 128: v · 128/255 + 255 · 127/255.
  const over = values(await decodeImage(half, { ...base, background: 255 }));
  for (const [index, value] of over.entries()) {
    const expected = ([9, 80, 7][index % 3] ?? 0) * (128 / 255) + 127;
    assert.ok(Math.abs(value - expected) <= 1, `${over} at ${index}, expected ${expected}`);
  }
  const invisible = await sharp(Uint8Array.of(100, 255, 50, 0), { raw: { width: 2, height: 1, channels: 2 } })
    .png()
    .toBuffer();
  assert.deepEqual(values(await decodeImage(invisible, { ...base, background: 30, channels: 'gray' })), [100, 30]);
});

test('decodeImage gives 8 bits per channel whatever the file has, and grey as colours where asked', async () => {
  const grey = await sharp(Uint8Array.of(30, 90), { raw: { width: 2, height: 1, channels: 1 } })
    .png()
    .toBuffer();
  assert.deepEqual(values(await decodeImage(grey, base)), [30, 30, 30, 90, 90, 90]);
  assert.deepEqual(values(await decodeImage(grey, { ...base, channels: 'gray' })), [30, 90]);
  const deep = await sharp(Uint16Array.of(30 * 257, 90 * 257), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  assert.equal((await sharp(deep).metadata()).depth, 'ushort');
  assert.deepEqual(values(await decodeImage(deep, { ...base, channels: 'gray' })), [30, 90]);
  assert.deepEqual(values(await decodeImage(deep, base)), [30, 30, 30, 90, 90, 90]);
});

test('decodeImage refuses what is no picture, half a picture, and formats that could fetch or expand', async () => {
  const jpeg = await sharp({
    create: {
      width: 64,
      height: 64,
      channels: 3,
      background: orange,
      noise: { type: 'gaussian', mean: 99, sigma: 30 },
    },
  })
    .jpeg()
    .toBuffer();
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const table: readonly [bytes: Uint8Array, message: RegExp][] = [
    [new Uint8Array(), /photo cannot be read as a picture: it is empty/],
    [
      new TextEncoder().encode('text'),
      /photo cannot be read as a picture: it is none of JPEG, PNG, WebP, GIF, AVIF, TIFF/,
    ],
    [svg, /it is none of/],
    [new TextEncoder().encode('%PDF-1.7'), /it is none of/],
    [jpeg.subarray(0, jpeg.length / 2), /photo cannot be read as a picture: .*premature end/],
    [jpeg.subarray(0, 20), /photo cannot be read as a picture/],
    [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3), /photo cannot be read as a picture/],
  ];
  for (const [bytes, message] of table)
    await assert.rejects(decodeImage(bytes, base, { name: 'photo' }), { reason: 'INVALID_ARGUMENT', message });
});

test('decodeImage refuses pictures beyond its limits before decoding them', async () => {
  const bomb = await plain(12_000, 12_000).png().toBuffer(); // 144 megapixels in less than 3 MB
  const reason = 'REQUEST_TOO_LARGE';
  await assert.rejects(decodeImage(bomb, base, { name: 'bomb' }), {
    reason,
    message: 'image: bomb has 12000 × 12000 pixels; at most 100000000 pixels are allowed',
  });
  await assert.rejects(decodeImage(bomb, base, { maxBytes: 1000 }), {
    reason,
    message: `image: the picture has ${bomb.length} bytes; at most 1000 bytes are allowed`,
  });
});

test('decodeImage leaves a called-off picture unread', async () => {
  const bytes = await plain(2, 1).png().toBuffer();
  await assert.rejects(decodeImage(bytes, base, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
});
