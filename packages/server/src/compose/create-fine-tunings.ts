// Puts together what fine-tunes language models: which module its jobs run in their child process, and where it reports.
import { extname, join } from 'node:path';
import { FineTuningQueue, type FineTuningQueueParts } from '../fine-tuning/index.ts';
import type { Logger } from '../monitoring/index.ts';

const ENTRY = join(import.meta.dirname, `fine-tuning-job${extname(import.meta.filename)}`);

export function createFineTunings(
  parts: Omit<FineTuningQueueParts, 'entry' | 'onProblem'> & { readonly logger: Logger },
): Promise<FineTuningQueue> {
  const { logger, ...queue } = parts;
  return FineTuningQueue.open({
    ...queue,
    entry: ENTRY,
    onProblem: (fineTuning, what, err) => logger.error({ fineTuning, err }, what),
  });
}
