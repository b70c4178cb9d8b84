// The log of a job for people: what it printed, how its training went, how it ended, in the order of time.
import type { AmaasClient, Job, JobEvent } from '@amaas/client';
import { isEnded, numbersText, outcomeText } from './job-text.ts';

/** Lines, each with its time in front. Of a job that goes on, what it printed and where it stands. */
export async function jobLogLines(client: AmaasClient, id: string): Promise<readonly string[]> {
  const printed = (await client.jobs.log(id)).replace(/\n$/, '').split('\n');
  const job = await client.jobs.get(id);
  if (!isEnded(job))
    return job.progress === null ? printed : [...printed, `now: ${numbersText(job.progress)}`.trimEnd()];
  const lines = printed.filter((line) => line !== '');
  for await (const event of client.jobs.events(id)) {
    const line = eventLine(event);
    if (line !== null) lines.push(line);
  }
  // Equal times keep their order: what was printed, then what was reported.
  return [...lines.toSorted((a, b) => compareText(timeOf(a), timeOf(b))), ...endLines(job)];
}

/** Reports with numbers; phases alone are told by the lines around them. */
function eventLine(event: JobEvent): string | null {
  if (event.type !== 'progress') return null;
  const numbers = numbersText(event.progress);
  return numbers === '' ? null : `${event.at} ${event.progress.phase}: ${numbers}`;
}

function endLines(job: Job): readonly string[] {
  const at = job.endedAt ?? job.createdAt;
  return outcomeText(job).map((text) => `${at} ${text}`);
}

function timeOf(line: string): string {
  return line.slice(0, line.indexOf(' '));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
