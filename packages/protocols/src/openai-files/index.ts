export {
  addUsage,
  type BatchLine,
  type BatchLineResult,
  encodeLineResult,
  isLineProblem,
  type LineProblem,
  NO_USAGE,
  readBatchLine,
} from './batch-lines.ts';
export {
  BATCH_ENDPOINTS,
  BATCH_STATES,
  type BatchEndpoint,
  type BatchOrder,
  type BatchProblem,
  type BatchState,
  type BatchTimes,
  type BatchUsage,
  COMPLETION_WINDOW,
  COMPLETION_WINDOW_MS,
  type DescribedBatch,
  encodeBatch,
  readBatchOrder,
} from './batches.ts';
export {
  type DescribedFile,
  encodeFile,
  encodePage,
  FILE_PURPOSES,
  seconds,
  type FilePurpose,
  readFilePurpose,
  readFormExpiry,
  readUploadPurpose,
  UPLOAD_PURPOSES,
  type UploadPurpose,
} from './files.ts';
export {
  DEFAULT_MODERATION_MODEL,
  encodeModerations,
  type Moderation,
  type ModerationOrder,
  readModerationOrder,
} from './moderations.ts';
export { encodeRerank, readRerankOrder, type RerankOrder } from './rerank.ts';
