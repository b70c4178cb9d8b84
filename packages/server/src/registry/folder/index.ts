export type { FolderCandidate, FolderFile } from './folder-candidate.ts';
export type { KnownVersion } from './folder-memory.ts';
export { FolderWatcher, type FolderWatcherOptions } from './folder-watcher.ts';
export { scanModelsFolder } from './scan-models-folder.ts';
