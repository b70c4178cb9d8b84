// The step against the loss that train has; the whole against what made-up text must give.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantOf, gather, gradients, input, mul, reduceSum } from '../graph/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { createRandom } from '../statistics/index.ts';
import { negativeSampling } from '../train/index.ts';
import { type Corpus, readCorpus, trainWord2Vec, type Word2VecOptions } from './index.ts';
import { SampleStep } from './sample-step.ts';

const DIMENSIONS = 7;
const random = createRandom('step');
const numbers = (rows: number): Float32Array =>
  Float32Array.from({ length: rows * DIMENSIONS }, () => random.normal() * 0.7);

function stepFrom(inputs: Float32Array, outputs: Float32Array, dimensions: number): SampleStep {
  const step = new SampleStep({
    inputRows: inputs.length / dimensions,
    outputRows: outputs.length / dimensions,
    dimensions,
  });
  const [first, second] = [inputs.values(), outputs.values()];
  step.math.fill(step.inputs, () => first.next().value ?? 0);
  step.math.fill(step.outputs, () => second.next().value ?? 0);
  return step;
}

test("SampleStep moves rows by the gradients of train's negativeSampling", () => {
  const [inputs, outputs] = [numbers(5), numbers(12)];
  const rows = Int32Array.of(3, 1, 4);
  const scale = 1 / Math.sqrt(3);
  // Groups share no word, as each sees the rows that the one before has moved; 7 is drawn though it is true.
  const groups = [
    [2, 0, 11, 5],
    [7, 1, 7, 10],
  ];
  const x = input('inputs', 'float64', [5, DIMENSIONS]);
  const y = input('outputs', 'float64', [12, DIMENSIONS]);
  const ids = constantOf('int64', [2, 4], groups.flat());
  const hidden = mul(reduceSum(gather(x, constantOf('int64', [3], rows)), { axes: [0], keepAxes: true }), scale);
  const scores = reduceSum(mul(gather(y, ids), hidden), { axes: [2] });
  const loss = reduceSum(negativeSampling().perRow(scores, ids));
  const feeds = new Map([
    [x, { dtype: 'float64', shape: [5, DIMENSIONS], data: Float64Array.from(inputs) } as const],
    [y, { dtype: 'float64', shape: [12, DIMENSIONS], data: Float64Array.from(outputs) } as const],
  ]);
  const [expectedLoss, ...expected] = evaluate([loss, ...gradients(loss, [x, y])], feeds).map(numbersOf);

  const step = stepFrom(inputs, outputs, DIMENSIONS);
  const rate = 0.5;
  step.read(rows, 3, scale);
  const found = groups.reduce((sum, group) => sum + step.compare(Int32Array.from(group), rate), 0);
  step.write(rows, 3, rate * scale);
  assert(Math.abs(found - (expectedLoss?.data[0] ?? 0)) < 1e-6);
  [
    [inputs, step.math.copy(step.inputs), expected[0]?.data] as const,
    [outputs, step.math.copy(step.outputs), expected[1]?.data] as const,
  ].forEach(([before, after, gradient]) => {
    before.forEach((value, k) => {
      const moved = (value - (after[k] ?? 0)) / rate;
      assert(Math.abs(moved - (gradient?.[k] ?? Number.NaN)) < 2e-6, `${k}: ${moved}, not ${gradient?.[k]}`);
    });
  });
});

test('SampleStep stays finite where scores are huge', () => {
  const step = stepFrom(Float32Array.of(100, 100), Float32Array.of(100, 100, -100, -100), 2);
  step.read(Int32Array.of(0), 1, 1);
  assert.equal(step.compare(Int32Array.of(1, 0), 0.01), 40_000);
});

/** Words of two circles that never meet, each with three words of its own and one in common. */
async function twoCircles(): Promise<Corpus> {
  const circles = [
    ['sun', 'moon', 'star', 'the'],
    ['fork', 'knife', 'spoon', 'the'],
  ];
  const draw = createRandom('circles');
  const sentences = Array.from({ length: 400 }, (_, k) =>
    Array.from({ length: 6 }, () => circles[k % 2]?.[draw.integer(4)] ?? ''),
  );
  return readCorpus(sentences);
}

const small: Word2VecOptions = {
  dimensions: 12,
  epochs: 12,
  window: 3,
  negative: 3,
  subsample: 0,
  learningRate: 0.1,
  seed: 3,
};

for (const [name, options] of [
  ['skip-gram', {}],
  ['skip-gram, sums', { vectors: 'sum' }],
  ['CBOW', { architecture: 'cbow', learningRate: 0.2 }],
  ['sub-words', { subwords: { minLength: 2, maxLength: 3, buckets: 500 } }],
  ['CBOW of sub-words', { architecture: 'cbow', learningRate: 0.3, subwords: { buckets: 500 } }],
] as const) {
  test(`trainWord2Vec (${name}) puts words together that stand together, the same for a seed`, async () => {
    const corpus = await twoCircles();
    const losses: number[] = [];
    const model = await trainWord2Vec(corpus, {
      ...small,
      ...options,
      onProgress: ({ done, loss }) => {
        if (done === 1) losses.push(loss);
      },
    });
    for (const [word, others] of [
      ['sun', ['moon', 'star']],
      ['knife', ['fork', 'spoon']],
    ] as const) {
      const near = model.nearest(word, 3).map((each) => each.word);
      assert(
        others.every((other) => near.includes(other)),
        `${word}: ${near}`,
      );
    }
    assert((losses[0] ?? 9) < 4 * Math.LN2 * 0.95, `${losses}`);
    const again = await trainWord2Vec(corpus, { ...small, ...options });
    assert.deepEqual(again.vectors, model.vectors);
    const other = await trainWord2Vec(corpus, { ...small, ...options, seed: 4 });
    assert.notDeepEqual(other.vectors, model.vectors);
  });
}

for (const architecture of ['skip-gram', 'cbow'] as const) {
  test(`trainWord2Vec (${architecture}) never lets a word predict itself`, async () => {
    const corpus = await readCorpus(Array.from({ length: 300 }, () => ['left', 'right']));
    const options = { ...small, architecture };
    const inputs = await trainWord2Vec(corpus, options);
    const sums = await trainWord2Vec(corpus, { ...options, vectors: 'sum' });
    const outputs = sums.vectors.map((value, k) => value - (inputs.vectors[k] ?? 0));
    const score = (word: number, predicted: number): number =>
      inputs.vectors
        .subarray(12 * word, 12 * word + 12)
        .reduce((sum, value, d) => sum + value * (outputs[12 * predicted + d] ?? 0), 0);
    for (const word of [0, 1]) assert(score(word, 1 - word) > 1 && score(word, word) < -1, `${score(word, word)}`);
  });
}

test('trainWord2Vec gives unknown words the vector of their parts', async () => {
  const corpus = await twoCircles();
  const model = await trainWord2Vec(corpus, { ...small, subwords: { minLength: 3, maxLength: 5, buckets: 2000 } });
  assert.equal(model.has('spoons'), false);
  assert.equal(model.nearest('spoons', 1)[0]?.word, 'spoon');
  const plain = await trainWord2Vec(corpus, { ...small, epochs: 1 });
  assert.equal(plain.get('spoons'), null);
  assert.throws(() => plain.nearest('spoons'), { reason: 'INVALID_DATA' });
});

test('trainWord2Vec tells how far it is, lets timers run and ends when cancelled', async () => {
  const corpus = await twoCircles();
  const done: number[] = [];
  const rates: number[] = [];
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 60);
  await assert.rejects(
    trainWord2Vec(corpus, {
      ...small,
      epochs: 1_000_000,
      signal: controller.signal,
      onProgress: (progress) => {
        done.push(progress.done);
        rates.push(progress.learningRate);
      },
    }),
    { reason: 'CANCELLED' },
  );
  assert(done.length > 0 && done.every((value, k) => value >= (done[k - 1] ?? 0)));
  assert(rates.every((value, k) => value <= (rates[k - 1] ?? 1)));
});

test('trainWord2Vec refuses options out of range, and rates that diverge', async () => {
  const corpus = await twoCircles();
  for (const wrong of [
    { dimensions: 0 },
    { window: 1.5 },
    { negative: 0 },
    { epochs: -1 },
    { learningRate: 0 },
    { subsample: 2 },
  ]) {
    await assert.rejects(trainWord2Vec(corpus, wrong), { reason: 'INVALID_ARGUMENT' });
  }
  await assert.rejects(trainWord2Vec(corpus, { subwords: true, vectors: 'sum' }), { reason: 'INVALID_ARGUMENT' });
  await assert.rejects(trainWord2Vec(corpus, { ...small, learningRate: 1e38 }), { reason: 'TRAINING_DIVERGED' });
});
