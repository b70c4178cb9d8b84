// A comparison as plain data and as text: quality, what chance leaves of the differences, and what running each costs.
import type { ComparedTable, PairedResult, TableComparison } from '@amaas/learn/pipelines';
import { type Candidate, type ComparisonTable, compareCandidates, formatComparison } from '@amaas/learn/tune';
import { formatNumber } from '../facts-text.ts';
import { formatMs, table } from '../terminal.ts';
import type { CandidateCosts } from './candidates.ts';

/** By candidate; no model at all costs nothing and is not among them. */
export type Costs = ReadonlyMap<string, CandidateCosts>;

export interface Comparison {
  /** Of the data. */
  readonly name: string;
  readonly quality: TableComparison;
  readonly costs: Costs;
  readonly pricePerCpuHour: number;
}

const HOUR_MS = 3_600_000;

/** Everything, as `--json` prints it. */
export function comparisonJson(comparison: Comparison): object {
  const { quality, costs, pricePerCpuHour, name } = comparison;
  const arranged = arrange(comparison);
  return {
    data: name,
    rows: quality.n,
    metrics: arranged.metrics,
    best: quality.best,
    baseline: quality.baseline,
    pricePerCpuHour,
    paretoMeasures: arranged.paretoMeasures,
    candidates: quality.candidates.map(({ name: candidate, isBaseline, report, againstBest, againstBaseline }) => {
      const row = arranged.rows.find((each) => each.name === candidate);
      const { single, batch, where } = costs.get(candidate) ?? { single: null, batch: null, where: null };
      return {
        name: candidate,
        isBaseline,
        metrics: report.metrics,
        againstBest,
        againstBaseline,
        isParetoOptimal: row?.isParetoOptimal ?? false,
        modelBytes: row?.modelBytes ?? null,
        memoryBytes: row?.memoryBytes ?? null,
        costPerMillion: row?.costPerMillion ?? null,
        single,
        batch,
        measured: where,
      };
    }),
  };
}

export function comparisonText(comparison: Comparison): string {
  const { quality, costs, name, pricePerCpuHour } = comparison;
  const places = [...new Set([...costs.values()].map(({ where }) => where))];
  return [
    `${quality.candidates.length} candidates on ${quality.n.toLocaleString('en-US')} rows of ${name}`,
    '',
    formatComparison(arrange(comparison)),
    '',
    differencesText(quality),
    '',
    batchesText(comparison),
    '',
    `Measured: ${places.join('; ')}. Memory is what a model adds to a process. Cost is the CPU time of single rows at ` +
      `${pricePerCpuHour} per CPU hour (--price-per-cpu-hour).`,
  ].join('\n');
}

function arrange({ quality, costs, pricePerCpuHour }: Comparison): ComparisonTable {
  return compareCandidates(
    quality.candidates.map((candidate) => toCandidate(candidate, costs.get(candidate.name), pricePerCpuHour)),
    quality.metrics,
  );
}

function toCandidate(
  { name, isBaseline, report }: ComparedTable,
  costs: CandidateCosts | undefined,
  pricePerCpuHour: number,
): Candidate {
  const base = { name, isBaseline, metrics: report.metrics };
  if (costs === undefined) {
    return { ...base, latencyMs: { p50: 0, p95: 0 }, modelBytes: 0, memoryBytes: 0, costPerMillion: 0 };
  }
  const { single, modelBytes, memoryBytes } = costs;
  return {
    ...base,
    latencyMs: { p50: single.p50Ms, p95: single.p95Ms },
    modelBytes,
    memoryBytes,
    costPerMillion: single.cpuMs === null ? null : ((single.cpuMs * 1e6) / HOUR_MS) * pricePerCpuHour,
  };
}

function differencesText({ candidates, metrics, best, baseline }: TableComparison): string {
  const title = candidates[0]?.report.metrics.find(({ name }) => name === metrics[0])?.title ?? metrics[0];
  const isSame = best === baseline;
  const rows = candidates.map(({ name, againstBest, againstBaseline }) => [
    name,
    ...differenceCells(againstBest),
    ...(isSame ? [] : differenceCells(againstBaseline)),
  ]);
  const header = [`${title} minus`, `${best} (best)`, 'p', ...(isSame ? [] : [`${baseline} (baseline)`, 'p'])];
  return table(header, rows);
}

function differenceCells(paired: PairedResult | null): readonly [string, string] {
  if (paired === null) return ['', ''];
  const { difference, interval, pValue } = paired;
  const around = interval === null ? '' : ` (${signed(interval.lower)} … ${signed(interval.upper)})`;
  return [`${signed(difference)}${around}`, pValue === null ? '' : pValue < 0.001 ? '< 0.001' : pValue.toFixed(3)];
}

function signed(value: number): string {
  const short = Number(value.toPrecision(3));
  const text = Math.abs(short) >= 1000 && Math.abs(short) < 1e9 ? short.toLocaleString('en-US') : formatNumber(short);
  return value > 0 ? `+${text}` : text;
}

function batchesText({ quality, costs }: Comparison): string {
  const rows = quality.candidates.flatMap(({ name }) => {
    const found = costs.get(name);
    if (found === undefined) return [];
    const { batch } = found;
    const perSecond = Math.round((1000 * batch.rows) / Math.max(batch.p50Ms, 1e-6)).toLocaleString('en-US');
    const cpu = batch.cpuMs === null ? '' : formatMs(batch.cpuMs / batch.rows);
    return [[name, `${batch.rows} rows`, formatMs(batch.p50Ms), formatMs(batch.p95Ms), perSecond, cpu]];
  });
  return table(['Together', '', 'p50', 'p95', 'rows/s', 'CPU per row'], rows);
}
