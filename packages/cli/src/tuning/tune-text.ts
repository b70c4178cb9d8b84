// What a study found, as text: its best trials, what mattered, and the candidates side by side on the validation rows.
import type { TunedTable, ValidatedCandidate } from '@amaas/learn/pipelines';
import { formatStudyTable, type ParameterImportance } from '@amaas/learn/tune';
import { formatNumber } from '../facts-text.ts';
import { table } from '../terminal.ts';
import type { TuningResult } from './messages.ts';

/** Completed trials from which importance is computed. */
const IMPORTANCE_TRIALS = 10;

const ENDS: Readonly<Record<TunedTable['study']['ended'], string>> = {
  trials: 'all trials were run',
  time: 'the time was used up',
  exhausted: 'every configuration was tried',
  failures: 'it ended early: too many trials in a row failed',
  cancelled: 'it was cancelled',
};

export function studyText({ study, earlierReports }: TuningResult): string {
  const looks = earlierReports.length === 0 ? [] : ['', earlierReportsText(earlierReports)];
  return [
    `${formatStudyTable(study.table)}`,
    `${ENDS[study.ended]}; values are validation losses, the best one up to the epoch of "resource"`,
    '',
    importanceText(study.importance),
    '',
    'On the validation rows, by which the best is chosen:',
    candidatesText(study.candidates),
    ...looks,
  ].join('\n');
}

function importanceText(importance: readonly ParameterImportance[]): string {
  const known = importance.flatMap(({ name, share }) => (share === null ? [] : [{ name, share }]));
  if (known.length === 0) {
    const trials = Math.max(0, ...importance.map((each) => each.trials));
    return `What mattered cannot be told from ${trials} completed trials; it needs ${IMPORTANCE_TRIALS}.`;
  }
  const rows = known
    .toSorted((a, b) => b.share - a.share)
    .map(({ name, share }) => [name, `${Math.round(100 * share)} %`, '█'.repeat(Math.round(20 * share))]);
  return table(['What mattered', 'share', ''], rows);
}

function candidatesText(candidates: readonly ValidatedCandidate[]): string {
  const metrics = Object.keys(candidates[0]?.validationMetrics ?? {});
  const rows = candidates.map(({ name, options, validationLoss, validationMetrics }, index) => [
    index === 0 ? '*' : '',
    name,
    validationLoss === null ? '∞' : formatNumber(validationLoss),
    ...metrics.map((metric) => formatNumber(validationMetrics[metric] ?? Number.NaN)),
    options === null ? '' : settingsText(options),
  ]);
  return table(['', 'candidate', 'loss', ...metrics, 'settings'], rows);
}

function settingsText({
  hidden,
  learningRate,
  dropout,
  weightDecay,
  batchSize,
}: NonNullable<ValidatedCandidate['options']>): string {
  const network = hidden.length === 0 ? [] : [`dropout ${formatNumber(dropout)}`, `decay ${formatNumber(weightDecay)}`];
  const width = hidden.length === 0 ? 'no hidden layer' : `hidden ${hidden.join(',')}`;
  return [width, `rate ${formatNumber(learningRate)}`, ...network, `batch ${batchSize}`].join(', ');
}

function earlierReportsText(trials: readonly number[]): string {
  const when = `${trials.join(', ')} trial${trials.length === 1 && trials[0] === 1 ? '' : 's'}`;
  return (
    `The held-out rows have judged this study before, after ${when}. ` +
    'Who goes on until the report is good makes it too good; for the last word take rows that no report has used.'
  );
}
