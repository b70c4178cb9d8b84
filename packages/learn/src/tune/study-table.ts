// A study as rows for people: plain data for live displays and JSON, and the same as aligned text.
import { bestTrials } from './run-study.ts';
import { alignColumns, formatNumber } from './text-columns.ts';
import { cutJson, type JsonValue, shortJson } from './search-space.ts';
import type { Study } from './study.ts';
import { reachedResource, type TrialRecord, type TrialStatus } from './trial.ts';

export interface StudyTable {
  /** Parameters in the order of the space: the columns after the fixed ones. */
  readonly parameters: readonly string[];
  readonly rows: readonly StudyTableRow[];
  readonly counts: { readonly [S in TrialStatus]: number };
  readonly best: StudyTableRow | null;
  readonly elapsedMs: number;
}

export interface StudyTableRow {
  readonly trial: number;
  readonly promotedFrom: number | null;
  readonly status: TrialStatus;
  /** The objective; while running the last value reported; null when there is none or it is not finite. */
  readonly value: number | null;
  /** Resource of the last report; null before the first. */
  readonly resource: number | null;
  readonly elapsedMs: number;
  /** One per parameter of the table; null also where the parameter is not active. */
  readonly values: readonly (JsonValue | null)[];
  readonly failure: string | null;
}

/** The table of a study as it stands, in the order of the trials' start. */
export function studyTable(study: Study): StudyTable {
  const parameters = study.definition.space.parameters.map(({ name }) => name);
  const rows = study.trials.map((trial) => tableRow(trial, { parameters, nowMs: study.elapsedMs }));
  const counts = { running: 0, completed: 0, stopped: 0, failed: 0 };
  for (const { status } of rows) counts[status]++;
  const best = bestTrials(study, 1)[0];
  return {
    parameters,
    rows,
    counts,
    best: best === undefined ? null : (rows[best.index] ?? null),
    elapsedMs: study.elapsedMs,
  };
}

function tableRow(
  trial: TrialRecord,
  { parameters, nowMs }: { readonly parameters: readonly string[]; readonly nowMs: number },
): StudyTableRow {
  const last = trial.reports.at(-1);
  const value = trial.status === 'running' ? (last?.value ?? null) : trial.value;
  return {
    trial: trial.index,
    promotedFrom: trial.promotedFrom,
    status: trial.status,
    value: value !== null && Number.isFinite(value) ? value : null,
    resource: last === undefined ? null : reachedResource(trial),
    elapsedMs: (trial.endedMs ?? nowMs) - trial.startedMs,
    values: parameters.map((name) => trial.configuration.get(name) ?? null),
    failure: trial.failure,
  };
}

export interface FormatTableOptions {
  /** Rows shown, the latest ones; the best trial is always among them. Default 20: a screen. */
  readonly maxRows?: number;
}

/** The table as text: a summary line, then one line per trial; `*` marks the best. No line ends in spaces. */
export function formatStudyTable(table: StudyTable, { maxRows = 20 }: FormatTableOptions = {}): string {
  const { best, counts } = table;
  const latest = table.rows.slice(-maxRows);
  const shown = best === null || latest.includes(best) ? latest : [best, ...latest.slice(1)];
  const header = ['', 'trial', 'status', 'value', 'resource', 'time', ...table.parameters];
  const lines = shown.map((row) => [
    row === best ? '*' : '',
    row.promotedFrom === null ? String(row.trial) : `${row.trial} (${row.promotedFrom})`,
    row.status,
    row.value === null ? '' : formatNumber(row.value),
    row.resource === null ? '' : formatNumber(row.resource),
    formatDuration(row.elapsedMs),
    ...(row.failure === null ? row.values.map(formatCell) : [firstLine(row.failure)]),
  ]);
  const summary = [
    `${table.rows.length} trials`,
    ...(['completed', 'stopped', 'failed', 'running'] as const)
      .filter((status) => counts[status] > 0)
      .map((status) => `${counts[status]} ${status}`),
    formatDuration(table.elapsedMs),
    ...(best?.value == null ? [] : [`best ${formatNumber(best.value)}`]),
  ];
  return [summary.join(', '), ...alignColumns([header, ...lines])].join('\n');
}

function formatCell(value: JsonValue | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return formatNumber(value);
  return typeof value === 'string' ? shortJson(value) : cutJson(value);
}

function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function firstLine(text: string): string {
  const line = text.split(/[\r\n]/, 1)[0] ?? '';
  return line.length <= 80 ? line : `${line.slice(0, 77)}...`;
}
