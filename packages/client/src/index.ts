// The amaas SDK, for Node and browsers: `createClient` and the types of what goes in and comes out.
export {
  AmaasError,
  type DType,
  type ErrorCode,
  type ErrorReason,
  type Manifest,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from '@amaas/core';
export type {
  CreatedKey,
  CreateKeyRequest,
  Dataset,
  DatasetVersion,
  Failure,
  Job,
  JobProgress,
  JobState,
  Key,
  KeyScope,
  ModelSummary,
  Run,
  RunState,
  ServerStatus,
  SubmitJobRequest,
  VersionDetail,
  VersionPolicy,
  VersionState,
  VersionSummary,
} from '@amaas/protocols/admin';
export type { CallOptions } from './admin-call.ts';
export type { ChatEvent, ChatMessage, ChatModel, ChatOptions } from './chat.ts';
export { type AmaasClient, type ClientOptions, createClient } from './client.ts';
export type { DatasetsApi, RemoveDatasetOptions, UploadDatasetOptions } from './datasets.ts';
export type { DeployFile, DeployFilesOptions, DeployProgress, DeployUrlOptions } from './deploy.ts';
export type { InferenceResult, InferOptions } from './infer.ts';
export { type InferInputs, type InputValue, type NumberArray, type ShapedInput, tensorsFromValues } from './inputs.ts';
export type { FollowJobOptions, JobEvent, JobsApi, ListJobsOptions } from './jobs.ts';
export type { KeysApi } from './keys.ts';
export type { ModelMetadata } from './metadata.ts';
export type { LabelTarget, ModelsApi } from './models.ts';
export {
  type NestedArray,
  type PlainElement,
  type PlainNested,
  type Scalar,
  tensorElements,
  tensorFromNested,
  tensorToNested,
} from './nested.ts';
export type { PullEvent, PullOptions } from './pull.ts';
export type { RetryPolicy } from './retry.ts';
export type { ListRunsOptions, RecordedRun, RunsApi } from './runs.ts';
export type { FileContent } from './upload-body.ts';
