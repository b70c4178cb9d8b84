// Builds what pulls models from a hub, and lets it clear away what earlier pulls left behind.
import { type Clock, toAmaasError } from '@amaas/core';
import type { Admission } from '../admission/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { Config } from '../config/index.ts';
import { HubClient, HubPuller, type PullEnd } from '../hub/index.ts';
import type { Logger } from '../monitoring/index.ts';
import type { Registry } from '../registry/index.ts';

export function createPuller(parts: {
  readonly config: Config;
  readonly directory: string;
  readonly admission: Admission;
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly settle: (model: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}): HubPuller {
  const { config, clock, logger, ...rest } = parts;
  const client = new HubClient({
    hubUrl: config.hubUrl.replace(/\/+$/, ''),
    token: config.hubToken ?? null,
    clock,
    policy: {
      allowPrivate: config.allowPrivateUrls,
      maxBytes: config.urlMaxBytes,
      timeoutMs: config.urlTimeoutMs,
      stallTimeoutMs: config.urlStallTimeoutMs,
    },
  });
  const puller = new HubPuller({
    ...rest,
    client,
    clock,
    random: Math.random,
    limits: { maxModelBytes: config.maxModelBytes, maxFileBytes: config.urlMaxBytes },
    isOffline: config.offline,
    onEnd: (reference, end) => logEnd(logger, reference, end),
  });
  puller.removeStale().catch((err: unknown) => logger.warn({ err }, 'what old pulls left could not be removed'));
  return puller;
}

function logEnd(logger: Logger, reference: string, end: PullEnd): void {
  if (end.type === 'done') {
    const { model, version, lineage } = end.version;
    const said = end.unchanged ? 'a pull brought what was here' : 'a version was pulled';
    logger.info({ model, version, source: lineage.source, by: lineage.deployedBy }, said);
    return;
  }
  const error = toAmaasError(end.error);
  // Once a reply streams, nobody but whoever asked would hear of it.
  if (error.reason === 'INTERNAL') logger.error({ reference, err: error.cause ?? error }, 'a pull failed');
  else logger.info({ reference, reason: error.reason }, `a pull ended: ${error.publicMessage}`);
}
