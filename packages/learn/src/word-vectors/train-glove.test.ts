import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { GloveStep } from './glove-step.ts';
import type { RowTable } from './row-math.ts';
import { type Corpus, readCorpus, trainGlove } from './index.ts';

const settings = { words: 5, dimensions: 6, maxWeight: 8, exponent: 0.6 };

interface Point {
  readonly w: Float64Array;
  readonly c: Float64Array;
  readonly b: number;
  readonly e: number;
}

/** ½ f(x) (w·c + b + b′ − ln x)² in float64, from the paper's equations. */
function lossAt({ w, c, b, e }: Point, weight: number): number {
  const product = w.reduce((sum, value, d) => sum + value * (c[d] ?? 0), 0);
  const share = weight < settings.maxWeight ? (weight / settings.maxWeight) ** settings.exponent : 1;
  return 0.5 * share * (product + b + e - Math.log(weight)) ** 2;
}

for (const weight of [0.3, 5, 8, 40]) {
  test(`GloveStep moves first by the gradient, by finite differences (weight ${weight})`, () => {
    const step = new GloveStep(settings, createRandom('glove'));
    for (const side of [step.words, step.contexts]) {
      const draw = createRandom(`vectors ${side === step.words}`);
      step.math.fill(side.vectors, () => draw.normal() / 2);
    }
    const [word, context, rate] = [3, 1, 0.25];
    const row = (table: RowTable, at: number): Float64Array => Float64Array.from(step.math.row(table, at));
    const pointOf = (): Point => ({
      w: row(step.words.vectors, word),
      c: row(step.contexts.vectors, context),
      b: step.words.biases[word] ?? 0,
      e: step.contexts.biases[context] ?? 0,
    });
    const before = pointOf();
    const loss = step.fit({ word, context, weight }, rate);
    assert(Math.abs(loss - lossAt(before, weight)) < 1e-6);
    const after = pointOf();
    const slope = (change: (by: number) => Point): number =>
      (lossAt(change(1e-5), weight) - lossAt(change(-1e-5), weight)) / 2e-5;
    const assertMoved = (from: number, to: number, gradient: number): void => {
      assert(Math.abs((from - to) / rate - gradient) < 5e-6, `${(from - to) / rate}, not ${gradient}`);
    };
    for (let d = 0; d < 6; d++) {
      for (const side of ['w', 'c'] as const) {
        const gradient = slope((by) => ({ ...before, [side]: before[side].map((v, k) => (k === d ? v + by : v)) }));
        assertMoved(before[side][d] ?? 0, after[side][d] ?? 0, gradient);
      }
    }
    for (const bias of ['b', 'e'] as const) {
      assertMoved(
        before[bias],
        after[bias],
        slope((by) => ({ ...before, [bias]: before[bias] + by })),
      );
    }
  });
}

test('GloveStep divides by the root of one and the squared gradients so far', () => {
  const step = new GloveStep({ ...settings, dimensions: 1 }, createRandom('squares'));
  const pair = { word: 0, context: 2, weight: 3 };
  const state = () => [step.words.biases[0] ?? 0, step.contexts.biases[2] ?? 0] as const;
  let squares = 1;
  for (let k = 0; k < 4; k++) {
    const [before] = state();
    const share = (3 / 8) ** 0.6;
    const [own, other] = [
      step.math.row(step.words.vectors, 0)[0] ?? 0,
      step.math.row(step.contexts.vectors, 2)[0] ?? 0,
    ];
    const product = own * other;
    const gradient = share * (product + state()[0] + state()[1] - Math.log(3));
    step.fit(pair, 0.5);
    assert(Math.abs(before - state()[0] - (0.5 * gradient) / Math.sqrt(squares)) < 1e-6);
    squares += gradient ** 2;
  }
});

async function twoCircles(): Promise<Corpus> {
  const random = createRandom('circles');
  const circles = [
    ['sun', 'moon', 'star', 'the'],
    ['fork', 'knife', 'spoon', 'the'],
  ];
  return readCorpus(
    Array.from({ length: 200 }, (_, k) => Array.from({ length: 6 }, () => circles[k % 2]?.[random.integer(4)] ?? '')),
  );
}

const small = { dimensions: 8, epochs: 150, maxWeight: 50, learningRate: 0.1 };

test('trainGlove puts words together that stand together, the same for a seed', async () => {
  const corpus = await twoCircles();
  const losses: number[] = [];
  const model = await trainGlove(corpus, { ...small, onProgress: ({ loss }) => losses.push(loss) });
  const near = model.nearest('knife', 2).map(({ word }) => word);
  assert.deepEqual(new Set(near), new Set(['fork', 'spoon']));
  assert((losses.at(-1) ?? 1) < (losses[0] ?? 0) / 10, `${losses[0]} to ${losses.at(-1)}`);
  assert.deepEqual((await trainGlove(corpus, small)).vectors, model.vectors);
  assert.notDeepEqual((await trainGlove(corpus, { ...small, seed: 1 })).vectors, model.vectors);
  assert.notDeepEqual((await trainGlove(corpus, { ...small, vectors: 'word' })).vectors, model.vectors);
});

test('trainGlove refuses options out of range, rates that diverge, and ends when cancelled', async () => {
  const corpus = await twoCircles();
  for (const wrong of [
    { dimensions: 0 },
    { epochs: 0 },
    { maxWeight: 0 },
    { exponent: -1 },
    { window: 0 },
    { maxPairs: 0 },
  ]) {
    await assert.rejects(trainGlove(corpus, wrong), { reason: 'INVALID_ARGUMENT' });
  }
  await assert.rejects(trainGlove(corpus, { maxPairs: 3 }), { reason: 'INVALID_DATA' });
  await assert.rejects(trainGlove(corpus, { ...small, learningRate: 1e30 }), { reason: 'TRAINING_DIVERGED' });
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(trainGlove(corpus, { epochs: 1e6, signal: controller.signal }), { reason: 'CANCELLED' });
});
