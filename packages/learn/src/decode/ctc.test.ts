import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { type CtcSequence, decodeCtcBeams, type LabelModel } from './ctc-beam-search.ts';
import { decodeCtcGreedy } from './ctc-greedy.ts';
import { logProbabilitiesOf } from './testing/random-model.ts';

interface Drawn {
  readonly logits: Float32Array;
  readonly frames: number;
  readonly classes: number;
  readonly blank: number;
}

function draw(seed: number): Drawn {
  const random = createRandom(`ctc ${seed}`);
  const [frames, classes] = [2 + random.integer(4), 2 + random.integer(3)];
  const blank = random.integer(classes);
  const logits = Float32Array.from({ length: frames * classes }, () => 2 * random.normal());
  if (seed % 3 === 0) logits[random.integer(classes)] = Number.NEGATIVE_INFINITY;
  return { logits, frames, classes, blank };
}

/** Every alignment there is, with its labels. */
function alignments({ logits, frames, classes, blank }: Drawn): { path: number[]; labels: number[]; log: number }[] {
  let paths: { path: number[]; log: number }[] = [{ path: [], log: 0 }];
  for (let frame = 0; frame < frames; frame++) {
    const logs = logProbabilitiesOf(logits.subarray(frame * classes, (frame + 1) * classes));
    paths = paths.flatMap(({ path, log }) => logs.map((step, k) => ({ path: [...path, k], log: log + step })));
  }
  return paths.map(({ path, log }) => ({
    path,
    labels: path.filter((k, frame) => k !== blank && k !== path[frame - 1]),
    log,
  }));
}

/** Probability of every label sequence, by summing over its alignments. */
function labelProbabilities(drawn: Drawn): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, log } of alignments(drawn)) {
    if (log > Number.NEGATIVE_INFINITY) sums.set(labels.join(), (sums.get(labels.join()) ?? 0) + Math.exp(log));
  }
  return sums;
}

const keyOf = ({ labels }: CtcSequence): string => labels.join();

test('decodeCtcBeams wide enough sums over all alignments of all label sequences', () => {
  for (let seed = 0; seed < 40; seed++) {
    const drawn = draw(seed);
    const expected = [...labelProbabilities(drawn)].sort(([, a], [, b]) => b - a);
    const found = decodeCtcBeams(drawn.logits, { classes: drawn.classes, blank: drawn.blank, beams: 5000 });
    assert.deepEqual(
      found.map(keyOf),
      expected.map(([labels]) => labels),
    );
    found.forEach(({ logProbability, score }, rank) => {
      assert(Math.abs(Math.exp(logProbability) - (expected[rank]?.[1] ?? 0)) < 1e-14);
      assert.equal(score, logProbability);
    });
    const total = found.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0);
    assert(Math.abs(total - 1) < 1e-12);
  }
});

test('decodeCtcBeams weighs in a language model, a bonus per label and the end', () => {
  for (let seed = 0; seed < 20; seed++) {
    const drawn = draw(seed);
    const random = createRandom(`bigrams ${seed}`);
    const logs = Array.from({ length: 6 * 6 }, () => -3 * random.uniform());
    const model: LabelModel<number> = {
      start: 4,
      advance: (before, label) => ({ logProbability: logs[before * 6 + label] ?? 0, state: label }),
      end: (before) => logs[before * 6 + 5] ?? 0,
    };
    const [weight, labelBonus] = [0.8, 0.7];
    const scoreOf = (labels: readonly number[], probability: number): number => {
      let [score, before] = [Math.log(probability), 4];
      for (const label of labels) {
        score += weight * (logs[before * 6 + label] ?? 0) + labelBonus;
        before = label;
      }
      return score + weight * (logs[before * 6 + 5] ?? 0);
    };
    const expected = [...labelProbabilities(drawn)]
      .map(([key, probability]) => {
        const labels = key === '' ? [] : key.split(',').map(Number);
        return { key, score: scoreOf(labels, probability) };
      })
      .sort((a, b) => b.score - a.score);
    const found = decodeCtcBeams(drawn.logits, {
      classes: drawn.classes,
      blank: drawn.blank,
      beams: 5000,
      languageModel: { model, weight, labelBonus },
    });
    assert.deepEqual(
      found.map(keyOf),
      expected.map(({ key }) => key),
    );
    found.forEach(({ score }, rank) => {
      assert(Math.abs(score - (expected[rank]?.score ?? 0)) < 1e-12);
    });
  }
});

/** Prefix beam search in the plainest form: sums by whole label sequence, each frame from scratch. */
function plainBeams({ logits, frames, classes, blank }: Drawn, beams: number): readonly (readonly [string, number])[] {
  let beam = new Map<string, { blank: number; label: number }>([['', { blank: 1, label: 0 }]]);
  for (let frame = 0; frame < frames; frame++) {
    const p = logProbabilitiesOf(logits.subarray(frame * classes, (frame + 1) * classes)).map(Math.exp);
    const next = new Map<string, { blank: number; label: number }>();
    const at = (key: string): { blank: number; label: number } => {
      const sums = next.get(key) ?? { blank: 0, label: 0 };
      next.set(key, sums);
      return sums;
    };
    for (const [key, sums] of beam) {
      at(key).blank += (sums.blank + sums.label) * (p[blank] ?? 0);
      for (let k = 0; k < classes; k++) {
        if (k === blank) continue;
        const repeats = key.endsWith(String(k));
        if (repeats) at(key).label += sums.label * (p[k] ?? 0);
        at(key + k).label += (repeats ? sums.blank : sums.blank + sums.label) * (p[k] ?? 0);
      }
    }
    const ranked = [...next].sort(([, a], [, b]) => b.blank + b.label - a.blank - a.label).slice(0, beams);
    beam = new Map(ranked.filter(([, sums]) => sums.blank + sums.label > 0));
  }
  return [...beam].map(([key, sums]) => [key, sums.blank + sums.label]);
}

test('decodeCtcBeams of a narrow beam finds what a plain search with whole sequences as keys finds', () => {
  const random = createRandom('narrow');
  for (let round = 0; round < 60; round++) {
    const [frames, classes, blank] = [25, 4, round % 4];
    const logits = Float32Array.from({ length: frames * classes }, () => 1.2 * random.normal());
    for (const beams of [1, 2, 5, 12]) {
      const expected = plainBeams({ logits, frames, classes, blank }, beams);
      const found = decodeCtcBeams(logits, { classes, blank, beams });
      assert.deepEqual(
        found.map(({ labels }) => labels.join('')),
        expected.map(([labels]) => labels),
      );
      found.forEach(({ logProbability }, rank) => {
        const probability = expected[rank]?.[1] ?? 0;
        assert(Math.abs(Math.exp(logProbability) - probability) <= 1e-12 * probability);
      });
    }
  }
});

test('decodeCtcBeams finds labels that the likeliest alignment does not have', () => {
  // Blank 0.6 and a 0.4 twice: blank, blank is the likeliest alignment (0.36), but a has 0.64.
  const logits = [0.6, 0.4, 0.6, 0.4].map(Math.log);
  assert.deepEqual(decodeCtcGreedy(logits, { classes: 2 }).labels, []);
  const [best] = decodeCtcBeams(logits, { classes: 2, beams: 2 });
  assert.deepEqual(best?.labels, [1]);
  assert(Math.abs(Math.exp(best?.logProbability ?? 0) - 0.64) < 1e-12);
});

test('decodeCtcGreedy reads the likeliest alignment', () => {
  for (let seed = 0; seed < 40; seed++) {
    const drawn = draw(seed);
    const best = alignments(drawn).reduce((a, b) => (b.log > a.log ? b : a));
    const { labels, frames, logProbability } = decodeCtcGreedy(drawn.logits, drawn);
    assert.deepEqual(labels, best.labels);
    assert(Math.abs(logProbability - best.log) < 1e-12);
    assert.deepEqual(
      frames.map((frame) => best.path[frame]),
      best.labels,
    );
    assert(frames.every((frame) => frame === 0 || best.path[frame - 1] !== best.path[frame]));
  }
});

test('CTC decoding of no frames gives no labels, surely', () => {
  assert.deepEqual(decodeCtcGreedy([], { classes: 3 }), { labels: [], frames: [], logProbability: 0 });
  assert.deepEqual(decodeCtcBeams([], { classes: 3, beams: 4 }), [{ labels: [], logProbability: 0, score: 0 }]);
});

test('CTC decoding refuses shapes, options and numbers that make no sense', () => {
  assert.throws(() => decodeCtcGreedy([1, 2, 3], { classes: 2 }), /expects logits \[frames,2\], got 3 numbers/);
  assert.throws(() => decodeCtcGreedy([1, 2], { classes: 1 }), /classes must be a whole number ≥ 2, got 1/);
  assert.throws(() => decodeCtcGreedy([1, 2], { classes: 2, blank: 2 }), /blank must be a class in 0 … 1, got 2/);
  assert.throws(() => decodeCtcBeams([1, 2], { classes: 2, beams: 0 }), /beams must be a whole number ≥ 1, got 0/);
  assert.throws(() => decodeCtcBeams([1, Number.NaN], { classes: 2, beams: 1 }), {
    reason: 'INVALID_DATA',
    message: /CTC beam search: frame 0: logit 1 is NaN/,
  });
  const model: LabelModel<undefined> = {
    start: undefined,
    advance: () => ({ logProbability: Number.NaN, state: undefined }),
  };
  const languageModel = { model, weight: 1 };
  assert.throws(() => decodeCtcBeams([1, 2], { classes: 2, beams: 1, languageModel }), /the language model gave NaN/);
  assert.throws(
    () => decodeCtcBeams([1, 2], { classes: 2, beams: 1, languageModel: { model, weight: -1 } }),
    /expects a weight ≥ 0 and a finite labelBonus, got -1 and 0/,
  );
});
