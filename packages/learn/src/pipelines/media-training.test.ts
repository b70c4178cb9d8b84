import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createLabelledMedia, decodeText, filesOfTexts } from '../data/index.ts';
import { metricOf } from '../evaluate/index.ts';
import type { TrainMediaEvent } from './media-training.ts';
import { textMedia } from './testing/made-media.ts';
import { trainText } from './train-text.ts';

const executor = await createOrtNodeExecutor();
const THREADS = { threads: 1 }; // small graphs gain nothing from more, and other tests run beside these

test('trainText gives the same model again with the same seed, another with another', async () => {
  const made = Array.from({ length: 60 }, (_, row) => ({
    label: `${row % 3}`,
    text: `word${row % 3} and word${row % 7}`,
  }));
  const train = (seed: number) =>
    trainText({ media: textMedia(made), executor, ...THREADS, seed, candidates: ['linear'], training: { epochs: 2 } });
  const [first, again, other] = [await train(1), await train(1), await train(2)];
  assert.deepEqual(first.onnx, again.onnx);
  assert.notDeepEqual(first.onnx, other.onnx);
});

test('training media takes held-out media of its own, whatever order their classes have', async () => {
  const made = (rows: number, from: number) =>
    Array.from({ length: rows }, (_, row) => ({
      label: `${(row + from) % 2}`,
      text: `word${(row + from) % 2} x${row}`,
    }));
  const trained = await trainText({
    media: textMedia(made(60, 0)),
    test: createLabelledMedia({
      kind: 'text',
      files: filesOfTexts(made(20, 1), 'held out'),
      decode: (bytes, name) => decodeText(bytes, name),
      classNames: ['1', '0'],
    }),
    executor,
    ...THREADS,
    candidates: ['linear'],
    training: { epochs: 10, batchSize: 8 },
  });
  assert.equal(trained.split.test.length, 20);
  assert.equal(metricOf(trained.report, 'accuracy'), 1);
});

test('training media refuses what it cannot learn from, and says what to do', async () => {
  const same = Array.from({ length: 20 }, (_, row) => ({ label: 'only', text: `text number ${row}` }));
  await assert.rejects(
    trainText({ media: textMedia(same), executor }),
    failsWith('INVALID_DATA', /but one class, "only"/),
  );
  const nothing = Array.from({ length: 40 }, (_, row) => ({ label: `${row % 2}`, text: '' }));
  await assert.rejects(trainText({ media: textMedia(nothing), executor }), failsWith('INVALID_DATA', /longer texts/));
  const strange = textMedia([...same, { label: 'other', text: 'something else' }]);
  await assert.rejects(
    trainText({ media: textMedia(twoClasses()), test: strange, executor }),
    failsWith('INVALID_DATA', /files of class "only"/),
  );
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(
    trainText({ media: textMedia(twoClasses()), executor, signal: controller.signal }),
    failsWith('CANCELLED', /./),
  );
});

test('training media warns of held-out texts that are in training too', async () => {
  const made = Array.from({ length: 60 }, (_, row) => ({ label: `${row % 2}`, text: `the same text ${row % 2}` }));
  const events: TrainMediaEvent[] = [];
  await trainText({
    media: textMedia(made),
    executor,
    ...THREADS,
    candidates: ['linear'],
    training: { epochs: 1 },
    onEvent: (event) => events.push(event),
  });
  const split = events.find((event) => event.kind === 'split');
  assert.match(split?.findings[0]?.message ?? '', /^12 test values of 12 also are in training/);
});

function twoClasses() {
  return Array.from({ length: 30 }, (_, row) => ({ label: `${row % 2}`, text: `text ${row % 2} of many` }));
}

function failsWith(reason: string, message: RegExp) {
  return (error: unknown) => error instanceof AmaasError && error.reason === reason && message.test(error.message);
}
