// Table models side by side on the same rows: each by the report that an evaluation of it alone gives, no model at all
// beside them, and what chance leaves of the difference between any of them and the best, and the best baseline.
import { AmaasError } from '@amaas/core';
import {
  type EvaluationReport,
  evaluateClassifier,
  evaluateRegressor,
  type MetricName,
  type MetricResult,
  predictClasses,
} from '../evaluate/index.ts';
import { comparePaired, createRandom, type Interval, mcNemarTest } from '../statistics/index.ts';
import type { EvaluatedTable } from './evaluate-table.ts';
import type { TableTarget } from './table-target.ts';

/** A model by its evaluation on the rows that all are compared on. */
export interface EvaluatedCandidate {
  readonly name: string;
  /** What the others must beat, such as a linear model. */
  readonly isBaseline: boolean;
  readonly target: TableTarget;
  readonly evaluated: EvaluatedTable;
}

/** The first's primary metric minus the second's, on the same rows. */
export interface PairedResult {
  readonly against: string;
  readonly difference: number;
  readonly interval: Interval | null;
  /** Two-sided: McNemar's exact test of the accuracy, or of the RMSE by the bootstrap; null where undefined. */
  readonly pValue: number | null;
}

export interface ComparedTable {
  readonly name: string;
  readonly isBaseline: boolean;
  readonly report: EvaluationReport;
  /** Null for the best one itself. */
  readonly againstBest: PairedResult | null;
  /** Null for the best baseline itself. */
  readonly againstBaseline: PairedResult | null;
}

export interface TableComparison {
  /** Evaluated rows. */
  readonly n: number;
  /** Metrics that every candidate has and that mean the same for all; by the first they are ranked and tested. */
  readonly metrics: readonly [MetricName, ...MetricName[]];
  /** Best first. */
  readonly candidates: readonly ComparedTable[];
  readonly best: string;
  /** The best of the baselines. */
  readonly baseline: string;
}

export interface CompareTableOptions {
  /** The first says what is predicted. */
  readonly candidates: readonly EvaluatedCandidate[];
  /** Answers of training rows, as words or numbers: what no model at all learns from; default the compared rows'. */
  readonly known?: readonly (string | number)[];
  /** Default 0. */
  readonly seed?: string | number;
}

/** Answers as all candidates would give them. */
interface Answers {
  readonly candidate: Pick<EvaluatedCandidate, 'name' | 'isBaseline'>;
  readonly report: EvaluationReport;
  /** Of every row: 1 where right, or the squared error. */
  readonly perRow: Float64Array;
}

/**
 * Compares evaluations of the same rows. Beside the candidates always stands what answers without looking: the class
 * shares (`Majority`) or the mean (`Mean`).
 * @throws INVALID_ARGUMENT when the candidates do not predict the same, or were not evaluated on the same rows
 */
export function compareTables({ candidates, known, seed = 0 }: CompareTableOptions): TableComparison {
  const [first, ...others] = candidates;
  if (first === undefined) throw refuse('needs a model');
  for (const other of others) assertComparable(first, other);
  const answers = [...candidates.map(answersOf), constantAnswers(first, known, seed)];
  const names = answers.map(({ candidate }) => candidate.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`two candidates are called "${twice}"`);
  const metrics = sharedMetrics(candidates);
  const sign = first.target.task === 'regression' ? 1 : -1;
  const ranked = answers.toSorted((a, b) => sign * (primaryOf(a, metrics[0]) - primaryOf(b, metrics[0])));
  const best = ranked[0] ?? answers[0];
  const baseline = ranked.find(({ candidate }) => candidate.isBaseline);
  if (best === undefined || baseline === undefined) throw new AmaasError('INTERNAL', 'compare: there is no baseline');
  const pair = (one: Answers, other: Answers): PairedResult | null =>
    one === other ? null : comparePair(one, other, { isRegression: first.target.task === 'regression', seed });
  return {
    n: first.evaluated.truth.length,
    metrics,
    candidates: ranked.map((each) => ({
      ...each.candidate,
      report: each.report,
      againstBest: pair(each, best),
      againstBaseline: pair(each, baseline),
    })),
    best: best.candidate.name,
    baseline: baseline.candidate.name,
  };
}

function assertComparable(first: EvaluatedCandidate, other: EvaluatedCandidate): void {
  const where = `"${first.name}" and "${other.name}"`;
  if (kindOf(first.target) !== kindOf(other.target)) {
    throw refuse(`${where} do not predict the same: ${describe(first.target)}; ${describe(other.target)}`);
  }
  const [one, two] = [first, other].map(({ target, evaluated }) => wordsOf(target, evaluated.truth));
  if (one?.length !== two?.length || one?.some((word, row) => word !== two?.[row])) {
    throw refuse(`${where} were not evaluated on the same rows`);
  }
}

function kindOf(target: TableTarget): string {
  return target.task === 'regression' ? 'regression' : JSON.stringify(target.classes.toSorted());
}

function describe(target: TableTarget): string {
  return target.task === 'regression' ? 'a number' : `one of ${target.classes.toSorted().join(', ')}`;
}

function wordsOf(target: TableTarget, truth: Float64Array): readonly (string | number)[] {
  return Array.from(truth, (value) => (target.task === 'regression' ? value : (target.classes[value] ?? '')));
}

function answersOf(candidate: EvaluatedCandidate): Answers {
  const { name, isBaseline, target, evaluated } = candidate;
  const { report, scores, truth } = evaluated;
  const perRow =
    target.task === 'regression'
      ? truth.map((value, row) => ((scores[row] ?? Number.NaN) - value) ** 2)
      : correctness(decisions(scores, target.classes.length), truth);
  return { candidate: { name, isBaseline }, report, perRow };
}

/** Of two classes the second is decided for from one half on, as in reports. */
function decisions(scores: Float32Array, classes: number): ArrayLike<number> {
  if (classes !== 2) return predictClasses(scores, classes);
  return Uint8Array.from({ length: scores.length / 2 }, (_, row) => Number((scores[2 * row + 1] ?? 0) >= 0.5));
}

function correctness(predictions: ArrayLike<number>, truth: Float64Array): Float64Array {
  return truth.map((label, row) => Number(predictions[row] === label));
}

/** What answers the same for every row. */
function constantAnswers(
  { target, evaluated }: EvaluatedCandidate,
  known: CompareTableOptions['known'],
  seed: string | number,
): Answers {
  const { truth } = evaluated;
  const learned = known ?? wordsOf(target, truth);
  const rows = truth.length;
  const data = { name: evaluated.report.data.name };
  if (target.task === 'regression') {
    const mean = learned.reduce<number>((sum, value) => sum + Number(value), 0) / learned.length;
    const predictions = new Float32Array(rows).fill(mean);
    const report = evaluateRegressor({ targets: truth, predictions, seed, data });
    const candidate = { name: 'Mean', isBaseline: true, target };
    return answersOf({ ...candidate, evaluated: { report, scores: predictions, truth } });
  }
  const { classes } = target;
  const shares = classes.map((name) => learned.filter((word) => word === name).length / learned.length);
  const scores = Float32Array.from({ length: rows * classes.length }, (_, i) => shares[i % classes.length] ?? 0);
  const report = evaluateClassifier({ labels: truth, classNames: classes, scores, seed, data });
  const candidate = { name: 'Majority', isBaseline: true, target };
  return answersOf({ ...candidate, evaluated: { report, scores, truth } });
}

/** Of a binary task F1 is about one class: it compares only where that is the same for all. */
function sharedMetrics(candidates: readonly EvaluatedCandidate[]): TableComparison['metrics'] {
  const targets = candidates.map(({ target }) => target);
  const [first] = targets;
  if (first === undefined || first.task === 'regression') return ['rootMeanSquaredError', 'meanAbsoluteError', 'r2'];
  if (first.task === 'multiclass') return ['accuracy', 'f1Macro', 'logLoss'];
  const second = (target: TableTarget): string | undefined =>
    target.task === 'regression' ? undefined : target.classes[1];
  const isShared = targets.every((target) => second(target) === second(first));
  return ['accuracy', ...(isShared ? (['f1'] as const) : []), 'rocAuc', 'logLoss'];
}

function primaryOf({ report }: Answers, name: MetricName): number {
  return report.metrics.find((metric: MetricResult) => metric.name === name)?.value ?? Number.NaN;
}

function comparePair(
  one: Answers,
  other: Answers,
  { isRegression, seed }: { readonly isRegression: boolean; readonly seed: string | number },
): PairedResult {
  const of = isRegression ? Math.sqrt : (share: number): number => share;
  const { difference, interval, pValue } = comparePaired({
    rows: one.perRow.length,
    random: createRandom(seed).fork('compare'), // the same for all pairs: a difference is the other way round its negative
    pair: (weights) => [of(weightedMean(one.perRow, weights)), of(weightedMean(other.perRow, weights))],
  });
  const exact = isRegression ? pValue : mcNemarTest(disagreements(one.perRow, other.perRow));
  return { against: other.candidate.name, difference, interval, pValue: Number.isFinite(exact) ? exact : null };
}

function weightedMean(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    sum += (values[row] ?? 0) * (weights[row] ?? 0);
    total += weights[row] ?? 0;
  }
  return sum / total;
}

function disagreements(one: Float64Array, other: Float64Array) {
  return {
    onlyFirstRight: one.filter((right, row) => right > (other[row] ?? 0)).length,
    onlySecondRight: other.filter((right, row) => right > (one[row] ?? 0)).length,
  };
}

function refuse(fault: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `compare: ${fault}`);
}
