// Made-up evaluations for tests of reports: hostile names, a slice that is worse, curves of a training.
import { createRandom } from '../../statistics/index.ts';
import {
  evaluateClassifier,
  evaluateRegressor,
  type EvaluationReport,
  slicesByRange,
  slicesByValue,
} from '../index.ts';

/** Names nobody should trust. */
export const HOSTILE = {
  class: '<script>alert(1)</script>',
  slice: '"><img src=x onerror=alert(1)>',
  model: "model' & \u001b[31mred\u0007 \u202eflipped",
} as const;

/** 600 rows of two classes; the rows of one region are near to guessing. */
export function binaryReport(options: { readonly seed?: string; readonly hostile?: boolean } = {}): EvaluationReport {
  const random = createRandom('binary report');
  const rows = 600;
  const labels = Int32Array.from({ length: rows }, () => Number(random.uniform() < 0.3));
  const worst = options.hostile === true ? HOSTILE.slice : 'west';
  const regions = Array.from({ length: rows }, () => ['north', 'south', 'east', worst][random.integer(4)] ?? '');
  const ages = Float64Array.from(labels, () => 20 + 50 * random.uniform());
  const scoreOf = (label: number, noise: number): number =>
    1 / (1 + Math.exp(-(noise * random.normal() + 4 * label - 2)));
  const scores = Float32Array.from(labels, (label, row) => scoreOf(label, regions[row] === worst ? 4 : 1));
  const linear = Float32Array.from(labels, (label) => scoreOf(label, 3));
  const lossAt = (epoch: number): readonly [number, number] => [epoch, epoch === 5 ? Number.NaN : 9 * 0.6 ** epoch];
  const names = options.hostile === true ? HOSTILE : { class: 'healthy', model: 'heart' };
  return evaluateClassifier({
    labels,
    scores,
    classNames: [names.class, 'ill'],
    seed: options.seed ?? 'test',
    resamples: 200,
    trainingLabels: [0, 0, 1],
    slices: [...slicesByValue('region', regions), ...slicesByRange('age', ages, 3)],
    baselines: [{ name: 'Linear', description: 'logistic regression', scores: linear }],
    data: { name: 'heart.csv', facts: [{ label: 'Rows in all', value: 3000 }] },
    model: { name: names.model, facts: [{ label: names.class, value: names.model }] },
    training: {
      facts: [{ label: 'Epochs', value: 12 }],
      curves: [
        { quantity: 'loss', part: 'training', unit: 'epoch', points: Array.from({ length: 12 }, (_, i) => lossAt(i)) },
        {
          quantity: 'loss',
          part: 'validation',
          unit: 'epoch',
          points: [
            [0, 8],
            [11, 1],
          ],
        },
        {
          quantity: 'accuracy',
          part: names.class,
          unit: 'epoch',
          points: [
            [0, 0.5],
            [11, 0.9],
          ],
        },
      ],
    },
  });
}

/** 400 rows of `classes` classes. */
export function multiclassReport(classes: number): EvaluationReport {
  const random = createRandom('multiclass report');
  const rows = 400;
  const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
  const scores = new Float64Array(rows * classes);
  labels.forEach((label, row) => {
    const logits = Array.from({ length: classes }, (_, k) => Math.exp(random.normal() + (k === label ? 2 : 0)));
    const total = logits.reduce((sum, logit) => sum + logit, 0);
    for (let k = 0; k < classes; k++) scores[row * classes + k] = (logits[k] ?? 0) / total;
  });
  const classNames = Array.from({ length: classes }, (_, k) => `class ${k}`);
  return evaluateClassifier({ labels, scores, classNames, resamples: 200, trainingLabels: labels });
}

/** 500 rows; the targets of one kind are predicted three times worse. */
export function regressionReport(): EvaluationReport {
  const random = createRandom('regression report');
  const rows = 500;
  const targets = Float64Array.from({ length: rows }, () => 200_000 + 60_000 * random.normal());
  const kinds = Array.from({ length: rows }, () => ['flat', 'house', 'loft'][random.integer(3)] ?? '');
  const predictions = targets.map(
    (target, row) => 30_000 + 0.85 * target + (kinds[row] === 'loft' ? 45_000 : 15_000) * random.normal(),
  );
  return evaluateRegressor({
    targets,
    predictions,
    resamples: 200,
    slices: slicesByValue('kind', kinds),
    trainingTargets: targets,
    data: { name: 'prices' },
  });
}
