// Fine-tuning jobs, their events and their checkpoints in OpenAI's form. Times come in milliseconds since 1970.
// Source: OpenAI API specification 2.3.0, /v1/fine_tuning/jobs.
import { seconds } from '../openai-files/index.ts';
import type { FineTuningRequest } from './create-request.ts';

export type FineTuningStatus =
  | 'validating_files'
  | 'queued'
  | 'running'
  | 'paused'
  | 'succeeded'
  | 'failed'
  | 'cancelled';

export interface DescribedFineTuning {
  readonly id: string;
  /** `auto` is there until the server has chosen. */
  readonly request: FineTuningRequest;
  readonly seed: number;
  readonly status: FineTuningStatus;
  /** The new model's name; null until it can be asked. */
  readonly fineTunedModel: string | null;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly estimatedFinishMs: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null } | null;
  readonly trainedTokens: number | null;
  /** Ids of files. */
  readonly resultFiles: readonly string[];
}

export interface DescribedEvent {
  readonly id: string;
  readonly createdAtMs: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly type: 'message' | 'metrics';
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface DescribedCheckpoint {
  readonly id: string;
  readonly createdAtMs: number;
  readonly job: string;
  /** By which the weights of that moment can be asked. */
  readonly model: string;
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Null without a validation file. */
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
}

export function encodeFineTuning(job: DescribedFineTuning): object {
  const { request } = job;
  const { epochs, batchSize, learningRateMultiplier, lora } = request.hyperparameters;
  const hyperparameters = {
    n_epochs: epochs,
    batch_size: batchSize,
    learning_rate_multiplier: learningRateMultiplier,
  };
  const own = lora === null ? { full: true } : { lora };
  return {
    id: job.id,
    object: 'fine_tuning.job',
    created_at: seconds(job.createdAtMs),
    finished_at: secondsOrNull(job.finishedAtMs),
    status: job.status,
    model: request.model,
    fine_tuned_model: job.fineTunedModel,
    training_file: request.trainingFile,
    validation_file: request.validationFile,
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters: { ...hyperparameters, ...own } } },
    trained_tokens: job.trainedTokens,
    error: job.error,
    result_files: job.resultFiles,
    estimated_finish: secondsOrNull(job.estimatedFinishMs),
    seed: job.seed,
    organization_id: 'amaas',
    integrations: [],
    metadata: Object.fromEntries(request.metadata), // own properties, also of __proto__
    suffix: request.suffix,
  };
}

export function encodeFineTuningEvent(event: DescribedEvent): object {
  const { id, createdAtMs, level, type, message, data } = event;
  return { id, object: 'fine_tuning.job.event', created_at: seconds(createdAtMs), level, type, message, data };
}

export function encodeFineTuningCheckpoint(checkpoint: DescribedCheckpoint): object {
  const { validationLoss, validationAccuracy } = checkpoint;
  return {
    id: checkpoint.id,
    object: 'fine_tuning.job.checkpoint',
    created_at: seconds(checkpoint.createdAtMs),
    fine_tuning_job_id: checkpoint.job,
    fine_tuned_model_checkpoint: checkpoint.model,
    step_number: checkpoint.step,
    metrics: {
      step: checkpoint.step,
      train_loss: checkpoint.trainLoss,
      train_mean_token_accuracy: checkpoint.trainAccuracy,
      // All held-out examples are measured every time: the value of some is the value of all.
      ...(validationLoss === null ? {} : { valid_loss: validationLoss, full_valid_loss: validationLoss }),
      ...(validationAccuracy === null
        ? {}
        : { valid_mean_token_accuracy: validationAccuracy, full_valid_mean_token_accuracy: validationAccuracy }),
    },
  };
}

function secondsOrNull(timeMs: number | null): number | null {
  return timeMs === null ? null : seconds(timeMs);
}
