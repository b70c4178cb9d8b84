// What an epoch leaves behind for people, monitors and checkpoints.

/**
 * Numbers of one epoch. Names: `loss` (weighted mean, without penalties on weights), each metric, and both with
 * `validation ` in front.
 */
export interface EpochRecord {
  /** 1 at the first. */
  readonly epoch: number;
  readonly values: Readonly<Record<string, number>>;
  readonly learningRate: number;
}
