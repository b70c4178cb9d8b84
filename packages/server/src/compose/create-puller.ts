// Builds what pulls models from a hub, and lets it clear away what earlier pulls left behind.
import type { Clock } from '@amaas/core';
import type { Admission } from '../admission/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { Config } from '../config/index.ts';
import { HubClient, HubPuller } from '../hub/index.ts';
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
  });
  puller.removeStale().catch((err: unknown) => logger.warn({ err }, 'what old pulls left could not be removed'));
  return puller;
}
