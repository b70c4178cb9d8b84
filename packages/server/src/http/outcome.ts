// Tells the recorder of a version how a request to it ended.
import { type InferenceTiming, toAmaasError } from '@amaas/core';
import type { ModelRecorder } from '../monitoring/index.ts';
import type { Exchange } from './exchange.ts';

export function recordSuccess(
  recorder: ModelRecorder,
  exchange: Exchange,
  outcome: { readonly protocol: string; readonly timing: InferenceTiming },
): void {
  exchange.isRecorded = true;
  const { queueMs, computeMs } = outcome.timing;
  recorder.recordRequest({ protocol: outcome.protocol, code: 'OK', queueMs, computeMs, totalMs: exchange.elapsedMs() });
}

export function recordFailure(
  recorder: ModelRecorder,
  exchange: Exchange,
  outcome: { readonly protocol: string; readonly thrown: unknown },
): void {
  exchange.isRecorded = true;
  const { code } = toAmaasError(outcome.thrown);
  recorder.recordRequest({ protocol: outcome.protocol, code, queueMs: 0, computeMs: 0, totalMs: exchange.elapsedMs() });
}
