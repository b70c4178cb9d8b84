import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { decodeCtcBeams, decodeCtcGreedy } from '../decode/index.ts';
import type { CheckpointStore } from '../train/index.ts';
import { parseSpeechDescription, readSpeechDescription } from './speech-description.ts';
import { recordingsTensor } from './speech-model.ts';
import { formatSpeechReport, speechMetric } from './speech-report.ts';
import { spellLabels } from './speech-symbols.ts';
import { type MadeRecording, madeRecordings, SPEECH_RATE_HZ, speechMedia } from './testing/made-speech.ts';
import type { TrainSpeechEvent, TrainSpeechOptions } from './speech-options.ts';
import { type TrainedSpeech, trainSpeech } from './train-speech.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const SMALL = {
  executor,
  sampleRateHz: SPEECH_RATE_HZ,
  threads: 1,
  logMel: { bands: 12 },
  network: { channels: [6], timeStride: 2, units: 12, dropout: 0 },
  training: { epochs: 45, batchSize: 12, learningRate: 0.02 },
} as const satisfies Partial<TrainSpeechOptions>;

const recordings = madeRecordings(90);
const events: TrainSpeechEvent[] = [];
const trained = await trainSpeech({
  ...SMALL,
  media: speechMedia(recordings),
  groupOf: ({ name }) => name.slice(0, 1) + (Number(name.slice(2)) % 5),
  onEvent: (event) => events.push(event),
});
const heldOut = trained.split.test.flatMap((name) => recordings.filter((each) => each.name === name));

async function run({ onnx }: TrainedSpeech, samples: readonly Float32Array[], longer = 0) {
  const compiled = await executor.compile(onnx);
  try {
    const given = recordingsTensor(samples);
    const [rows = 0, length = 0] = given.shape;
    const padded = new Float32Array(rows * (length + longer));
    for (const [row, each] of samples.entries()) padded.set(each, row * (length + longer));
    const found = await compiled.run(new Map([['samples', createTensor('float32', [rows, length + longer], padded)]]));
    const [text, scores] = [found.get('text'), found.get('log_probabilities')];
    if (text?.dtype !== 'string' || scores?.dtype !== 'float32') assert.fail();
    const [, steps = 0, classes = 0] = scores.shape;
    return {
      classes,
      texts: text.data.map((bytes) => new TextDecoder().decode(bytes)),
      scores: samples.map((_, row) => scores.data.subarray(row * steps * classes, (row + 1) * steps * classes)),
    };
  } finally {
    await compiled.dispose();
  }
}

test('trainSpeech learns to write recordings it has not heard', () => {
  assert(heldOut.length >= 12);
  assert(speechMetric(trained.report, 'exact texts') > 0.8, formatSpeechReport(trained.report));
  assert(speechMetric(trained.report, 'character error rate') < 0.1);
  assert.deepEqual(
    trained.heard.map(({ file, text }) => [file, text]),
    heldOut.map(({ name, text }) => [name, text]),
  );
  assert(trained.report.slices.some(({ name }) => name.startsWith('group = ')));
  const groups = (part: 'train' | 'test') =>
    new Set(trained.split[part].map((name) => name.slice(0, 1) + (Number(name.slice(2)) % 5)));
  assert.equal(groups('train').intersection(groups('test')).size, 0);
  assert.deepEqual(
    [...new Set(events.map(({ kind }) => kind))],
    ['reading', 'described', 'split', 'training', 'epoch', 'evaluating'],
  );
});

test("trainSpeech's model writes what decodeCtcGreedy reads in its log-probabilities, and beams agree", async () => {
  const { texts, scores, classes } = await run(
    trained,
    heldOut.map(({ samples }) => samples),
  );
  assert.deepEqual(
    texts,
    trained.heard.map(({ heard }) => heard),
  );
  for (const [row, own] of scores.entries()) {
    assert.equal(spellLabels(trained.description, decodeCtcGreedy(own, { classes }).labels), texts[row]);
  }
  const best = scores.map((own) => decodeCtcBeams(own, { classes, beams: 8 })[0]?.labels ?? []);
  const right = best.filter((labels, row) => spellLabels(trained.description, labels) === heldOut[row]?.text).length;
  assert(right >= 0.8 * heldOut.length, `${right} of ${heldOut.length}`);
});

test("trainSpeech's model hears each recording alone as among longer ones, whatever zeros follow", async () => {
  const samples = heldOut.map((each) => each.samples);
  const together = await run(trained, samples);
  assert.deepEqual((await run(trained, samples, 3001)).texts, together.texts);
  for (const [row, each] of samples.slice(0, 5).entries()) {
    const alone = await run(trained, [each]);
    assert.deepEqual(alone.texts, together.texts.slice(row, row + 1));
    for (const [at, value] of (alone.scores[0] ?? assert.fail()).entries())
      assert(Math.abs(value - (together.scores[row]?.[at] ?? Number.NaN)) < 1e-3, `row ${row}, ${at}`);
  }
  // Silence, and nothing at all, are nothing to write.
  assert.deepEqual((await run(trained, [new Float32Array(2000), new Float32Array(0)])).texts.length, 2);
});

test("trainSpeech's model says which sound it takes and what it writes", () => {
  assert.deepEqual(readSpeechDescription(trained.onnx), trained.description);
  assert.deepEqual(trained.description, {
    format: 'amaas-speech-1',
    characters: [' ', 'a', 'b', 'c'],
    sampleRateHz: SPEECH_RATE_HZ,
    stepSeconds: 0.02,
  });
  assert.throws(() => parseSpeechDescription({ ...trained.description, characters: ['ab'] }), {
    reason: 'INVALID_MODEL',
  });
  assert.throws(() => parseSpeechDescription({ ...trained.description, sampleRateHz: 0 }), /its sample rate is none/);
  assert.throws(() => parseSpeechDescription([]), /of another format/);
});

/** A store in memory. */
function memoryStore(): CheckpointStore & { bytes: Uint8Array | null } {
  const store = {
    bytes: null as Uint8Array | null, // filled by save
    load: async () => store.bytes,
    save: async (bytes: Uint8Array) => {
      store.bytes = bytes;
    },
  };
  return store;
}

test('trainSpeech interrupted and resumed ends with the bytes of one that was not', async () => {
  const options = {
    ...SMALL,
    media: speechMedia(recordings.slice(0, 30)),
    network: { ...SMALL.network, dropout: 0.2 },
    training: { epochs: 5, batchSize: 4 },
  };
  const whole = await trainSpeech(options);
  const store = memoryStore();
  const controller = new AbortController();
  const interrupted = trainSpeech({
    ...options,
    checkpoint: store,
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === 'epoch' && event.record.epoch === 2) controller.abort();
    },
  });
  await assert.rejects(interrupted, { reason: 'CANCELLED' });
  assert(store.bytes !== null);
  const epochs: number[] = [];
  const resumed = await trainSpeech({
    ...options,
    checkpoint: store,
    onEvent: (event) => {
      if (event.kind === 'epoch') epochs.push(event.record.epoch);
    },
  });
  assert.deepEqual(epochs, [3, 4, 5]);
  assert.deepEqual(resumed.history, whole.history);
  assert.deepEqual(resumed.onnx, whole.onnx);
});

test('trainSpeech names the recordings that cannot be learned', async () => {
  const some = recordings.slice(0, 20);
  const refused = async (
    change: Partial<MadeRecording>,
    message: RegExp,
    options: Partial<TrainSpeechOptions> = {},
  ) => {
    const media = speechMedia(some.map((each, at) => (at === 4 ? { ...each, ...change } : each)));
    await assert.rejects(trainSpeech({ ...SMALL, media, validation: 0, test: 0.1, ...options }), (thrown) => {
      assert(thrown instanceof Error);
      assert.match(thrown.message, message);
      return true;
    });
  };
  await refused({ text: ' \n' }, /transcript of y\/004 is empty/);
  await refused({ samples: new Float32Array(50) }, /y\/004 is shorter than 128 samples/);
  await refused({ text: 'a'.repeat(200), name: 'y/004' }, /y\/004 is too long for its recording.*every 20 ms/);
  await refused({ text: 'aßb' }, /y\/004 has characters that are not among those given/, {
    characters: ['a', 'b', 'c', ' '],
  });
  await refused({}, /expected single characters, each once, got "ab"/, { characters: ['ab'] });
  await refused({}, /maxSpeedChange must be from 0 to 0.49/, { augmentation: { maxSpeedChange: 1 } });
});

test('trainSpeech warns of held-out transcripts that it cannot write, and of recordings heard twice', async () => {
  const [first = assert.fail(), ...others] = recordings.slice(0, 20);
  const found: string[] = [];
  await trainSpeech({
    ...SMALL,
    media: speechMedia(others),
    test: speechMedia([first, { name: 'strange', text: 'aß', samples: first.samples }, others[0] ?? assert.fail()]),
    training: { epochs: 1 },
    onEvent: (event) => {
      if (event.kind === 'split') found.push(...event.findings.map(({ message }) => message));
    },
  });
  assert(
    found.some((message) => /1 transcript of the test part \(strange\).*"ß"/.test(message)),
    found.join(),
  );
  assert(
    found.some((message) => /1 of 3 test recordings also are in training/.test(message)),
    found.join(),
  );
});
