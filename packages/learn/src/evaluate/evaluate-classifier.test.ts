import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { type ClassifierEvaluation, evaluateClassifier, metricOf } from './index.ts';
import { binaryReport, multiclassReport } from './testing/report-samples.ts';
import { assertClose, scikitLearnValues } from './testing/scikit-learn-values.ts';

const { binary, multiclass } = scikitLearnValues;
const NAMES = ['a', 'b', 'c', 'd'];

test('evaluateClassifier gives scikit-learn values for two classes, weighted or not', () => {
  for (const weights of [undefined, binary.weights]) {
    const expected = weights === undefined ? binary.plain : binary.weighted;
    const report = evaluateClassifier({
      labels: binary.labels,
      scores: binary.scores,
      classNames: ['no', 'yes'],
      ...(weights === undefined ? {} : { weights }),
    });
    assert.equal(report.task, 'binary');
    assertClose(
      [
        metricOf(report, 'accuracy') ?? -1,
        metricOf(report, 'balancedAccuracy') ?? -1,
        metricOf(report, 'precision') ?? -1,
        metricOf(report, 'recall') ?? -1,
        metricOf(report, 'f1') ?? -1,
        metricOf(report, 'rocAuc') ?? -1,
        metricOf(report, 'averagePrecision') ?? -1,
        metricOf(report, 'matthewsCorrelation') ?? -1,
        metricOf(report, 'logLoss') ?? -1,
        metricOf(report, 'brierScore') ?? -1,
        metricOf(report, 'specificity') ?? -1,
      ],
      [
        expected.accuracy,
        expected.balancedAccuracy,
        ...expected.binary,
        expected.rocAuc,
        expected.averagePrecision,
        expected.matthews,
        expected.logLoss,
        expected.brier,
        expected.classes[0]?.[1] ?? -1,
      ],
    );
    assertClose(report.confusionMatrix?.flat() ?? [], expected.confusion);
  }
});

test('evaluateClassifier gives scikit-learn values for more classes, weighted or not', () => {
  for (const weights of [undefined, multiclass.weights]) {
    const expected = weights === undefined ? multiclass.plain : multiclass.weighted;
    const report = evaluateClassifier({
      labels: multiclass.labels,
      scores: multiclass.scores,
      classNames: NAMES,
      topK: [2, 3],
      ...(weights === undefined ? {} : { weights }),
    });
    assert.equal(report.task, 'multiclass');
    const names = [
      'precisionMacro',
      'recallMacro',
      'f1Macro',
      'rocAucMacro',
      'rocAucWeighted',
      'averagePrecisionMacro',
      'f1Weighted',
      'logLoss',
      'brierScore',
      'top2Accuracy',
      'top3Accuracy',
    ] as const;
    assertClose(
      names.map((name) => metricOf(report, name) ?? -1),
      [
        ...expected.macro,
        expected.auc_macro,
        expected.auc_weighted,
        expected.ap_macro,
        expected.weighted[2] ?? -1,
        expected.logLoss,
        expected.brier,
        ...expected.topK.slice(1),
      ],
    );
    report.classes.forEach(({ precision, recall, f1, support }, k) => {
      assertClose([precision, recall, f1, support], expected.classes[k] ?? []);
    });
  }
});

test('evaluateClassifier is decided by input and seed, and its report survives JSON', () => {
  const report = binaryReport();
  assert.deepEqual(binaryReport(), report);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  assert.notDeepEqual(binaryReport({ seed: 'other' }).metrics, report.metrics);
});

test('evaluateClassifier puts every value into its interval, at the asked confidence', () => {
  const input = { labels: binary.labels, scores: binary.scores, classNames: ['no', 'yes'] };
  const wide = evaluateClassifier({ ...input, confidence: 0.99 });
  const narrow = evaluateClassifier({ ...input, confidence: 0.8 });
  for (const [k, { name, value, interval }] of wide.metrics.entries()) {
    const inner = narrow.metrics[k]?.interval ?? null;
    if (name === 'expectedCalibrationError') {
      assert.equal(interval, null);
      continue;
    }
    assert(value !== null && interval !== null && inner !== null, name);
    assert(
      interval.lower <= inner.lower && inner.lower <= value && value <= inner.upper && inner.upper <= interval.upper,
      name,
    );
    assert.equal(interval.confidence, 0.99);
    assert.equal(interval.method === 'wilson', ['accuracy', 'precision', 'recall', 'specificity'].includes(name), name);
  }
  // Weighted rows are no equal trials: no Wilson interval.
  const weighted = evaluateClassifier({ ...input, weights: binary.weights });
  assert(weighted.metrics.every(({ interval }) => interval?.method !== 'wilson'));
});

test('evaluateClassifier marks the slice that is worse and no other', () => {
  const { slices } = binaryReport();
  assert.deepEqual(
    slices.filter(({ significantlyWorse }) => significantlyWorse).map(({ name }) => name),
    ['region = west'],
  );
  const west = slices.find(({ name }) => name === 'region = west');
  assert((west?.pValue ?? 1) < 0.001);
  assert.deepEqual(
    west?.metrics.map(({ name }) => name),
    ['accuracy', 'f1', 'rocAuc'],
  );
  assert.equal(
    slices.reduce((sum, { n }) => sum + n, 0),
    1200,
    'two columns cut the 600 rows',
  );
});

test('evaluateClassifier finds no worse slice where columns mean nothing', () => {
  const random = createRandom('null slices');
  let found = 0;
  for (let round = 0; round < 40; round++) {
    const labels = Int32Array.from({ length: 200 }, () => random.integer(2));
    const scores = Float64Array.from(labels, (label) => (random.uniform() < 0.8 ? label : 1 - label));
    const groups = Array.from({ length: 200 }, () => random.integer(8));
    const slices = Array.from({ length: 8 }, (_, group) => ({
      name: `group ${group}`,
      rows: groups.flatMap((own, row) => (own === group ? [row] : [])),
    }));
    const report = evaluateClassifier({ labels, scores, classNames: ['no', 'yes'], slices, resamples: 10 });
    if (report.slices.some(({ significantlyWorse }) => significantlyWorse)) found++;
  }
  assert(found <= 6, `${found} of 40 at 5 %`);
});

test('evaluateClassifier stands beside the majority of the training rows', () => {
  const report = evaluateClassifier({
    labels: [0, 0, 0, 1, 2, 0, 1, 0],
    scores: Float64Array.from([
      0.8, 0.1, 0.1, 0.7, 0.2, 0.1, 0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.1, 0.2, 0.7, 0.9, 0, 0.1, 0.3, 0.5, 0.2, 0.2, 0.3,
      0.5,
    ]),
    classNames: ['a', 'b', 'c'],
    trainingLabels: [1, 1, 1, 1, 0, 0, 2, 2],
  });
  const [majority] = report.baselines;
  assert.equal(majority?.description, 'always "b", the most frequent class of the training rows');
  const baselineValue = (name: string): number => majority?.metrics.find((metric) => metric.name === name)?.value ?? -1;
  // 2 of 8 rows are b; the shares 1/4, 1/2, 1/4 are the probabilities.
  assertClose(
    [baselineValue('accuracy'), baselineValue('logLoss'), baselineValue('rocAucMacro'), baselineValue('brierScore')],
    [
      0.25,
      (6 * Math.log(4) + 2 * Math.log(2)) / 8,
      0.5,
      (6 * (0.75 ** 2 + 0.25 + 0.0625) + 2 * (0.25 + 2 * 0.0625)) / 8,
    ],
  );
  // Right where the majority is wrong: 5 rows; the other way round: none. 2 · (1/2)^5
  assert.equal(report.baselines[0]?.comparison.difference, 0.875 - 0.25);
  assertClose([majority?.comparison.pValue ?? -1], [2 * 0.5 ** 5]);
  assert(report.warnings.some((warning) => /not significantly above that of the baseline "Majority"/.test(warning)));
});

test('evaluateClassifier takes either class as the positive one', () => {
  const input = { labels: binary.labels, scores: binary.scores, classNames: ['no', 'yes'], threshold: 0.45 };
  const no = evaluateClassifier({ ...input, positiveClass: 'no', threshold: 0.55 });
  const yes = evaluateClassifier(input);
  assert.equal(metricOf(no, 'recall'), metricOf(yes, 'specificity'));
  assertClose(
    [metricOf(no, 'rocAuc') ?? -1, metricOf(no, 'logLoss') ?? -1],
    [metricOf(yes, 'rocAuc') ?? -1, metricOf(yes, 'logLoss') ?? -1],
  );
  assert.deepEqual(no.decision, { positiveClass: 'no', threshold: 0.55 });
});

test('evaluateClassifier of margins has areas, and no calibration nor log loss', () => {
  const margins = binary.scores.map((score) => 9 * score - 4);
  const report = evaluateClassifier({
    labels: binary.labels,
    scores: margins,
    classNames: ['no', 'yes'],
    scoreKind: 'margin',
  });
  assertClose([metricOf(report, 'rocAuc') ?? -1], [binary.plain.rocAuc]);
  assert.equal(report.decision?.threshold, 0);
  assert.deepEqual(
    [report.calibration, metricOf(report, 'logLoss'), metricOf(report, 'brierScore')],
    [null, null, null],
  );
});

test('evaluateClassifier reports undefined values as null with a warning', () => {
  const oneClass = evaluateClassifier({
    labels: [1, 1, 1, 1],
    scores: [0.9, 0.2, 0.8, 0.7],
    classNames: ['no', 'yes'],
  });
  assert.equal(metricOf(oneClass, 'rocAuc'), null);
  assert.deepEqual(oneClass.curves, []);
  assert(oneClass.warnings.some((warning) => /All rows are of the class "yes": ROC AUC is undefined/.test(warning)));
  assert(oneClass.warnings.some((warning) => /Only 4 rows were evaluated/.test(warning)));
  const never = evaluateClassifier({ labels: [0, 1, 0, 1], scores: [0.1, 0.2, 0.3, 0.4], classNames: ['no', 'yes'] });
  assert.equal(metricOf(never, 'precision'), 0);
  assert(never.warnings.some((warning) => /Never predicted: "yes". Precision and F1 divide by zero/.test(warning)));
  const absent = evaluateClassifier({
    labels: [0, 1, 0],
    scores: [0.6, 0.3, 0.1, 0.3, 0.6, 0.1, 0.5, 0.4, 0.1],
    classNames: ['a', 'b', 'c'],
  });
  assert.equal(metricOf(absent, 'rocAucMacro'), null);
  assert.equal(absent.classes[2]?.averagePrecision, null);
  assert(absent.warnings.some((warning) => /No row is of "c"/.test(warning)));
  const perfect = evaluateClassifier({
    labels: [0, 1, 0, 1],
    scores: [0, 1, 0, 1],
    classNames: ['no', 'yes'],
    trainingLabels: [0, 1],
  });
  assert(perfect.warnings.some((warning) => /No resample changed .*ROC AUC/.test(warning)));
});

test('evaluateClassifier lists mistakes by frequency and keeps large matrices out', () => {
  const small = multiclassReport(5);
  const counts = small.confusions.map(({ count }) => count);
  assert.deepEqual(
    counts,
    [...counts].sort((a, b) => b - a),
  );
  const [first] = small.confusions;
  const [actual, predicted] = [first?.actual, first?.predicted].map((name) => Number(name?.slice('class '.length)));
  assert.equal(small.confusionMatrix?.[actual ?? -1]?.[predicted ?? -1], first?.count);
  const large = multiclassReport(101);
  assert.equal(large.confusionMatrix, null);
  assert.equal(large.curves.length, 10);
  assert.equal(large.confusions.length, 20);
});

test('evaluateClassifier says precisely what does not fit', () => {
  const whole: ClassifierEvaluation = { labels: [0, 1, 0], scores: [0.2, 0.9, 0.4], classNames: ['no', 'yes'] };
  const refuses = (change: Partial<ClassifierEvaluation>, reason: string, message: RegExp): void => {
    assert.throws(() => evaluateClassifier({ ...whole, ...change }), { reason, message });
  };
  refuses({ labels: [0, 1] }, 'INVALID_ARGUMENT', /expects scores \[2,2\], got 3 numbers/);
  refuses({ labels: [0, 2, 0] }, 'INVALID_DATA', /label of row 1 is 2, expected a class index in 0 … 1/);
  refuses({ labels: [], scores: [] }, 'INVALID_DATA', /at least one row/);
  refuses({ scores: [0.2, Number.NaN, 0.4] }, 'INVALID_DATA', /score at index 1 is NaN/);
  refuses({ scores: [0.2, 1.5, 0.4] }, 'INVALID_DATA', /probability at index 1 is 1.5.*declared as margins/);
  refuses({ scores: [0.2, 0.8, 0.5, 0.9, 0.4, 0.6] }, 'INVALID_DATA', /probabilities of row 1 add up to 1.4/);
  refuses({ classNames: ['no'] }, 'INVALID_ARGUMENT', /at least 2 classes, got 1/);
  refuses({ classNames: ['no', 'no'] }, 'INVALID_ARGUMENT', /class name "no" comes twice/);
  refuses({ positiveClass: 'maybe' }, 'INVALID_ARGUMENT', /positiveClass "maybe" is none of "no", "yes"/);
  refuses({ topK: [1] }, 'INVALID_ARGUMENT', /topK is for more than two classes, got 2/);
  refuses({ weights: [1, 1] }, 'INVALID_ARGUMENT', /expects weights for 3 rows, got 2/);
  refuses({ confidence: 95 }, 'INVALID_ARGUMENT', /confidence must lie between 0 and 1/);
  refuses({ resamples: 1 }, 'INVALID_ARGUMENT', /resamples must be a whole number ≥ 2/);
  refuses(
    { slices: [{ name: 's', rows: [0, 3] }] },
    'INVALID_ARGUMENT',
    /slice "s" names row 3, which is none of the 3 rows/,
  );
  refuses({ slices: [{ name: 's', rows: [1, 1] }] }, 'INVALID_ARGUMENT', /slice "s" names row 1 twice/);
  refuses({ slices: [{ name: 's', rows: [] }] }, 'INVALID_ARGUMENT', /slice "s" has no rows/);
  refuses({ trainingLabels: [0, 7] }, 'INVALID_DATA', /training label of row 1 is 7/);
  refuses({ trainingLabels: [] }, 'INVALID_DATA', /no training labels/);
  refuses(
    { baselines: [{ name: 'x', scores: [1] }] },
    'INVALID_ARGUMENT',
    /baseline "x": expects scores \[3,2\], got 1/,
  );
  const three = { classNames: ['a', 'b', 'c'], scores: [1, 0, 0, 1, 0, 0, 1, 0, 0] };
  refuses({ ...three, threshold: 0.4 }, 'INVALID_ARGUMENT', /threshold is for two classes, got 3/);
  refuses({ ...three, topK: [3] }, 'INVALID_ARGUMENT', /topK must be whole numbers in 1 … 2, got 3/);
});
