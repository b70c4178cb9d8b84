// What the server has to say about itself: metrics, statistics and logs.
export type { JobGauges, ServedGauges } from './families.ts';
export type { LogDestination } from './log-lines.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logging.ts';
export { Metrics, type MetricsOptions } from './metrics.ts';
export {
  type BatchObservation,
  type BatchTotals,
  type DurationTotal,
  type GenerationObservation,
  ModelRecorder,
  type ModelStatistics,
  type RequestObservation,
} from './model-recorder.ts';
