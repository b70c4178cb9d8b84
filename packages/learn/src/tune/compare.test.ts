import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Candidate, type CandidateMetric, compareCandidates, formatComparison } from './compare.ts';

const METRICS = ['accuracy', 'logLoss'];

function metric(name: string, { value, spread }: { value: number; spread: number }): CandidateMetric {
  const higherIsBetter = name !== 'logLoss';
  return {
    name,
    title: name === 'logLoss' ? 'Log loss' : 'Accuracy',
    higherIsBetter,
    value,
    interval: { lower: value - spread, upper: value + spread },
  };
}

function candidate(
  name: string,
  parts: Partial<Candidate> & { readonly accuracy: number; readonly spread?: number },
): Candidate {
  const { accuracy, spread = 0.02, ...rest } = parts;
  return {
    name,
    isBaseline: false,
    metrics: [
      metric('unused', { value: 1, spread: 0 }),
      metric('logLoss', { value: 1 - accuracy, spread }),
      metric('accuracy', { value: accuracy, spread }),
    ],
    latencyMs: { p50: 1, p95: 2 },
    modelBytes: 1000,
    memoryBytes: 50_000,
    costPerMillion: null,
    ...rest,
  };
}

const CANDIDATES = [
  candidate('majority', { accuracy: 0.6, isBaseline: true, modelBytes: 200, latencyMs: { p50: 0.1, p95: 0.2 } }),
  candidate('linear', { accuracy: 0.8, isBaseline: true, modelBytes: 900, latencyMs: { p50: 0.2, p95: 0.3 } }),
  candidate('small network', { accuracy: 0.83, modelBytes: 40_000 }),
  candidate('large network', {
    accuracy: 0.9,
    modelBytes: 12_345_678,
    memoryBytes: 80_000_000,
    costPerMillion: 0.1234,
  }),
  candidate('wasteful', { accuracy: 0.83, modelBytes: 50_000 }),
  candidate('broken', { accuracy: 0.4 }),
];

test('compareCandidates ranks by the first metric and judges against the best baseline', () => {
  const table = compareCandidates(CANDIDATES, METRICS);
  assert.deepEqual(
    table.rows.map(({ name, againstBaseline }) => [name, againstBaseline]),
    [
      ['large network', 'better'],
      ['small network', 'unclear'],
      ['wasteful', 'unclear'],
      ['linear', null],
      ['majority', 'worse'],
      ['broken', 'worse'],
    ],
  );
  assert.equal(table.baseline, 'linear');
  assert.deepEqual(
    table.rows[0]?.metrics.map(({ name }) => name),
    METRICS,
  );
  assert.deepEqual(JSON.parse(JSON.stringify(table)), table);
});

test('compareCandidates turns verdicts and ranks round where lower is better', () => {
  const table = compareCandidates(CANDIDATES, METRICS.toReversed());
  assert.deepEqual(
    table.rows.map(({ name, againstBaseline }) => `${name} ${againstBaseline}`),
    [
      'large network better',
      'small network unclear',
      'wasteful unclear',
      'linear null',
      'majority worse',
      'broken worse',
    ],
  );
});

test('compareCandidates marks exactly the candidates that nothing dominates, over what all have', () => {
  const table = compareCandidates(CANDIDATES, METRICS);
  assert.deepEqual(table.paretoMeasures, ['Accuracy', 'latency p95', 'size', 'memory']);
  const optimal = table.rows.filter(({ isParetoOptimal }) => isParetoOptimal).map(({ name }) => name);
  // Oracle: brute force over all pairs, written on the candidates as given.
  const better = (a: Candidate, b: Candidate): boolean => {
    const of = (each: Candidate): readonly number[] => [
      -(each.metrics[2]?.value ?? 0),
      each.latencyMs?.p95 ?? 0,
      each.modelBytes ?? 0,
      each.memoryBytes ?? 0,
    ];
    const pairs = of(a).map((loss, i) => [loss, of(b)[i] ?? 0] as const);
    return pairs.every(([x, y]) => x <= y) && pairs.some(([x, y]) => x < y);
  };
  const expected = CANDIDATES.filter((each) => !CANDIDATES.some((other) => better(other, each))).map(
    ({ name }) => name,
  );
  assert.deepEqual(new Set(optimal), new Set(expected));
  assert.deepEqual(optimal, ['large network', 'small network', 'linear', 'majority']);
  // Two that are equal in everything are both optimal.
  const twins = ['one', 'two'].map((name) => candidate(name, { accuracy: 0.95, isBaseline: true, modelBytes: 1 }));
  assert(compareCandidates(twins, METRICS).rows.every(({ isParetoOptimal }) => isParetoOptimal));
});

test('formatComparison aligns the columns and leaves out what was not measured', () => {
  assert.equal(
    formatComparison(compareCandidates(CANDIDATES.slice(1, 4), METRICS.slice(0, 1))),
    [
      '   candidate          Accuracy ↑          vs baseline  p50     p95     size     memory  cost per million',
      '*  large network      0.9 (0.88 … 0.92)   better       1 ms    2 ms    12.3 MB  80 MB   0.123',
      '*  small network      0.83 (0.81 … 0.85)  unclear      1 ms    2 ms    40 kB    50 kB',
      '*  linear (baseline)  0.8 (0.78 … 0.82)                0.2 ms  0.3 ms  900 B    50 kB',
      '* nothing else is at least as good in all of Accuracy, latency p95, size, memory and better in one',
      'vs baseline: Accuracy against "linear"; unclear where the intervals overlap',
    ].join('\n'),
  );
});

test('compareCandidates refuses what cannot be compared', () => {
  const refused = (candidates: readonly Candidate[], metrics: readonly string[], message: RegExp): void =>
    assert.throws(() => compareCandidates(candidates, metrics), { reason: 'INVALID_ARGUMENT', message });
  const [, linear, small] = CANDIDATES;
  assert(linear !== undefined && small !== undefined);
  refused([small], METRICS, /needs a baseline/);
  refused([], METRICS, /needs a baseline/);
  refused([linear, linear], METRICS, /the candidate "linear" comes twice/);
  refused([linear], [], /needs a metric/);
  refused([linear], ['accuracy', 'accuracy'], /the metric "accuracy" comes twice/);
  refused([linear], ['f1'], /"linear" has no "f1"/);
  refused([candidate('x', { accuracy: Number.NaN })], METRICS, /"x" has "accuracy" NaN, expected/);
  refused(
    [candidate('x', { accuracy: 0.5, spread: -0.1 })],
    METRICS,
    /"accuracy" in 0.6 … 0.4, expected finite lower ≤ upper/,
  );
  refused([candidate('x', { accuracy: 0.5, modelBytes: -1 })], METRICS, /"x" has modelBytes -1/);
  refused([candidate('x', { accuracy: 0.5, latencyMs: { p50: 1, p95: Number.NaN } })], METRICS, /latencyMs.p95 NaN/);
  const undefinedMetric = { ...metric('accuracy', { value: 0, spread: 0 }), value: null, interval: null };
  refused(
    [linear, { ...small, metrics: [undefinedMetric] }],
    ['accuracy'],
    /"small network" has no value of "accuracy"/,
  );
  const turned = { ...metric('accuracy', { value: 0.5, spread: 0 }), higherIsBetter: false };
  refused([linear, { ...small, metrics: [turned] }], ['accuracy'], /disagree on whether more of "accuracy" is better/);
});

test('compareCandidates leaves undefined values and missing intervals open', () => {
  const bare = candidate('bare', { accuracy: 0.99 });
  const metrics = bare.metrics.map((each) => ({
    ...each,
    interval: null,
    value: each.name === 'logLoss' ? null : each.value,
  }));
  const [first] = compareCandidates([...CANDIDATES, { ...bare, metrics }], METRICS).rows;
  assert.deepEqual([first?.name, first?.againstBaseline, first?.metrics[1]?.value], ['bare', 'unclear', null]);
});
