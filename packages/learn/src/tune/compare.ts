// Candidates side by side: quality with intervals, latency, size, memory and cost, always against a baseline. Only
// arranges what was measured elsewhere; knows no models and measures nothing.
import { AmaasError } from '@amaas/core';
import { alignColumns, formatNumber } from './text-columns.ts';

/** A measured quality, as evaluation reports hold it. */
export interface CandidateMetric {
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  readonly higherIsBetter: boolean;
  /** Null where it is not defined for this candidate. */
  readonly value: number | null;
  /** Its confidence interval, both ends included; null when none was computed. */
  readonly interval: { readonly lower: number; readonly upper: number } | null;
}

export interface Candidate {
  readonly name: string;
  /** Majority class, mean, a linear model: what the others must beat. At least one candidate is one. */
  readonly isBaseline: boolean;
  /** All from the same held-out rows, or nothing compares; those that are not compared are left out. */
  readonly metrics: readonly CandidateMetric[];
  /** Null where it was not measured, here and below. */
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  readonly modelBytes: number | null;
  readonly memoryBytes: number | null;
  /** Cost of a million predictions, in one currency for all candidates. */
  readonly costPerMillion: number | null;
}

/** `unclear`: the intervals overlap, or one is missing. */
export type Verdict = 'better' | 'worse' | 'unclear';

/** A candidate with the compared metrics only, in the order of the table's. */
export interface ComparisonRow extends Candidate {
  /**
   * The first metric against the best baseline's, by whether their intervals part. That is stricter than testing the
   * difference on the same rows: what it calls better is. Null for that baseline itself.
   */
  readonly againstBaseline: Verdict | null;
  /** No other candidate is at least as good in every one of `paretoMeasures` and better in one. */
  readonly isParetoOptimal: boolean;
}

/** Plain JSON. */
export interface ComparisonTable {
  /** The first decides about order, baseline and verdicts. */
  readonly metrics: readonly ComparedMetric[];
  /** Best first by the first metric; equals as given. */
  readonly rows: readonly ComparisonRow[];
  /** The baseline that is best by the first metric. */
  readonly baseline: string;
  /** What counts for the Pareto marks: the first metric and whatever was measured for all candidates. */
  readonly paretoMeasures: readonly string[];
}

export type ComparedMetric = Pick<CandidateMetric, 'name' | 'title' | 'higherIsBetter'>;

/** What a candidate costs to run, less being better; metrics come beside. */
const COST_MEASURES: readonly (readonly [name: string, of: (candidate: Candidate) => number | null])[] = [
  ['latency p95', ({ latencyMs }) => latencyMs?.p95 ?? null],
  ['size', ({ modelBytes }) => modelBytes],
  ['memory', ({ memoryBytes }) => memoryBytes],
  ['cost', ({ costPerMillion }) => costPerMillion],
];

/**
 * Compares candidates by their metrics, and by what they cost to run.
 * @param metricNames - at least one; by the first candidates are ranked and judged, so all must have a value of it.
 * @throws INVALID_ARGUMENT when there is no baseline, a name comes twice, a metric is missing, or a number cannot be.
 */
export function compareCandidates(candidates: readonly Candidate[], metricNames: readonly string[]): ComparisonTable {
  checkUnique('metric', metricNames);
  checkUnique(
    'candidate',
    candidates.map(({ name }) => name),
  );
  const measured = candidates.map((candidate) => measuredCandidate(candidate, metricNames));
  const metrics = metricNames.map((_, i) => comparedMetric(measured, i));
  const [primary] = metrics;
  if (primary === undefined) throw refuse('needs a metric to compare by');
  const ranked = measured.toSorted((a, b) => primaryLoss(a) - primaryLoss(b));
  const baseline = ranked.find(({ isBaseline }) => isBaseline);
  if (baseline === undefined) throw refuse(NO_BASELINE);
  const costs = COST_MEASURES.filter(([, of]) => measured.every((candidate) => of(candidate) !== null));
  const losses = (candidate: Candidate): readonly number[] => [
    primaryLoss(candidate),
    ...costs.map(([, of]) => of(candidate) ?? 0), // measured for all, as just filtered
  ];
  return {
    metrics,
    baseline: baseline.name,
    paretoMeasures: [primary.title, ...costs.map(([name]) => name)],
    rows: ranked.map((candidate) => ({
      ...candidate,
      againstBaseline: candidate === baseline ? null : verdict(candidate, baseline),
      isParetoOptimal: !ranked.some((other) => dominates(losses(other), losses(candidate))),
    })),
  };
}

const NO_BASELINE = 'needs a baseline among the candidates: majority class, mean or a linear model';

/** The shared description of the metric with this number. */
function comparedMetric(candidates: readonly Candidate[], index: number): ComparedMetric {
  const [first, ...others] = candidates.flatMap(({ metrics }) => metrics[index] ?? []);
  if (first === undefined) throw refuse(NO_BASELINE); // no candidates at all
  const { name, title, higherIsBetter } = first;
  if (others.some((other) => other.higherIsBetter !== higherIsBetter)) {
    throw refuse(`candidates disagree on whether more of "${name}" is better`);
  }
  return { name, title, higherIsBetter };
}

function primaryLoss({ name, metrics }: Candidate): number {
  const primary = metrics[0];
  if (primary === undefined) return 0; // compareCandidates has refused that
  if (primary.value === null)
    throw refuse(`candidate "${name}" has no value of "${primary.name}", by which all are ranked`);
  return primary.higherIsBetter ? -primary.value : primary.value;
}

function verdict(candidate: Candidate, baseline: Candidate): Verdict {
  const [own] = candidate.metrics;
  const its = baseline.metrics[0]?.interval ?? null;
  if (own === undefined || own.interval === null || its === null) return 'unclear';
  if (own.interval.lower > its.upper) return own.higherIsBetter ? 'better' : 'worse';
  if (own.interval.upper < its.lower) return own.higherIsBetter ? 'worse' : 'better';
  return 'unclear';
}

function dominates(a: readonly number[], b: readonly number[]): boolean {
  return a.every((loss, i) => loss <= (b[i] ?? loss)) && a.some((loss, i) => loss < (b[i] ?? loss));
}

/** A checked copy that holds the compared metrics in their order and nothing unknown. */
function measuredCandidate(candidate: Candidate, metricNames: readonly string[]): Candidate {
  const { name, isBaseline, latencyMs, modelBytes, memoryBytes, costPerMillion } = candidate;
  for (const [measure, value] of [
    ['latencyMs.p50', latencyMs?.p50 ?? null],
    ['latencyMs.p95', latencyMs?.p95 ?? null],
    ['modelBytes', modelBytes],
    ['memoryBytes', memoryBytes],
    ['costPerMillion', costPerMillion],
  ] as const) {
    if (value !== null && !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw refuse(`candidate "${name}" has ${measure} ${value}, expected a number ≥ 0 or null`);
    }
  }
  return {
    name,
    isBaseline,
    metrics: metricNames.map((metric) => measuredMetric(candidate, metric)),
    latencyMs: latencyMs === null ? null : { p50: latencyMs.p50, p95: latencyMs.p95 },
    modelBytes,
    memoryBytes,
    costPerMillion,
  };
}

function measuredMetric(candidate: Candidate, metricName: string): CandidateMetric {
  const metric = candidate.metrics.find(({ name }) => name === metricName);
  if (metric === undefined) throw refuse(`candidate "${candidate.name}" has no "${metricName}"`);
  const { name, title, higherIsBetter, value, interval } = metric;
  if (value !== null && !Number.isFinite(value)) {
    throw refuse(`candidate "${candidate.name}" has "${name}" ${value}, expected a finite number or null`);
  }
  if (interval === null) return { name, title, higherIsBetter, value, interval };
  const { lower, upper } = interval;
  if (!(Number.isFinite(upper - lower) && lower <= upper)) {
    throw refuse(`candidate "${candidate.name}" has "${name}" in ${lower} … ${upper}, expected finite lower ≤ upper`);
  }
  return { name, title, higherIsBetter, value, interval: { lower, upper } };
}

function checkUnique(kind: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw refuse(`the ${kind} "${name}" comes twice`);
    seen.add(name);
  }
}

/** The table as text: `*` marks Pareto-optimal candidates, a legend says what that and the verdicts mean. */
export function formatComparison(table: ComparisonTable): string {
  const header = [
    '',
    'candidate',
    ...table.metrics.map(({ title, higherIsBetter }) => `${title} ${higherIsBetter ? '↑' : '↓'}`),
    'vs baseline',
    'p50',
    'p95',
    'size',
    'memory',
    'cost per million',
  ];
  const lines = table.rows.map((row) => [
    row.isParetoOptimal ? '*' : '',
    row.isBaseline ? `${row.name} (baseline)` : row.name,
    ...row.metrics.map(formatMetric),
    row.againstBaseline ?? '',
    row.latencyMs === null ? '' : `${formatNumber(row.latencyMs.p50, 3)} ms`,
    row.latencyMs === null ? '' : `${formatNumber(row.latencyMs.p95, 3)} ms`,
    formatBytes(row.modelBytes),
    formatBytes(row.memoryBytes),
    row.costPerMillion === null ? '' : formatNumber(row.costPerMillion, 3),
  ]);
  return [
    ...alignColumns([header, ...lines]),
    `* nothing else is at least as good in all of ${table.paretoMeasures.join(', ')} and better in one`,
    `vs baseline: ${table.metrics[0]?.title} against "${table.baseline}"; unclear where the intervals overlap`,
  ].join('\n');
}

function formatMetric({ value, interval }: CandidateMetric): string {
  if (value === null) return '';
  if (interval === null) return formatNumber(value, 4);
  return `${formatNumber(value, 4)} (${formatNumber(interval.lower, 4)} … ${formatNumber(interval.upper, 4)})`;
}

function formatBytes(bytes: number | null): string {
  if (bytes === null) return '';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${formatNumber(bytes / 1000 ** power, 3)} ${units[power]}`;
}

function refuse(fault: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `compare: ${fault}`);
}
