export type { CostEstimate } from './cost-model.ts';
export { type BatchPolicy, DISPATCH_REASONS, type DispatchReason } from './decide.ts';
export {
  type BatchReport,
  type FullPolicy,
  ModelScheduler,
  type SchedulerOptions,
  type SubmitOptions,
} from './scheduler.ts';
export type { ScheduledResult } from './waiting-line.ts';
