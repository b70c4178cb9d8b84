// Our side of the training benches: per workload, what compiles the training graph and steps it. Runs in Node and in
// browsers, so that it gets its executor and imports nothing that either lacks.
import type { Executor } from '@amaas/core';
import type { WorkloadName } from './workloads.ts';

/** A training under way; it takes its batches in turn by itself. */
export interface OurTraining {
  /** Does `steps` steps and gives the loss of the last. */
  step(steps: number): Promise<number>;
}

export type OurWorkload = (executor: Executor, threads: number) => Promise<OurTraining>;

/** Workloads that are not here yet are left out of the table. */
export const OUR_WORKLOADS: ReadonlyMap<WorkloadName, OurWorkload> = new Map();
