// Jobs as text for people.
import type { Job, JobProgress } from '@amaas/client';
import { factLines, formatNumber } from './facts-text.ts';
import { formatMs, pairs, progressBar, table } from './terminal.ts';
import { spellOptions } from './training/explain.ts';

/** @param isFiltered - whether there may be others */
export function jobListText(jobs: readonly Job[], isFiltered = false): string {
  if (jobs.length === 0) return isFiltered ? 'No such jobs; see all with: amaas jobs list' : 'No jobs yet.';
  const rows = jobs.map((job) => [
    job.id,
    job.kind,
    job.state,
    job.model ?? '',
    progressText(job),
    job.createdAt.slice(0, 19).replace('T', ' '),
    job.createdBy,
  ]);
  return table(['ID', 'KIND', 'STATE', 'MODEL', 'PROGRESS', 'SUBMITTED', 'BY'], rows);
}

export function isEnded({ state }: Job): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

function progressText({ state, progress }: Job): string {
  if (state === 'succeeded') return '100 %';
  if (progress === null) return '';
  const { phase, fraction } = progress;
  return fraction === null ? phase : `${phase} ${Math.floor(fraction * 100)} %`;
}

/** Parts of a result that are for machines. */
const UNSHOWN: ReadonlySet<string> = new Set(['example', 'scores', 'report', 'table']);

function shownFacts(value: unknown): readonly string[] {
  const isObject = typeof value === 'object' && value !== null;
  return factLines(isObject ? Object.fromEntries(Object.entries(value).filter(([name]) => !UNSHOWN.has(name))) : {});
}

/** How a job ended, a line each; none while it goes on. */
export function outcomeText(job: Job): readonly string[] {
  const { state, error, result } = job;
  if (!isEnded(job)) return [];
  if (state === 'succeeded') return ['-- succeeded', ...(result === null ? [] : shownFacts(result))];
  if (state === 'cancelled' || error === null) return [`-- ${state}`];
  return `-- ${state}: ${spellOptions(error.message)} (${error.reason})`.split('\n');
}

/** Everything about a job that a person may want to know. */
export function jobText(job: Job): string {
  const { progress, error, state } = job;
  const numbers = progress === null || state === 'succeeded' ? '' : numbersText(progress);
  const why = error === null || state === 'cancelled' ? '' : `: ${spellOptions(error.message)} (${error.reason})`;
  return pairs([
    ['job', job.id],
    ['kind', job.kind],
    ...labelled('state', `${state}${why}`.split('\n')),
    ...(job.model === null ? [] : [['model', job.model] as const]),
    ['submitted', `${job.createdAt} by ${job.createdBy}`],
    ...(job.startedAt === null ? [] : [['took', tookText(job)] as const]),
    ...(job.attempt > 1
      ? [['attempts', `${job.attempt}${job.crashes > 0 ? `, ${job.crashes} crashed` : ''}`] as const]
      : []),
    ...(job.priority === 0 ? [] : [['priority', String(job.priority)] as const]),
    ...(progress === null ? [] : [['progress', `${progressText(job)}  ${numbers}`.trimEnd()] as const]),
    ...labelled('configuration', shownFacts(job.configuration)),
    ...(job.result === null ? [] : labelled('result', shownFacts(job.result))),
  ]);
}

/** The label beside the first of several lines. */
export function labelled(label: string, lines: readonly string[]): readonly (readonly [string, string])[] {
  return lines.map((line, index) => [index === 0 ? label : '', line] as const);
}

function tookText({ startedAt, endedAt }: Job): string {
  if (startedAt === null) return '';
  if (endedAt === null) return `since ${startedAt}`;
  return formatMs(Date.parse(endedAt) - Date.parse(startedAt));
}

/** `step 500 of 2000  loss 0.41  accuracy 0.83`. */
export function numbersText({ step, totalSteps, loss, metrics = {}, message }: JobProgress): string {
  const named = Object.entries(loss === undefined ? metrics : { loss, ...metrics });
  return [
    ...(step === undefined ? [] : [`step ${step}${totalSteps === undefined ? '' : ` of ${totalSteps}`}`]),
    ...named.map(([name, value]) => `${name} ${formatNumber(value)}`),
    ...(message === undefined ? [] : [message]),
  ].join('  ');
}

/** Progress as a line that is drawn again and again. */
export function progressLine(progress: JobProgress): string {
  const numbers = numbersText(progress);
  if (progress.fraction === null) return `${progress.phase}  ${numbers}`;
  return progressBar(progress.phase, progress.fraction, 1, numbers);
}
