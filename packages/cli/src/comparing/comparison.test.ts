// A comparison as text and as JSON, from numbers that are given.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateClassifier } from '@amaas/learn/evaluate';
import { compareTables, type EvaluatedCandidate } from '@amaas/learn/pipelines';
import type { CandidateCosts } from './candidates.ts';
import { type Comparison, comparisonJson, comparisonText } from './comparison.ts';

const ROWS = 60;

function candidate(name: string, wrongEvery: number): EvaluatedCandidate {
  const truth = Float64Array.from({ length: ROWS }, (_, row) => Number(row % 3 === 0));
  const scores = Float32Array.from(
    [...truth].flatMap((label, row) => {
      const decided = row % wrongEvery === 1 ? 1 - label : label;
      return decided === 1 ? [0.25, 0.75] : [0.75, 0.25];
    }),
  );
  const report = evaluateClassifier({ labels: truth, classNames: ['no', 'yes'], scores });
  const target = { task: 'binary', column: 'y', classes: ['no', 'yes'] } as const;
  return { name, isBaseline: false, target, evaluated: { report, scores, truth } };
}

function costs(singleMs: number, cpuMs: number | null): CandidateCosts {
  const times = (rows: number, ms: number) => ({ rows, runs: 100, p50Ms: ms, p95Ms: 2 * ms, cpuMs });
  return {
    modelBytes: 12_345,
    memoryBytes: cpuMs === null ? null : 6e6,
    single: times(1, singleMs),
    batch: times(50, 5 * singleMs),
    where: cpuMs === null ? 'over HTTP from http://x' : 'runtime 1, one thread',
  };
}

function comparison(isServed: boolean): Comparison {
  return {
    name: 'rows.csv',
    quality: compareTables({ candidates: [candidate('fine', 20), candidate('coarse', 4)] }),
    costs: new Map([
      ['fine', costs(2, 1.8)],
      ['coarse', costs(1, isServed ? null : 0.9)],
    ]),
    pricePerCpuHour: 0.5,
  };
}

test('comparisonJson holds the cost of a million single rows at the price', () => {
  const { candidates, best, baseline } = comparisonJson(comparison(false)) as {
    candidates: readonly { name: string; costPerMillion: number | null; againstBest: { pValue: number } | null }[];
    best: string;
    baseline: string;
  };
  assert.deepEqual([best, baseline], ['fine', 'Majority']);
  const of = (name: string) => candidates.find((each) => each.name === name);
  assert.equal(of('fine')?.costPerMillion, ((1.8 * 1e6) / 3.6e6) * 0.5);
  assert.equal(of('Majority')?.costPerMillion, 0);
  assert.ok((of('coarse')?.againstBest?.pValue ?? 1) < 0.01);
});

test('comparisonText shows candidates, differences and batches, and where was measured', () => {
  const text = comparisonText(comparison(false));
  assert.match(text, /^3 candidates on 60 rows of rows\.csv\n/);
  assert.match(text, /fine +0\.95 \(.*\) .* better +2 ms +4 ms +12\.3 kB +6 MB +0\.25\n/);
  assert.match(text, /Accuracy minus +fine \(best\) +p +Majority \(baseline\) +p\n/);
  assert.match(text, /coarse +-0\.2 \(-0\.\d+ … -0\.\d+\) +< 0\.001 +\+0\.0833 \(/);
  assert.match(text, /fine +50 rows +10\.0 ms +20\.0 ms +5,000 +0\.036 ms/);
  assert.match(text, /Measured: runtime 1, one thread\. .* at 0\.5 per CPU hour/);
});

test('comparisonText leaves out what a server does not show', () => {
  const text = comparisonText(comparison(true));
  assert.match(text, /in all of Accuracy, latency p95, size and better in one/);
  assert.match(text, /Measured: runtime 1, one thread; over HTTP from http:\/\/x\./);
  assert.match(text, /coarse +50 rows +5\.00 ms +10\.0 ms +10,000\n/);
});
