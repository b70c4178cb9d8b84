// Files that callers bring, and batches of requests that are worked off while nobody waits.
export { Batches, type BatchesParts } from './batches.ts';
export { Files, type FilesParts, type NewFile } from './files.ts';
export type { LineCall, LineReply, RunLine, SlotsFor } from './ports.ts';
export type { BatchRecord, FileRecord, Page, PageRequest, Viewer } from './types.ts';
