// Jobs: anything long, in a process of its own, with progress, log, cancel and resume.
export { runIdOf } from './attempt.ts';
export { defineJobKind, type JobContext, type JobKind, type JobRuntime, type RunJob } from './job-kind.ts';
export { Jobs, type JobsParts, type JobSubmission } from './jobs.ts';
export {
  type FinalState,
  isFinal,
  JOB_STATES,
  type JobEvent,
  type JobFilter,
  type JobProgress,
  type JobRecord,
  type JobState,
  type Json,
} from './types.ts';
