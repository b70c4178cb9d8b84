// What lies where in a data directory. The only place that knows these names.
import { join } from 'node:path';

export interface DataDirLayout {
  /** The SQLite database. */
  readonly databasePath: string;
  /** Blobs and the trees built from them. */
  readonly artifactsDirectory: string;
  /** The watched models folder, unless the configuration names another. */
  readonly modelsDirectory: string;
  /** What jobs work with, one folder each. */
  readonly jobsDirectory: string;
  /** What outlives the jobs of a fine-tuning, one folder each. */
  readonly fineTuningDirectory: string;
  /** Results of batches that have not ended, one folder each. */
  readonly batchesDirectory: string;
  /** What pulls from a hub have brought so far, and what the hub said; may be deleted. */
  readonly pullsDirectory: string;
  /** Locked by the owner of the directory; holds nothing. */
  readonly lockPath: string;
  /** Who holds the lock, for messages. */
  readonly lockOwnerPath: string;
}

/** The paths inside the data directory `dataDir`. */
export function dataDirLayout(dataDir: string): DataDirLayout {
  return {
    databasePath: join(dataDir, 'amaas.db'),
    artifactsDirectory: join(dataDir, 'artifacts'),
    modelsDirectory: join(dataDir, 'models'),
    jobsDirectory: join(dataDir, 'jobs'),
    fineTuningDirectory: join(dataDir, 'fine-tuning'),
    pullsDirectory: join(dataDir, 'pulls'),
    batchesDirectory: join(dataDir, 'batches'),
    lockPath: join(dataDir, 'lock.db'),
    lockOwnerPath: join(dataDir, 'lock.json'),
  };
}
