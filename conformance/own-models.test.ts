// The bundled models that we trained give, through the server, the results of their reports on the rows held out then.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openAudioFolder, openLabelledLines } from '@amaas/engine-sharp';
import { type LabelledMedia, labelledIdx, readIdx } from '@amaas/learn/data';
import { readMedia, splitMedia } from '../packages/learn/src/pipelines/media-data.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ bundledModels: 'on' });
});

after(() => server.stop());

const SMS = 'text/SMSSpamCollection';
const CLIPS = 'speech/fsdd_360.tar.gz';
const DIGITS = ['images/mnist/t10k-images-idx3-ubyte.gz', 'images/mnist/t10k-labels-idx1-ubyte.gz'] as const;

test('the bundled spam model answers for the held-out messages as its report says', {
  skip: skipWithoutSharedData(SMS),
}, async () => {
  const { values, labels } = await heldOut(await openLabelledLines(sharedDataPath(SMS), { loneLine: 'join' }));
  const answers: string[] = [];
  // Batches of many sizes: company must not change an answer.
  for (let start = 0, size = 1; start < values.length; start += size, size = 1 + ((size * 7) % 120)) {
    const data = values.slice(start, start + size);
    answers.push(...(await labelsOf('spam', [{ name: 'text', shape: [data.length], datatype: 'BYTES', data }])));
  }
  const counts = new Map<string, number>();
  for (const [row, answer] of answers.entries()) {
    const pair = `${labels[row] === 1 ? 'spam' : 'ham'} taken for ${answer}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(counts), {
    'ham taken for ham': 964,
    'ham taken for spam': 2,
    'spam taken for ham': 9,
    'spam taken for spam': 140,
  });
});

test('the bundled recogniser of spoken digits understands 69 of the 72 held-out clips', {
  skip: skipWithoutSharedData(CLIPS),
}, async () => {
  const classOf = (path: string): string | null => basename(path).split('_')[0] ?? null;
  const media = await openAudioFolder(sharedDataPath(CLIPS), { sampleRateHz: 8000, classOf });
  const { values, labels } = await heldOut(media);
  let right = 0;
  for (const [row, clip] of values.entries()) {
    const [answer] = await labelsOf('spoken-digits', [
      { name: 'samples', shape: [1, clip.length], datatype: 'FP32', data: [...clip] },
    ]);
    if (answer === media.classNames[labels[row] ?? -1]) right++;
  }
  assert.deepEqual([right, values.length], [69, 72]);
});

test('the bundled reader of digits reads 9,954 of the 10,000 test digits', {
  skip: skipWithoutSharedData(...DIGITS),
}, async () => {
  const [images, labels] = await Promise.all(
    DIGITS.map(async (name) => readIdx(await readFile(sharedDataPath(name)), { name })),
  );
  assert(images !== undefined && labels !== undefined);
  const media = labelledIdx(images, labels);
  let right = 0;
  for await (const batch of media.read({ batchSize: 250 })) {
    const data = batch.values.flatMap((picture) => [...picture.data]);
    const answers = await labelsOf('digits', [
      { name: 'image', shape: [batch.values.length, 1, 28, 28], datatype: 'UINT8', data },
    ]);
    right += answers.filter((answer, row) => answer === String(batch.labels[row])).length;
  }
  assert.equal(right, 9954);
});

test('the bundled heart model takes findings by their names, missing ones too', async () => {
  const example: { readonly inputs: readonly Input[] } = JSON.parse(
    await readFile(join(import.meta.dirname, '..', 'models', 'heart-disease', '1', 'example.json'), 'utf8'),
  );
  assert.equal(example.inputs.length, 13);
  const [answer] = await labelsOf('heart-disease', example.inputs);
  const without = example.inputs.map((input) => (input.name === 'chol' ? { ...input, data: [null] } : input));
  assert.deepEqual([answer, await labelsOf('heart-disease', without)], ['1', ['1']]);
});

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data: readonly (string | number | null)[];
}

async function labelsOf(model: string, inputs: readonly Input[]): Promise<readonly string[]> {
  const reply = await server.request(`/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs, outputs: [{ name: 'label' }] }),
  });
  assert.equal(reply.status, 200);
  const { outputs }: { readonly outputs: readonly { readonly data: readonly string[] }[] } = await reply.json();
  return outputs[0]?.data ?? [];
}

/** The test part as the training cut it: by seed 0 and the standard sizes. */
async function heldOut<Media>(media: LabelledMedia<Media>) {
  const { rows } = await readMedia(media, {});
  return splitMedia(rows, { seed: 0, test: 0.2, validation: 0.15 }).test;
}
