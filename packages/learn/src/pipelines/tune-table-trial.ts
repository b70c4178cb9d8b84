// One trial of a table's study: trains its candidate, tells the study the validation loss after every epoch, and stops
// when told to. Takes and gives plain data, so that it can run in another thread.
import type { CheckpointStore } from '../train/index.ts';
import type { Decision, TrialReport } from '../tune/index.ts';
import { type CandidateTraining, type TableCandidate, trainTableCandidate } from './table-candidate.ts';

/** What a trial is to do. */
export interface TableTrialTask {
  readonly trial: number;
  /** Its checkpoints are kept under this name. */
  readonly checkpoint: string;
  readonly candidate: Pick<TableCandidate, 'name' | 'options'>;
  /** The last report of a run that was interrupted. */
  readonly reported: TrialReport | null;
}

/** What a study has of a trial besides its reports; the model is in the checkpoint. */
export interface TableTrialResult {
  readonly validationLoss: number;
}

/** What a trial is given while it runs. */
export interface TableTrialHooks {
  /** Takes the best validation loss up to an epoch, which is that of the model the trial would give if it ended there. */
  readonly report: (epoch: number, validationLoss: number) => Decision | Promise<Decision>;
  readonly signal: AbortSignal;
}

/** Runs a trial somewhere. */
export type TrainTableTrial = (task: TableTrialTask, hooks: TableTrialHooks) => Promise<TableTrialResult>;

/**
 * Trains a trial in the calling thread. A trial that was interrupted goes on from its checkpoint and ends as one that
 * never was.
 * @throws TRAINING_DIVERGED; CANCELLED; INVALID_CHECKPOINT
 */
export async function trainTableTrial(
  { candidate, reported }: TableTrialTask,
  training: Omit<CandidateTraining, 'onEpoch' | 'shouldStop' | 'checkpoint'> & {
    readonly report: TableTrialHooks['report'];
    readonly checkpoint: CheckpointStore;
  },
): Promise<TableCandidate> {
  const { report, ...rest } = training;
  let best = reported?.value ?? Number.POSITIVE_INFINITY;
  let stopEpoch = reported?.decision === 'stop' ? reported.resource : null;
  return trainTableCandidate(candidate, {
    ...rest,
    onEpoch: async ({ epoch, values }) => {
      best = Math.min(best, values['validation loss'] ?? Number.NaN);
      if ((await report(epoch, best)) === 'stop') stopEpoch = epoch;
    },
    shouldStop: ({ epoch }) => epoch === stopEpoch,
  });
}
