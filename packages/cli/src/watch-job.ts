// Follows a job at the terminal until it ends: a live line of progress, a note when it starts over.
import type { AmaasClient, Job } from '@amaas/client';
import { CommandFailed, type CommandContext, type SharedOptions } from './command-context.ts';
import { progressLine } from './job-text.ts';
import { spellOptions } from './training/explain.ts';

/** Resolves to the job as it ended. With `--json` every event is a line of JSON on stdout. */
export async function watchJob(
  { terminal }: CommandContext,
  client: AmaasClient,
  { id, json }: Pick<SharedOptions, 'json'> & { readonly id: string },
): Promise<Job> {
  let waits = '';
  for await (const event of client.jobs.events(id)) {
    if (json) terminal.print(JSON.stringify(event));
    switch (event.type) {
      case 'progress':
        terminal.progress(progressLine(event.progress));
        break;
      case 'state':
        if (event.state === 'running' && event.attempt > 1) terminal.note(`attempt ${event.attempt} goes on`);
        if (event.state === 'interrupted') terminal.note('interrupted; it will be resumed');
        break;
      case 'job':
        waits = event.job.state === 'queued' || event.job.state === 'interrupted' ? 'waits for its turn' : '';
        if (waits !== '') terminal.progress(waits);
        break;
      case 'checkpoint':
        break;
      case 'end':
        terminal.clearProgress();
        return event.job;
      default:
        event satisfies never;
    }
  }
  throw new Error(`job ${id} has no end`);
}

/** @throws CommandFailed, having said why, unless the job has succeeded. */
export function assertSucceeded({ terminal }: CommandContext, job: Job): void {
  if (job.state === 'succeeded') return;
  const why = job.error === null ? 'no reason was given' : spellOptions(job.error.message);
  const how = job.state === 'cancelled' ? 'was cancelled' : `${job.state}: ${why}`;
  terminal.note(`amaas: job ${job.id} ${how}`);
  if (job.state === 'failed') terminal.note(`See what it printed with: amaas jobs log ${job.id}`);
  throw new CommandFailed();
}
