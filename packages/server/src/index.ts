// What the command line and tests may use of the server.
export { createBackup, restoreBackup } from './backup/index.ts';
export {
  type JobKindFactory,
  type JobKindParts,
  type OfflineOptions,
  type RunningServer,
  resetAdminKey,
  type StartOptions,
  startServer,
} from './compose/index.ts';
export { type ConfigKey, describeConfig, type SettingDescription } from './config/index.ts';
export {
  defineJobKind,
  type JobContext,
  type JobKind,
  type JobProgress,
  type JobRuntime,
  type Json,
  type RunJob,
} from './jobs/index.ts';
