// Whole trainings of made texts, pictures and sounds: small, but everything on the way is the real thing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { metricOf } from '../evaluate/index.ts';
import { createRandom } from '../statistics/index.ts';
import type { TrainedMedia, TrainMediaEvent } from './media-training.ts';
import { labelsOf, madeSound, pictureMedia, soundMedia, textMedia, texts } from './testing/made-media.ts';
import { trainAudio } from './train-audio.ts';
import { trainImages } from './train-images.ts';
import { trainText } from './train-text.ts';

const executor = await createOrtNodeExecutor();
const THREADS = { threads: 1 }; // small graphs gain nothing from more, and other tests run beside these

test('trainText learns which words make the difference and serves raw texts', async () => {
  const random = createRandom(3);
  const filler = ['today', 'meeting', 'please', 'about', 'house', 'garden', 'later', 'with', 'you'];
  const made = Array.from({ length: 240 }, (_, row) => {
    const words = Array.from({ length: 6 }, () => filler[random.integer(filler.length)] ?? '');
    const isSpam = row % 3 === 0;
    if (isSpam) words[random.integer(6)] = random.uniform() < 0.5 ? 'PRIZE' : 'winner';
    return { label: isSpam ? 'spam' : 'ham', text: words.join(' ') };
  });
  const events: TrainMediaEvent[] = [];
  const trained = await trainText({
    media: textMedia(made),
    executor,
    ...THREADS,
    vectoriser: { words: { lengths: [1, 1], maxFeatures: 50 }, characters: null },
    onEvent: (event) => events.push(event),
  });
  assert.deepEqual(trained.classes, ['ham', 'spam']);
  assert.equal(metricOf(trained.report, 'f1'), 1);
  assert.equal(trained.report.decision?.positiveClass, 'spam');
  assert.deepEqual(
    trained.report.baselines.map(({ name }) => name),
    ['Majority', trained.candidate.name === 'linear' ? 'perceptron' : 'linear'],
  );
  const kinds = events.map(({ kind }) => kind).filter((kind, at, all) => kind !== all[at - 1]);
  assert.deepEqual(kinds.slice(0, 4), ['reading', 'described', 'split', 'prepared']);
  assert.equal(kinds.at(-1), 'evaluating');
  assert.deepEqual(await ask(trained, texts(['the Prize, please', 'about the garden', ''])), ['spam', 'ham', 'ham']);
  assert.deepEqual(trained.manifest.labels, ['ham', 'spam']);
});

test('trainText reads words in their order with the convolutional candidate', async () => {
  // The same words in all texts: their order alone tells the classes apart.
  const random = createRandom(5);
  const made = Array.from({ length: 200 }, (_, row) => {
    const noise = () => `n${random.integer(6)} `.repeat(1 + random.integer(2));
    const pair = row % 2 === 0 ? 'dog bites man' : 'man bites dog';
    return { label: row % 2 === 0 ? 'dog' : 'man', text: `${noise()}${pair} ${noise()}` };
  });
  const trained = await trainText({
    media: textMedia(made),
    executor,
    ...THREADS,
    candidates: ['convolutional'],
    training: { epochs: 15, batchSize: 16, learningRate: 0.005 },
  });
  assert((metricOf(trained.report, 'accuracy') ?? 0) > 0.9);
  assert.deepEqual(await ask(trained, texts(['Dog bites man', 'man bites dog today'])), ['dog', 'man']);
});

test('trainImages learns pictures whose place changes, and takes their bytes', async () => {
  const media = pictureMedia(160);
  const trained = await trainImages({
    media,
    executor,
    ...THREADS,
    preparation: { fit: 'letterbox', fill: 0 },
    training: { epochs: 8, batchSize: 16 },
  });
  assert.equal(trained.candidate.name, 'convolutional');
  assert((metricOf(trained.report, 'accuracy') ?? 0) > 0.9);
  assert.deepEqual(trained.manifest.preprocess?.['image'], {
    kind: 'image',
    width: 12,
    height: 12,
    fit: 'letterbox',
    fill: 0,
    channels: 'gray',
    layout: 'nchw',
  });
  const { data } = await media.load(0);
  const input = { dtype: 'uint8', shape: [1, 1, 12, 12], data } as const;
  assert.equal((await ask(trained, new Map([['image', input]])))[0], media.classNames[media.labels[0] ?? 0]);
});

test('trainAudio tells high from low sounds of any length, groups kept apart', async () => {
  const media = soundMedia(60);
  const trained = await trainAudio({
    media,
    executor,
    ...THREADS,
    sampleRateHz: 8000,
    groupOf: ({ name }) => `speaker ${Number(name) % 6}`,
    training: { epochs: 8, batchSize: 8 },
  });
  assert((metricOf(trained.report, 'accuracy') ?? 0) > 0.9);
  const speakers = ({ split }: TrainedMedia, part: 'train' | 'test') =>
    new Set(split[part].map((name) => Number(name) % 6));
  assert(speakers(trained, 'train').isDisjointFrom(speakers(trained, 'test')));
  assert(trained.report.slices.some(({ name }) => name.startsWith('group = speaker')));
  for (const length of [700, 3000, 20_000]) {
    const sound = madeSound(length, 2500);
    const feeds = new Map([['samples', { dtype: 'float32', shape: [1, length], data: sound } as const]]);
    assert.deepEqual(await ask(trained, feeds), ['high'], `${length} samples`);
  }
});

function ask({ onnx }: TrainedMedia, feeds: ReadonlyMap<string, Tensor>): Promise<readonly string[]> {
  return labelsOf(onnx, { executor, feeds });
}
