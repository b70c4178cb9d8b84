// Results that others published or that were measured with other software, reached through the server: the bundled
// models as they are imported, the others deployed. The numbers are those of the shared data's README.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { tensorBytes } from '@amaas/core';
import { decodeNpz } from '@amaas/protocols/npy';
import { readTarGz } from '../packages/learn/src/onnx/testing/tar.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { magikaFeatures, MIN_FILE_BYTES } from './testing/magika-features.ts';
import { binaryBody, type InferReply, outputOf, readInferReply } from './testing/oip-body.ts';
import { type Box, faceInput, readYolox, suppressOverlaps, yoloxInput } from './testing/pictures.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ bundledModels: 'on' });
});

after(() => server.stop());

interface Input {
  readonly name: string;
  readonly datatype: 'FP32' | 'INT32' | 'INT64';
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** Sends binary tensors, gets binary tensors. */
async function infer(model: string, inputs: readonly Input[]): Promise<InferReply> {
  const { body, headers } = binaryBody(
    {
      inputs: inputs.map(({ data, ...input }) => ({ ...input, parameters: { binary_data_size: data.byteLength } })),
      parameters: { binary_data_output: true },
    },
    ...inputs.map(({ data }) => data),
  );
  return readInferReply(await server.request(`/v2/models/${model}/infer`, { method: 'POST', body, headers }));
}

function floats(reply: InferReply, output: string): Float32Array<ArrayBuffer> {
  const { datatype, bytes } = outputOf(reply, output);
  assert.equal(datatype, 'FP32');
  assert.ok(bytes !== undefined);
  return new Float32Array(bytes.buffer);
}

/** Runs `work` for every item, so many at a time. */
async function forEach<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const workers = Array.from({ length: atOnce }, async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  });
  await Promise.all(workers);
}

function indexOfGreatest(values: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  return best;
}

const IRIS = 'tabular/sklearn_iris.csv';

function readIris(): readonly { readonly lengths: readonly number[]; readonly species: number }[] {
  const rows = readFileSync(sharedDataPath(IRIS), 'utf8').trim().split(/\r?\n/).slice(1);
  return rows.map((row) => {
    const [a = 0, b = 0, c = 0, d = 0, species = 0] = row.split(',').map(Number);
    return { lengths: [a, b, c, d], species };
  });
}

/** How many of the 150 flowers a model names rightly: one request each, and all in one request. */
async function countIris(model: string): Promise<readonly [alone: number, together: number]> {
  const flowers = readIris();
  assert.equal(flowers.length, 150);
  const label = async (rows: readonly (readonly number[])[]): Promise<BigInt64Array> => {
    const data = Float32Array.from(rows.flat());
    const reply = await infer(model, [{ name: 'float_input', datatype: 'FP32', shape: [rows.length, 4], data }]);
    const { datatype, bytes } = outputOf(reply, 'output_label');
    assert.equal(datatype, 'INT64');
    return new BigInt64Array(bytes?.buffer ?? new ArrayBuffer(0));
  };
  let alone = 0;
  await forEach(flowers, 16, async ({ lengths, species }) => {
    const [answer] = await label([lengths]);
    if (answer === BigInt(species)) alone++;
  });
  const answers = await label(flowers.map(({ lengths }) => lengths));
  const together = flowers.filter(({ species }, index) => answers[index] === BigInt(species)).length;
  return [alone, together];
}

test('the bundled iris forest names 149 of 150 flowers', { skip: skipWithoutSharedData(IRIS) }, async () => {
  assert.deepEqual(await countIris('iris'), [149, 149]);
  // The map of probabilities has become a tensor: rows of three that add up to one.
  const data = Float32Array.of(5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6, 2.5);
  const reply = await infer('iris', [{ name: 'float_input', datatype: 'FP32', shape: [2, 4], data }]);
  assert.deepEqual(outputOf(reply, 'output_probability').shape, [2, 3]);
  const probabilities = floats(reply, 'output_probability');
  for (const row of [0, 3]) {
    const sum = probabilities.subarray(row, row + 3).reduce((total, value) => total + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5);
  }
  assert.deepEqual([indexOfGreatest(probabilities.subarray(0, 3)), indexOfGreatest(probabilities.subarray(3))], [0, 2]);
});

test('logistic regression names 147 of 150 flowers', {
  skip: skipWithoutSharedData(IRIS, 'onnx/logreg_iris.onnx'),
}, async () => {
  await server.deploy('logreg', readFileSync(sharedDataPath('onnx/logreg_iris.onnx')));
  assert.deepEqual(await countIris('logreg'), [147, 147]);
});

const MNIST = ['images/mnist/t10k-images-idx3-ubyte.gz', 'images/mnist/t10k-labels-idx1-ubyte.gz'] as const;

test('the bundled mnist reads 98.40 % of the first 2,000 digits', {
  skip: skipWithoutSharedData(...MNIST),
}, async () => {
  const [images, labels] = MNIST.map((path) => gunzipSync(readFileSync(sharedDataPath(path))));
  assert.ok(images !== undefined && labels !== undefined);
  let right = 0;
  await forEach(Array(2000).keys(), 16, async (index) => {
    const pixels = images.subarray(16 + index * 784, 16 + (index + 1) * 784);
    const data = Float32Array.from(pixels);
    const reply = await infer('mnist', [{ name: 'Input3', datatype: 'FP32', shape: [1, 1, 28, 28], data }]);
    if (indexOfGreatest(floats(reply, 'Plus214_Output_0')) === labels[8 + index]) right++;
  });
  assert.equal(right / 2000, 0.984);
});

const YOLOX = [
  'onnx/yolox_nano.onnx',
  'images/coco_photos/000000000285.jpg',
  'images/coco_photos/000000000724.jpg',
] as const;

test('yolox_nano finds the bear and the stop sign', { skip: skipWithoutSharedData(...YOLOX) }, async () => {
  const [model, bear, stopSign] = YOLOX.map((path) => sharedDataPath(path));
  await server.deploy('yolox', readFileSync(model ?? ''));
  for (const [photo, classIndex, score] of [
    [bear, 21, 0.93],
    [stopSign, 11, 0.97],
  ] as const) {
    const data = await yoloxInput(photo ?? '');
    const reply = await infer('yolox', [{ name: 'images', datatype: 'FP32', shape: [1, 3, 416, 416], data }]);
    assert.deepEqual(outputOf(reply, 'output').shape, [1, 3549, 85]);
    const [best] = suppressOverlaps(readYolox(floats(reply, 'output'), 0.3), 0.45);
    assert.equal(best?.classIndex, classIndex);
    // Decoders and resizers of pictures differ in the last bits: half of the published digit, and a little.
    assert.ok(Math.abs((best?.score ?? 0) - score) < 0.01, `${best?.score} should be ${score}`);
  }
});

const FACES = [1, 2, 3].map((number) => `images/faces/ultraface_${number}.jpg`);

test('the bundled face detector finds 19, 25 and 15 faces', { skip: skipWithoutSharedData(...FACES) }, async () => {
  const counts: number[] = [];
  for (const photo of FACES) {
    const data = await faceInput(sharedDataPath(photo));
    const reply = await infer('face-detector', [{ name: 'input', datatype: 'FP32', shape: [1, 3, 240, 320], data }]);
    const scores = floats(reply, 'scores');
    const boxes = floats(reply, 'boxes');
    const found: Box[] = [];
    for (let place = 0; place < 4420; place++) {
      const score = scores[place * 2 + 1] ?? 0;
      const [left = 0, top = 0, right = 0, bottom = 0] = boxes.subarray(place * 4, place * 4 + 4);
      if (score > 0.7) found.push({ left, top, right, bottom, score });
    }
    counts.push(suppressOverlaps(found, 0.5).length);
  }
  assert.deepEqual(counts, [19, 25, 15]);
});

test('the bundled silero-vad hears speech in 233 of 343 windows', {
  skip: skipWithoutSharedData('speech/jfk.wav'),
}, async () => {
  const samples = readSamples(sharedDataPath('speech/jfk.wav'));
  let state: Float32Array = new Float32Array(2 * 1 * 128);
  let speech = 0;
  const windows = Math.floor(samples.length / 512);
  for (let window = 0; window < windows; window++) {
    const data = new Float32Array(576); // 64 samples of what came before, 512 new ones
    data.set(samples.subarray(Math.max(0, window * 512 - 64), window * 512 + 512), window === 0 ? 64 : 0);
    const reply = await infer('silero-vad', [
      { name: 'input', datatype: 'FP32', shape: [1, 576], data },
      { name: 'state', datatype: 'FP32', shape: [2, 1, 128], data: state },
      { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(16000n) },
    ]);
    state = floats(reply, 'stateN');
    if ((floats(reply, 'output')[0] ?? 0) > 0.5) speech++;
  }
  assert.deepEqual([speech, windows], [233, 343]);
});

/** Samples of a 16-bit mono WAV file, −1 to 1. */
function readSamples(path: string): Float32Array {
  const wav = readFileSync(path);
  let chunk = 12;
  while (wav.toString('latin1', chunk, chunk + 4) !== 'data') chunk += 8 + wav.readUInt32LE(chunk + 4);
  const start = chunk + 8;
  const count = wav.readUInt32LE(chunk + 4) / 2;
  return Float32Array.from({ length: count }, (_, index) => wav.readInt16LE(start + index * 2) / 32768);
}

const MAGIKA = ['onnx/magika/tests_data_basic.tar.gz', 'onnx/magika/config.min.json'] as const;

/** Google's own configuration of the model. */
function readMagikaConfig(): {
  readonly target_labels_space: readonly string[];
  readonly overwrite_map: Readonly<Record<string, string>>;
} {
  return JSON.parse(readFileSync(sharedDataPath(MAGIKA[1]), 'utf8'));
}

test('the bundled magika names all 76 test files', { skip: skipWithoutSharedData(...MAGIKA) }, async () => {
  const config = readMagikaConfig();
  const files = [...readTarGz(sharedDataPath(MAGIKA[0]))].filter(([, bytes]) => bytes.length >= MIN_FILE_BYTES);
  const wrong: string[] = [];
  await forEach(files, 8, async ([path, bytes]) => {
    const data = magikaFeatures(bytes);
    const reply = await infer('magika', [{ name: 'bytes', datatype: 'INT32', shape: [1, 2048], data }]);
    const label = config.target_labels_space[indexOfGreatest(floats(reply, 'target_label'))] ?? '';
    const expected = path.split('/').at(-2);
    if (label !== expected && config.overwrite_map[label] !== expected) wrong.push(`${path}: ${label}`);
  });
  assert.deepEqual(wrong, []);
  assert.equal(files.length, 76);
});

test('the labels of magika come with classification', { skip: skipWithoutSharedData(...MAGIKA) }, async () => {
  const files = readTarGz(sharedDataPath(MAGIKA[0]));
  const bytes = [...files].find(([path]) => path.endsWith('python/code.py'))?.[1] ?? new Uint8Array(0);
  const response = await server.request('/v2/models/magika/infer', {
    method: 'POST',
    body: JSON.stringify({
      inputs: [{ name: 'bytes', datatype: 'INT32', shape: [1, 2048], data: [...magikaFeatures(bytes)] }],
      outputs: [{ name: 'target_label', parameters: { classification: 1 } }],
    }),
  });
  const { data } = outputOf(await readInferReply(response), 'target_label');
  const index = readMagikaConfig().target_labels_space.indexOf('python');
  assert.match(String(data?.[0]), new RegExp(`^[01]\\.\\d{6}:${index}:python$`));
});

/** Models of tract's tests: name of the input, outputs that the archive holds. */
const TRACT = [
  'lgbm_classifier_tensor',
  'lgbm_regressor_tensor',
  'qlstm_3-2-3_T3_S1',
  'xgboost_classifier_tree',
  'xgboost_regressor_tree',
] as const;

for (const name of TRACT) {
  const files = [`onnx/tract/${name}.model.onnx`, `onnx/tract/${name}.io.npz`] as const;
  test(`${name} gives tract's numbers`, { skip: skipWithoutSharedData(...files) }, async () => {
    const model = name.toLowerCase();
    await server.deploy(model, readFileSync(sharedDataPath(files[0])));
    const arrays = await decodeNpz(readFileSync(sharedDataPath(files[1])));
    const input = arrays.get('input');
    assert.ok(input?.dtype === 'float32');
    const reply = await infer(model, [
      { name: 'input', datatype: 'FP32', shape: input.shape, data: tensorBytes(input) },
    ]);
    let compared = 0;
    let greatest = 0;
    for (const [output, expected] of arrays) {
      if (output === 'input') continue;
      assert.ok(expected.dtype === 'float32' || expected.dtype === 'float64');
      const actual = floats(reply, output);
      assert.equal(actual.length, expected.data.length);
      for (const [index, value] of expected.data.entries())
        greatest = Math.max(greatest, Math.abs(value - (actual[index] ?? 0)));
      compared++;
    }
    assert.ok(compared > 0);
    assert.ok(greatest <= 1.9e-8, `the greatest difference is ${greatest}`);
  });
}
