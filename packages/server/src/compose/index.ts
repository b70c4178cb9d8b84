export { SERVER_VERSION } from './identity.ts';
export type { JobKindFactory, JobKindParts } from './job-kinds.ts';
export { type OfflineOptions, resetAdminKey } from './offline.ts';
export { type RunningServer, type StartOptions, startServer } from './start-server.ts';
