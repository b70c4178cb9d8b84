// The state of the server as `GET /admin/v1/status` and `amaas doctor` show it.
import type { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Engine } from '@amaas/core';
import type { ServerStatus } from '@amaas/protocols/admin';
import type { Config } from '../config/index.ts';
import type { DataPlane, VersionState } from '../dataplane/index.ts';
import type { DialectName } from '../storage/index.ts';
import { SERVER_VERSION } from './identity.ts';

export interface StatusParts {
  readonly config: Config;
  readonly engine: Engine;
  readonly dataPlane: DataPlane;
  readonly dialect: DialectName;
  readonly startedAt: Date;
  readonly loopDelay: ReturnType<typeof monitorEventLoopDelay>;
}

const NANOSECONDS_PER_MS = 1e6;

export function createStatus(parts: StatusParts): () => Promise<ServerStatus> {
  const { config, engine, dataPlane, dialect, startedAt, loopDelay } = parts;
  return async () => {
    const memory = process.memoryUsage();
    const states = dataPlane
      .modelNames()
      .flatMap((name) => (dataPlane.versionsOf(name) ?? []).map((status) => status.state));
    const count = (...wanted: readonly VersionState[]) => states.filter((state) => wanted.includes(state)).length;
    return {
      name: 'amaas',
      version: SERVER_VERSION,
      startedAt: startedAt.toISOString(),
      ready: dataPlane.isReady,
      node: process.version,
      engine: {
        name: engine.name,
        version: engine.version,
        executionProviders: [...(await engine.listExecutionProviders())],
      },
      database: dialect,
      dataDir: config.dataDir,
      modelsDir: config.modelsDir,
      models: { ready: count('READY'), loading: count('LOADING'), failed: count('FAILED', 'REJECTED') },
      memory: { residentBytes: memory.rss, heapBytes: memory.heapUsed },
      eventLoopDelayMaxMs: loopDelay.max / NANOSECONDS_PER_MS,
    };
  };
}
