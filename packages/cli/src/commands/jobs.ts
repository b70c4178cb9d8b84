// `amaas jobs`: looking at what the server works on, following it, ending it.
import type { JobState, ListJobsOptions } from '@amaas/client';
import { type Command, Option } from 'commander';
import { type CommandContext, connect, optionsOf, show, UsageError } from '../command-context.ts';
import { jobLogLines } from '../job-log.ts';
import { jobListText, jobText } from '../job-text.ts';
import { assertSucceeded, watchJob } from '../watch-job.ts';

export function registerJobs(program: Command, context: CommandContext): void {
  const jobs = program
    .command('jobs')
    .description('look at jobs such as trainings, follow them, end them')
    .addHelpText('after', '\nExample:\n  $ amaas jobs list --state running\n  $ amaas jobs watch job_3f2a9c01b7e4d865');
  registerLooking(jobs, context);
  registerLog(jobs, context);
  registerWatch(jobs, context);
  registerCancel(jobs, context);
}

const STATES = ['queued', 'running', 'cancelling', 'interrupted', 'succeeded', 'failed', 'cancelled'] as const;

interface ListOptions {
  readonly state?: JobState;
  readonly kind?: string;
  readonly limit?: string;
}

function registerLooking(jobs: Command, context: CommandContext): void {
  jobs
    .command('list')
    .description('jobs, newest first')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES))
    .option('--kind <kind>', 'only of this kind, such as train')
    .option('--limit <n>', 'most jobs listed (default: 100)')
    .addHelpText('after', '\nExample:\n  $ amaas jobs list --state failed')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<ListOptions>(command);
      const { state, kind } = options;
      const filter: ListJobsOptions = {
        ...(state === undefined ? {} : { state }),
        ...(kind === undefined ? {} : { kind }),
        ...(options.limit === undefined ? {} : { limit: readCount('--limit', options.limit) }),
      };
      const list = await (await connect(context, options)).jobs.list(filter);
      show(context, options, { jobs: list }, () => jobListText(list, state !== undefined || kind !== undefined));
    });
  jobs
    .command('show <job>')
    .description('one job: how far it is, what came of it, why it failed')
    .addHelpText('after', '\nExample:\n  $ amaas jobs show job_3f2a9c01b7e4d865')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const job = await (await connect(context, options)).jobs.get(id);
      show(context, options, job, () => jobText(job));
    });
}

function registerLog(jobs: Command, context: CommandContext): void {
  jobs
    .command('log <job>')
    .description('what a job has printed, how its training went, how it ended')
    .option('--tail <n>', 'only the last n lines')
    .addHelpText('after', '\nExample:\n  $ amaas jobs log job_3f2a9c01b7e4d865 --tail 50')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ readonly tail?: string }>(command);
      const count = options.tail === undefined ? null : readCount('--tail', options.tail);
      const lines = await jobLogLines(await connect(context, options), id);
      const shown = (count === null ? lines : lines.slice(-count)).join('\n');
      show(context, options, { job: id, log: shown }, () => shown);
    });
}

function registerWatch(jobs: Command, context: CommandContext): void {
  jobs
    .command('watch <job>')
    .description('follow a job until it ends; exit code 1 unless it succeeds. Ctrl-C ends the watching, not the job')
    .addHelpText('after', '\nExample:\n  $ amaas jobs watch job_3f2a9c01b7e4d865')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const client = await connect(context, options);
      const job = await watchJob(context, client, { ...options, id });
      if (!options.json) context.terminal.print(jobText(job));
      assertSucceeded(context, job);
    });
}

function registerCancel(jobs: Command, context: CommandContext): void {
  jobs
    .command('cancel <job>')
    .description('end a job: it is asked to, and made to after 10 seconds')
    .addHelpText('after', '\nExample:\n  $ amaas jobs cancel job_3f2a9c01b7e4d865')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      const job = await (await connect(context, options)).jobs.cancel(id);
      show(context, options, job, () =>
        job.state === 'cancelling'
          ? `job ${job.id} is asked to end; see: amaas jobs watch ${job.id}`
          : `job ${job.id} is ${job.state}`,
      );
    });
}

/** @throws UsageError unless the text is a whole number ≥ 1. */
export function readCount(option: string, text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a whole number ≥ 1, got ${JSON.stringify(text)}`);
}
