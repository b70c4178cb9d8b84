// The SMS Spam Collection: the quality promised, and the exported graph against the features of training.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { readLabelledLines } from '../data/index.ts';
import { metricOf } from '../evaluate/index.ts';
import { textMedia } from './testing/made-media.ts';
import { trainText } from './train-text.ts';

const SMS = 'text/SMSSpamCollection';

test('trainText finds spam among text messages with an F1 of at least 0.95 on a held-out fifth', {
  skip: skipWithoutSharedData(SMS),
}, async () => {
  const file = await readFile(sharedDataPath(SMS), 'utf8');
  const messages = readLabelledLines(file, 'SMSSpamCollection', { loneLine: 'join' });
  assert.equal(messages.length, 5574);
  const executor = await createOrtNodeExecutor();
  const trained = await trainText({ media: textMedia(messages), executor, candidates: ['perceptron'] });
  assert.equal(trained.split.test.length, 1115);
  const f1 = metricOf(trained.report, 'f1') ?? 0;
  assert(f1 >= 0.95, `F1 ${f1}`);
});
