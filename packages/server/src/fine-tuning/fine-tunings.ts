// What callers may do with fine-tunings, and what they are told.
import type {
  DescribedCheckpoint,
  DescribedEvent,
  DescribedFineTuning,
  FineTuningRequest,
} from '@amaas/protocols/fine-tuning';
import type { Principal } from '../gateway/index.ts';

/** Which part of a list is wanted: `limit` items behind the one called `after`. */
export interface FineTuningPageRequest {
  readonly after: string | null;
  readonly limit: number;
}

export interface FineTuningPage<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

/** Fine-tunings; a key sees its own, a key that administers the server all. Lists have the newest first. */
export interface FineTunings {
  /**
   * On disk when it resolves; the files are read by the job.
   * @throws what cannot be seen before training: MODEL_NOT_FOUND and the like, INVALID_MODEL for a model of another kind,
   *   ARTIFACT_NOT_FOUND, DATASET_NOT_FOUND, FORBIDDEN, QUEUE_FULL, STORAGE_FULL
   */
  create(request: FineTuningRequest, principal: Principal): Promise<DescribedFineTuning>;
  /** @throws JOB_NOT_FOUND, as do all that follow */
  get(id: string, principal: Principal): Promise<DescribedFineTuning>;
  /** @param metadata - pairs that all must be there */
  list(
    page: FineTuningPageRequest & { readonly metadata: readonly (readonly [name: string, value: string])[] },
    principal: Principal,
  ): Promise<FineTuningPage<DescribedFineTuning>>;
  /** @throws JOB_ENDED */
  cancel(id: string, principal: Principal): Promise<DescribedFineTuning>;
  /** @throws JOB_ENDED */
  pause(id: string, principal: Principal): Promise<DescribedFineTuning>;
  /** @throws JOB_ENDED, INVALID_ARGUMENT where it is not paused, QUEUE_FULL */
  resume(id: string, principal: Principal): Promise<DescribedFineTuning>;
  events(id: string, page: FineTuningPageRequest, principal: Principal): Promise<FineTuningPage<DescribedEvent>>;
  checkpoints(
    id: string,
    page: FineTuningPageRequest,
    principal: Principal,
  ): Promise<FineTuningPage<DescribedCheckpoint>>;
}
