import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { parseMediaDescription, readMediaDescription } from './media-description.ts';
import { pictureMedia, soundMedia, textMedia } from './testing/made-media.ts';
import { trainAudio } from './train-audio.ts';
import { trainImages } from './train-images.ts';
import { trainText } from './train-text.ts';

const executor = await createOrtNodeExecutor();
const common = { executor, threads: 1, training: { epochs: 1 } };

test('a model of pictures, of sounds, of texts says what files become in it', async () => {
  const preparation = { fit: 'letterbox', background: 255 } as const;
  const pictures = await trainImages({ ...common, media: pictureMedia(40), preparation, candidates: ['linear'] });
  const description = readMediaDescription(pictures.onnx);
  assert.deepEqual(description, {
    format: 'amaas-media-1',
    classes: ['lies', 'stands'],
    preparation: { kind: 'image', width: 12, height: 12, channels: 'gray', ...preparation },
  });
  assert.deepEqual(description, pictures.description);
  const declared = pictures.manifest.preprocess?.['image'];
  assert(declared?.kind === 'image');
  const { layout, ...steps } = declared;
  assert.deepEqual([steps, layout], [description?.preparation, 'nchw']);

  const media = soundMedia(40);
  const sounds = await trainAudio({ ...common, media, sampleRateHz: 8000, candidates: ['linear'] });
  const lengths = await Promise.all(media.files.map((_, at) => media.load(at)));
  const trained = lengths.filter((_, at) => sounds.split.train.includes(media.files[at]?.name ?? ''));
  const samples = Math.max(...trained.map(({ length }) => length));
  assert.deepEqual(readMediaDescription(sounds.onnx)?.preparation, {
    kind: 'audio',
    sampleRateHz: 8000,
    samples,
  });

  const made = Array.from({ length: 40 }, (_, row) => ({ label: `${row % 2}`, text: `word${row % 2} of ${row}` }));
  const texts = await trainText({ ...common, media: textMedia(made), candidates: ['linear'] });
  assert.deepEqual([texts.description, readMediaDescription(texts.onnx)], [null, null]);
});

test('parseMediaDescription refuses what is damaged', () => {
  const whole = {
    format: 'amaas-media-1',
    classes: ['a', 'b'],
    preparation: { kind: 'image', width: 3, height: 4, channels: 'rgb', fit: 'stretch' },
  };
  assert.deepEqual(parseMediaDescription(JSON.parse(JSON.stringify(whole))), whole);
  for (const change of [
    { format: 'amaas-table-1' },
    { classes: ['a'] },
    { classes: ['a', 2] },
    { preparation: null },
    { preparation: { ...whole.preparation, width: 0 } },
    { preparation: { ...whole.preparation, channels: 'cmyk' } },
    { preparation: { ...whole.preparation, fill: 'black' } },
    { preparation: { kind: 'audio', sampleRateHz: '8000', samples: 1 } },
    { preparation: { kind: 'audio', sampleRateHz: 8000 } },
    { preparation: { kind: 'text' } },
  ]) {
    assert.throws(
      () => parseMediaDescription({ ...whole, ...change }),
      { reason: 'INVALID_MODEL' },
      JSON.stringify(change),
    );
  }
  assert.throws(() => readMediaDescription(Uint8Array.of(1, 2, 3)), { reason: 'INVALID_MODEL' });
});
