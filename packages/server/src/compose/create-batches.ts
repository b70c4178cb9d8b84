// Puts together what works off batches of requests: how many at once a model is asked, and that they go the way of all
// requests, in the name of the key that left them here.
import { type Clock, parseModelReference } from '@amaas/core';
import type { BlobStore } from '../artifacts/index.ts';
import { Batches, type Files, type RunLine } from '../batches/index.ts';
import type { DataPlane, ServedLanguageModel } from '../dataplane/index.ts';
import type { Gateway } from '../gateway/index.ts';
import type { LocalCalls } from '../http/index.ts';
import type { Logger, Metrics } from '../monitoring/index.ts';
import type { Database } from '../storage/index.ts';

/** For models that join requests themselves, and those that are not in memory yet. */
const USUAL_SLOTS = 4;

export function createBatches(parts: {
  readonly database: Database;
  readonly files: Files;
  readonly blobs: BlobStore;
  readonly directory: string;
  readonly clock: Clock;
  readonly maxLineBytes: number;
  readonly dataPlane: DataPlane;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): Promise<Batches> {
  const { dataPlane, metrics, logger } = parts;
  return Batches.open({
    ...parts,
    slotsFor: (model) => slotsFor(dataPlane, model),
    onProblem: (batch, what, err) => logger.error({ batch, err }, what),
    onEnded({ id, state, counts }) {
      metrics.recordEndedBatch(state);
      logger.info({ batch: id, ...counts }, `a batch ended: ${state}`);
    },
  });
}

/** How the lines of batches become requests like any other. */
export function createRunLine(parts: {
  readonly calls: LocalCalls;
  readonly gateway: Gateway;
  readonly clock: Clock;
}): RunLine {
  const { calls, gateway, clock } = parts;
  return ({ owner, path, body, signal }) =>
    calls.call({ path, body, signal, identify: () => gateway.principalOf(owner, clock.wallTime().getTime()) });
}

/** One sequence of a language model stays free for those who wait for their answer; while such wait, all others do. */
function slotsFor(dataPlane: DataPlane, model: string): number {
  const served = languageModel(dataPlane, model);
  if (served === null) return USUAL_SLOTS;
  if (served.queueDepth > 0) return 1;
  const parallel = served.residency.facts?.parallel ?? served.record.manifest.language?.parallel ?? USUAL_SLOTS;
  return Math.max(1, parallel - 1);
}

function languageModel(dataPlane: DataPlane, model: string): ServedLanguageModel | null {
  try {
    return dataPlane.resolveLanguage(parseModelReference(model));
  } catch {
    return null; // there is none of that name, or not one of language; the requests will say so
  }
}
