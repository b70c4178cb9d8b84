import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx } from '../compile/index.ts';
import { constantOf, gradients, input, mul, reduceSum, type Shape, type Value } from '../graph/index.ts';
import { arrayFromTensor, evaluate, numbersOf, type ReferenceArray } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import { createScope } from './scope.ts';
import {
  SPEECH_FEATURES_INPUT,
  SPEECH_FRAMES_INPUT,
  speechRecogniser,
  type SpeechRecogniserOptions,
  speechSteps,
} from './speech-recogniser.ts';

const BANDS = 6;
const OPTIONS: SpeechRecogniserOptions = {
  symbols: 4,
  timeStride: 2,
  channels: [3, 2],
  units: 3,
  layers: 2,
  dropout: 0,
};

interface Rows {
  /** [batch][bands · frames], each of its own frames. */
  readonly pictures: readonly (readonly number[])[];
  readonly frames: readonly number[];
}

function madeRows(frames: readonly number[]): Rows {
  const random = createRandom(5);
  return { frames, pictures: frames.map((count) => Array.from({ length: BANDS * count }, () => random.normal())) };
}

/** Rows in one tensor, what lies behind their frames being anything but zero. */
function padded({ pictures, frames }: Rows, time: number): Float32Array {
  const random = createRandom('padding');
  const values = Float32Array.from({ length: frames.length * BANDS * time }, () => 10 * random.normal());
  for (const [row, count] of frames.entries()) {
    for (let at = 0; at < BANDS * count; at++) {
      const [band, frame] = [Math.floor(at / count), at % count];
      values[(row * BANDS + band) * time + frame] = pictures[row]?.[at] ?? Number.NaN;
    }
  }
  return values;
}

interface Built {
  readonly logits: Value;
  readonly features: Value;
  readonly frames: Value;
  readonly parameters: ReadonlyMap<Value, Tensor>;
}

function build(options: SpeechRecogniserOptions, shape: Shape, training: boolean): Built {
  const features = input('features', 'float32', shape);
  const frames = input('frames', 'int64', shape.slice(0, 1));
  const { scope, record } = createScope(training);
  const given = new Map([
    [SPEECH_FEATURES_INPUT, features],
    [SPEECH_FRAMES_INPUT, frames],
  ]);
  const logits = speechRecogniser(options).build(given, scope);
  const random = createRandom('weights');
  const parameters = new Map(
    record().parameters.map(({ value, shape: sizes }) => {
      const count = sizes.reduce((product, size) => product * size, 1);
      const data = Float32Array.from({ length: count }, () => 0.4 * random.normal() + 0.05);
      return [value, createTensor('float32', sizes, data)] as const;
    }),
  );
  return { logits, features, frames, parameters };
}

/** Logits of every row's own steps, by ONNX Runtime. */
async function stepsOf(
  options: SpeechRecogniserOptions,
  rows: Rows,
  time: number,
): Promise<readonly (readonly number[])[]> {
  const { logits, features, frames, parameters } = build(options, ['N', BANDS, 'time'], false);
  const executor = await createOrtNodeExecutor();
  const names = new Map([...parameters].map(([value]) => [value, value]));
  const compiled = await executor.compile(
    compileToOnnx(new Map([['logits', logits]]), { inputs: [features, frames, ...names.keys()] }),
  );
  try {
    const feeds = new Map<string, Tensor>([
      ['features', createTensor('float32', [rows.frames.length, BANDS, time], padded(rows, time))],
      ['frames', createTensor('int64', [rows.frames.length], BigInt64Array.from(rows.frames, BigInt))],
    ]);
    for (const [{ origin }, tensor] of parameters) if (origin.kind === 'input') feeds.set(origin.name, tensor);
    const found = (await compiled.run(feeds)).get('logits');
    if (found?.dtype !== 'float32') assert.fail();
    const [, steps = 0, symbols = 0] = found.shape;
    return rows.frames.map((count, row) => {
      const own = speechSteps(count, options.timeStride ?? 4);
      assert(own <= steps);
      return Array.from(found.data.subarray(row * steps * symbols, (row * steps + own) * symbols));
    });
  } finally {
    await compiled.dispose();
  }
}

function assertNear(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  assert.deepEqual(
    found.map(({ length }) => length),
    expected.map(({ length }) => length),
  );
  for (const [row, values] of found.entries()) {
    for (const [at, value] of values.entries()) {
      assert(Math.abs(value - (expected[row]?.[at] ?? Number.NaN)) < 2e-6, `row ${row}, ${at}`);
    }
  }
}

for (const timeStride of [1, 2, 4]) {
  test(`speechRecogniser is changed by no padding, stride ${timeStride}`, async () => {
    const options = { ...OPTIONS, timeStride };
    const rows = madeRows([7, 12, 1, 9]);
    const together = await stepsOf(options, rows, 12);
    assertNear(await stepsOf(options, rows, 17), together);
    for (const [row, count] of rows.frames.entries()) {
      const alone = { frames: [count], pictures: rows.pictures.slice(row, row + 1) };
      assertNear(await stepsOf(options, alone, count), together.slice(row, row + 1));
    }
  });
}

test('speechRecogniser in training gives what it gives when served, and passes no gradient to padding', () => {
  const rows = madeRows([5, 8]);
  const time = 8;
  const feeds = ({ features, frames, parameters }: Built): ReadonlyMap<Value, ReferenceArray> => {
    const fed = new Map<Value, ReferenceArray>([
      [features, { dtype: 'float32', shape: [2, BANDS, time], data: Float64Array.from(padded(rows, time)) }],
      [frames, { dtype: 'int64', shape: [2], data: Float64Array.from(rows.frames) }],
    ]);
    for (const [value, tensor] of parameters) fed.set(value, arrayFromTensor(tensor));
    return fed;
  };
  const [trained, served] = [true, false].map((training) => build(OPTIONS, [2, BANDS, time], training));
  if (trained === undefined || served === undefined) assert.fail();
  const [first = assert.fail()] = evaluate([trained.logits], feeds(trained));
  const [second = assert.fail()] = evaluate([served.logits], feeds(served));
  const [a, b] = [numbersOf(first).data, numbersOf(second).data];
  for (const [at, value] of a.entries()) assert(Math.abs(value - (b[at] ?? Number.NaN)) < 1e-9);
  // Of the steps that count: the others give the bias alone.
  const counted = constantOf('float32', [2, 4, 1], [1, 1, 1, 0, 1, 1, 1, 1]);
  const [dx = assert.fail()] = gradients(reduceSum(mul(mul(trained.logits, trained.logits), counted)), [
    trained.features,
  ]);
  const [slopes = assert.fail()] = evaluate([dx], feeds(trained));
  const values = numbersOf(slopes).data;
  const slopeAt = (row: number, frame: number): number =>
    Array.from({ length: BANDS }, (_, band) => Math.abs(values[(row * BANDS + band) * time + frame] ?? 1)).reduce(
      (sum, slope) => sum + slope,
    );
  for (const [row, count] of rows.frames.entries()) {
    for (let frame = 0; frame < time; frame++) {
      const slope = slopeAt(row, frame);
      assert.equal(slope === 0, frame >= count, `row ${row}, frame ${frame}: ${slope}`);
    }
  }
});

test('speechRecogniser refuses strides without their convolutions', () => {
  assert.throws(() => speechRecogniser({ symbols: 4, timeStride: 3 }), /timeStride must be 1, 2, 4 or 8/);
  assert.throws(() => speechRecogniser({ symbols: 4, timeStride: 8, channels: [3, 2] }), {
    reason: 'INVALID_ARGUMENT',
  });
  assert.deepEqual([speechSteps(7, 4), speechSteps(9, 4), speechSteps(9, 1)], [2, 3, 9]);
});
