import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createLabelledMedia, type LabelledMedia } from '../data/index.ts';
import { metricOf } from '../evaluate/index.ts';
import { evaluateMediaModel, type RunMediaModel, withMediaModel } from './media-evaluation.ts';
import type { TrainedMedia } from './media-training.ts';
import { pictureMedia, soundMedia } from './testing/made-media.ts';
import { trainAudio } from './train-audio.ts';
import { trainImages } from './train-images.ts';

const executor = await createOrtNodeExecutor();
const common = { executor, threads: 1, training: { epochs: 2 }, candidates: ['linear'] } as const;

/** The files a training has held out, by themselves. */
function heldOut<Value>(media: LabelledMedia<Value>, { split }: TrainedMedia): LabelledMedia<Value> {
  const places = new Map(media.files.map(({ name }, at) => [name, at]));
  const files = media.files.filter(({ name }) => split.test.includes(name));
  return createLabelledMedia({ kind: media.kind, files, decode: (_, name) => media.load(places.get(name) ?? -1) });
}

test('evaluateMediaModel repeats the report of a training on the files it has held out', async () => {
  const pictures = pictureMedia(120);
  const ofPictures = await trainImages({ ...common, media: pictures });
  const sounds = soundMedia(60);
  const ofSounds = await trainAudio({ ...common, media: sounds, sampleRateHz: 8000 });
  for (const [trained, media] of [
    [ofPictures, { kind: 'image', files: heldOut(pictures, ofPictures) }],
    [ofSounds, { kind: 'audio', files: heldOut(sounds, ofSounds) }],
  ] as const) {
    const { description, report, test: expected } = trained;
    assert.ok(description !== null);
    const evaluated = await withMediaModel(executor, trained.onnx, (run) =>
      evaluateMediaModel({ run, description, media, name: 'm', dataName: 'held out' }),
    );
    assert.equal(evaluated.report.n, trained.split.test.length);
    assert.deepEqual(evaluated.report.confusionMatrix, report.confusionMatrix);
    assert.equal(metricOf(evaluated.report, 'accuracy'), metricOf(report, 'accuracy'));
    // The held-out files are in the order of their names in both.
    for (const [at, score] of expected.scores.entries())
      assert.ok(Math.abs(score - (evaluated.scores[at] ?? 2)) < 1e-6, `${media.kind} ${at}`);
    assert.deepEqual([evaluated.report.data?.name, evaluated.report.model?.name], ['held out', 'm']);
  }
});

const DESCRIPTION = {
  format: 'amaas-media-1',
  classes: ['stands', 'lies'],
  preparation: { kind: 'image', width: 12, height: 12, channels: 'gray', fit: 'stretch' },
} as const;

function evaluateWith(run: RunMediaModel, more: { readonly signal?: AbortSignal } = {}) {
  const all = pictureMedia(600);
  const files = all.files.filter(({ label }, at) => label === 'stands' || at < 400);
  const decode = (_: Uint8Array, name: string) => all.load(Number(name));
  const media = { kind: 'image', files: createLabelledMedia({ kind: 'image', files, decode }) } as const;
  return evaluateMediaModel({ run, description: DESCRIPTION, media, name: 'm', dataName: 'd', ...more });
}

test("evaluateMediaModel sends bounded runs and takes classes in the model's order", async () => {
  const runs: (readonly number[])[] = [];
  const { report } = await evaluateWith(async (input, values) => {
    assert.equal(input, 'image');
    runs.push(values.shape);
    const [rows = 0] = values.shape;
    // Always "stands", the first of the model's classes and the second of the folder's.
    return createTensor(
      'float32',
      [rows, 2],
      new Float32Array(rows * 2).map((_, at) => (at % 2 === 0 ? 0.9 : 0.1)),
    );
  });
  assert.deepEqual(runs, [
    [256, 1, 12, 12],
    [244, 1, 12, 12],
  ]);
  assert.deepEqual(report.confusionMatrix, [
    [300, 0],
    [200, 0],
  ]);
});

test('evaluateMediaModel refuses other media, other answers, and ends when called off', async () => {
  const run: RunMediaModel = async () => createTensor('float32', [1, 2], new Float32Array(2));
  await assert.rejects(evaluateWith(run), {
    reason: 'INVALID_MODEL',
    message: 'evaluate: expected float32 [256,2] from the model, got float32 [1,2]',
  });
  await assert.rejects(
    evaluateWith(async () => undefined),
    { reason: 'INVALID_MODEL', message: /got nothing$/ },
  );
  await assert.rejects(evaluateWith(run, { signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
  const media = { kind: 'audio', files: soundMedia(8) } as const;
  await assert.rejects(evaluateMediaModel({ run, description: DESCRIPTION, media, name: 'm', dataName: 'd' }), {
    reason: 'INVALID_DATA',
    message: 'evaluate: the model takes image files, got audio files',
  });
  const known = { ...DESCRIPTION, classes: ['stands', 'leans'] };
  const pictures = { kind: 'image', files: pictureMedia(8) } as const;
  await assert.rejects(
    evaluateMediaModel({ run, description: known, media: pictures, name: 'm', dataName: 'd' }),
    /files of class "lies", which the model does not know: there are "stands", "leans"$/,
  );
});
