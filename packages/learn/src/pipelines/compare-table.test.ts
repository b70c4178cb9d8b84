// Models side by side, against the comparisons that evaluation reports make by themselves, and against exact counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { evaluateClassifier, evaluateRegressor, metricOf } from '../evaluate/index.ts';
import { createRandom } from '../statistics/index.ts';
import { compareTables, type EvaluatedCandidate } from './compare-table.ts';
import type { TableTarget } from './table-target.ts';

const ROWS = 100;

/** A classifier that is right as often as its skill makes it. */
function classifier(name: string, skill: number, classes: readonly string[] = ['no', 'yes']): EvaluatedCandidate {
  const random = createRandom(`classifier ${name}`);
  const labels = Array.from(
    { length: ROWS },
    (_, row) => ['no', 'yes', 'maybe'][(row % 7) % Math.min(3, classes.length)],
  );
  const truth = Float64Array.from(labels, (label) => classes.indexOf(label ?? ''));
  const scores = Float32Array.from(
    Array.from(truth).flatMap((label) => {
      const own = random.uniform() < skill ? label : random.integer(classes.length);
      const raised = classes.map((_, code) => (code === own ? 0.6 : 0.4 / (classes.length - 1)));
      return raised;
    }),
  );
  const task = classes.length === 2 ? 'binary' : 'multiclass';
  const target: TableTarget = { task, column: 'answer', classes };
  const report = evaluateClassifier({ labels: truth, classNames: classes, scores, seed: 4 });
  return { name, isBaseline: false, target, evaluated: { report, scores, truth } };
}

test('compareTables ranks, and tests accuracies as a report does', () => {
  const good = classifier('good', 0.9);
  const poor = classifier('poor', 0.3);
  const { candidates, best, baseline, metrics, n } = compareTables({ candidates: [poor, good], seed: 4 });
  assert.equal(n, ROWS);
  assert.deepEqual(metrics, ['accuracy', 'f1', 'rocAuc', 'logLoss']);
  assert.deepEqual(
    candidates.map(({ name, isBaseline }) => [name, isBaseline]),
    [
      ['good', false],
      ['poor', false],
      ['Majority', true],
    ],
  );
  assert.deepEqual([best, baseline], ['good', 'Majority']);
  const { truth, scores } = poor.evaluated;
  const classNames = ['no', 'yes'];
  const oracle = evaluateClassifier({
    labels: truth,
    classNames,
    scores,
    baselines: [{ name: 'good', scores: good.evaluated.scores }],
  });
  const [majority, other] = oracle.baselines;
  const found = candidates[1];
  assert.equal(found?.againstBest?.against, 'good');
  assert.ok(Math.abs((found.againstBest.difference ?? 0) - (other?.comparison.difference ?? 1)) < 1e-12);
  assert.equal(found.againstBest.pValue, other?.comparison.pValue);
  assert.equal(found.againstBaseline?.pValue, majority?.comparison.pValue);
  assert.ok((found.againstBest.pValue ?? 1) < 0.001);
  assert.ok((found.againstBest.interval?.upper ?? 0) < 0);
  assert.equal(candidates[0]?.againstBest, null);
  assert.equal(candidates[2]?.againstBaseline, null);
  assert.equal(candidates[0]?.report, good.evaluated.report);
});

test('compareTables takes classes by their names, whatever their order', () => {
  const one = classifier('one', 0.8);
  const turned = classifier('turned', 0.5, ['yes', 'no']);
  const { metrics, candidates } = compareTables({ candidates: [one, turned] });
  assert.deepEqual(metrics, ['accuracy', 'rocAuc', 'logLoss']); // F1 would be about another class
  const found = candidates.find(({ name }) => name === 'turned');
  const [a, b] = [turned, one].map(({ evaluated }) => metricOf(evaluated.report, 'accuracy') ?? 0);
  assert.ok(Math.abs((found?.againstBest?.difference ?? 0) - ((a ?? 0) - (b ?? 0))) < 1e-12);
});

test('compareTables decides from one half on, as a report does', () => {
  const target: TableTarget = { task: 'binary', column: 'answer', classes: ['no', 'yes'] };
  const truth = Float64Array.of(1, 1, 0, 1);
  const scores = Float32Array.of(0.5, 0.5, 0.5, 0.5, 0.9, 0.1, 0.2, 0.8);
  const report = evaluateClassifier({ labels: truth, classNames: target.classes, scores });
  const { candidates } = compareTables({
    candidates: [{ name: 'half', isBaseline: false, target, evaluated: { report, scores, truth } }],
  });
  assert.equal(metricOf(report, 'accuracy'), 1);
  assert.equal(candidates.find(({ name }) => name === 'Majority')?.againstBest?.difference, -0.25);
});

test('compareTables lets no model at all learn from the rows it is given', () => {
  const candidate = classifier('three', 0.5, ['no', 'yes', 'maybe']);
  const known = [...Array<string>(7).fill('yes'), 'no', 'no', 'maybe'];
  const { candidates, metrics } = compareTables({ candidates: [candidate], known });
  assert.deepEqual(metrics, ['accuracy', 'f1Macro', 'logLoss']);
  const report = candidates.find(({ name }) => name === 'Majority')?.report;
  assert.ok(report !== undefined);
  const { truth } = candidate.evaluated;
  assert.equal(metricOf(report, 'accuracy'), truth.filter((label) => label === 1).length / ROWS);
  const logLoss = -truth.reduce((sum, label) => sum + Math.log([0.2, 0.7, 0.1][label] ?? 0), 0) / ROWS;
  assert.ok(Math.abs((metricOf(report, 'logLoss') ?? 0) - logLoss) < 1e-6);
});

function regressor(name: string, noiseStdDev: number): EvaluatedCandidate {
  const random = createRandom(`regressor ${name}`);
  const truth = Float64Array.from({ length: ROWS }, (_, row) => 10 + 3 * Math.sin(row));
  const scores = Float32Array.from(truth, (value) => value + noiseStdDev * random.normal());
  const target: TableTarget = { task: 'regression', column: 'y', mean: 10, stdDev: 2 };
  const report = evaluateRegressor({ targets: truth, predictions: scores });
  return { name, isBaseline: false, target, evaluated: { report, scores, truth } };
}

test('compareTables compares regressions by their RMSE, smaller first', () => {
  const [near, far, close] = [regressor('near', 0.5), regressor('far', 4), regressor('beside', 0.5)];
  const linear = { ...regressor('linear', 1.5), isBaseline: true };
  const { candidates, baseline, metrics } = compareTables({
    candidates: [far, linear, near, close],
    known: [0, 1, 2],
  });
  assert.equal(metrics[0], 'rootMeanSquaredError');
  assert.equal(baseline, 'linear');
  const values = candidates.map(({ report }) => metricOf(report, 'rootMeanSquaredError') ?? 0);
  assert.deepEqual(
    values,
    values.toSorted((a, b) => a - b),
  );
  const worse = candidates.find(({ name }) => name === 'far');
  assert.ok((worse?.againstBaseline?.difference ?? 0) > 1.5 && (worse?.againstBaseline?.pValue ?? 1) < 0.01);
  const [own, its] = [far, linear].map(({ evaluated }) => metricOf(evaluated.report, 'rootMeanSquaredError') ?? 0);
  assert.ok(Math.abs((worse?.againstBaseline?.difference ?? 0) - ((own ?? 0) - (its ?? 0))) < 1e-6);
  const second = candidates[1];
  assert.ok((second?.againstBest?.pValue ?? 0) > 0.05, 'two equal models are told apart');
  const mean = candidates.find(({ name }) => name === 'Mean');
  assert.ok((metricOf(mean?.report ?? far.evaluated.report, 'meanAbsoluteError') ?? 0) > 8); // always 1
});

test('compareTables finds the same between two models from either side', () => {
  const [near, linear] = [regressor('near', 0.5), { ...regressor('linear', 1.5), isBaseline: true }];
  const { candidates } = compareTables({ candidates: [near, linear] });
  const [forth, back] = [candidates[0]?.againstBaseline, candidates[1]?.againstBest];
  assert.deepEqual([forth?.against, back?.against], ['linear', 'near']);
  assert.equal(forth?.difference, -(back?.difference ?? 0));
  assert.equal(forth?.pValue, back?.pValue);
  assert.ok(Math.abs((forth?.interval?.lower ?? 0) + (back?.interval?.upper ?? 0)) < 0.02);
});

test('compareTables refuses what does not compare', () => {
  const one = classifier('one', 0.8);
  const cases: readonly (readonly [readonly EvaluatedCandidate[], RegExp])[] = [
    [[], /needs a model/],
    [[one, one], /two candidates are called "one"/],
    [[one, { ...one, name: 'Majority' }], /two candidates are called "Majority"/],
    [[one, regressor('r', 1)], /do not predict the same: one of no, yes; a number/],
    [[one, classifier('three', 0.5, ['no', 'yes', 'maybe'])], /one of no, yes; one of maybe, no, yes/],
    [
      [one, { ...one, name: 'other', evaluated: { ...one.evaluated, truth: one.evaluated.truth.toReversed() } }],
      /"one" and "other" were not evaluated on the same rows/,
    ],
  ];
  for (const [candidates, message] of cases) {
    assert.throws(
      () => compareTables({ candidates }),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_ARGUMENT' && message.test(error.message),
    );
  }
});
