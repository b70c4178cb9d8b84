// Jobs as text for people.
import type { Job, JobProgress } from '@amaas/client';
import { formatMs, pairs, progressBar, table } from './terminal.ts';

export function jobListText(jobs: readonly Job[]): string {
  if (jobs.length === 0) return 'No jobs yet.';
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

function progressText({ state, progress }: Job): string {
  if (state === 'succeeded' || progress === null) return '';
  const { phase, fraction } = progress;
  return fraction === null ? phase : `${phase} ${Math.floor(fraction * 100)} %`;
}

/** Everything about a job that a person may want to know. */
export function jobText(job: Job): string {
  const { progress, error } = job;
  return pairs([
    ['job', job.id],
    ['kind', job.kind],
    ['state', error === null ? job.state : `${job.state}: ${error.message} (${error.reason})`],
    ...(job.model === null ? [] : [['model', job.model] as const]),
    ['submitted', `${job.createdAt} by ${job.createdBy}`],
    ...(job.startedAt === null ? [] : [['took', tookText(job)] as const]),
    ...(job.attempt > 1
      ? [['attempts', `${job.attempt}${job.crashes > 0 ? `, ${job.crashes} crashed` : ''}`] as const]
      : []),
    ...(job.priority === 0 ? [] : [['priority', String(job.priority)] as const]),
    ...(progress === null
      ? []
      : [['progress', `${progressText({ ...job, state: 'running' })}  ${numbersText(progress)}`.trimEnd()] as const]),
    ['configuration', JSON.stringify(job.configuration)],
    ...(job.result === null ? [] : [['result', JSON.stringify(job.result)] as const]),
  ]);
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

/** Four digits: what can be told apart while it changes. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}

/** Progress as a line that is drawn again and again. */
export function progressLine(progress: JobProgress): string {
  const numbers = numbersText(progress);
  if (progress.fraction === null) return `${progress.phase}  ${numbers}`;
  return progressBar(progress.phase, progress.fraction, 1, numbers);
}
