export { type AddedDataset, assertDatasetName, type Datasets } from './datasets.ts';
export {
  type FolderCandidate,
  type FolderFile,
  FolderWatcher,
  type FolderWatcherOptions,
  type KnownVersion,
  scanModelsFolder,
} from './folder/index.ts';
export {
  type ChangeListener,
  type CollectedGarbage,
  type DeleteOptions,
  Registry,
  type RegistryParts,
} from './registry.ts';
export type { Runs } from './runs.ts';
export { assertPolicy, type SelectableModel, selectVersions } from './select-versions.ts';
export {
  DEFAULT_POLICY,
  type FileStamp,
  type Lineage,
  type ModelFacts,
  type ModelOwner,
  type ModelRecord,
  type QuarantineVerdict,
  type RegisteredVersion,
  type VerdictKey,
  type VersionPolicy,
  type VersionRecord,
  type VersionRegistration,
} from './types.ts';
export {
  type DatasetRecord,
  type DatasetRegistration,
  type DatasetUse,
  RUN_STATES,
  type RunEnd,
  type RunFile,
  type RunFilter,
  type RunParent,
  type RunRecord,
  type RunStart,
  type RunState,
} from './training-types.ts';
