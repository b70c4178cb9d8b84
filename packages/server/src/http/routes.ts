// Puts the families of routes together into the server's one request handler.
import type { Clock } from '@amaas/core';
import type { ServerStatus } from '@amaas/protocols/admin';
import type { Admission } from '../admission/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type { Batches, Files } from '../batches/index.ts';
import type { CodecPool } from '../codec/index.ts';
import type { DataPlane } from '../dataplane/index.ts';
import type { FetchedUrl, Gateway } from '../gateway/index.ts';
import type { HubPuller } from '../hub/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Logger, Metrics, ModelRecorder } from '../monitoring/index.ts';
import type { Registry } from '../registry/index.ts';
import type { ResponseStore } from '../responses/index.ts';
import { createAdminFamily } from './admin/admin-family.ts';
import { createAnthropicFamily } from './anthropic/index.ts';
import { createCorsPolicy } from './cors.ts';
import type { RouteFamily } from './family.ts';
import { createFineTuningFamily, type FineTunings } from './fine-tuning/index.ts';
import { createFilesFamily } from './files/index.ts';
import { createHandler, type Handler } from './handler.ts';
import { createModerationsFamily } from './moderations/index.ts';
import { createOipFamily } from './oip/oip-family.ts';
import { createOllamaFamily } from './ollama/index.ts';
import { createOpenAiFamily } from './openai/openai-family.ts';
import { createUnknownOpenAiFamily } from './openai/unknown-family.ts';
import { describeRoutes, type OpenApiDescription } from './openapi.ts';
import { createOperationsFamily } from './operations/operations-family.ts';
import { createRerankFamily } from './rerank/index.ts';
import type { RequestsUnderWay } from './requests-under-way.ts';
import { createResponsesFamily } from './responses/index.ts';
import { createTfsFamily } from './tfs/tfs-family.ts';

export interface RoutesParts {
  readonly limits: {
    readonly maxRequestBytes: number;
    readonly maxModelBytes: number;
    readonly maxDatasetBytes: number;
  };
  readonly corsOrigins: readonly string[];
  readonly gateway: Gateway;
  readonly registry: Registry;
  readonly blobs: BlobStore;
  readonly admission: Admission;
  readonly jobs: Jobs;
  readonly fineTunings: FineTunings;
  readonly files: Files;
  readonly batches: Batches;
  readonly puller: HubPuller;
  readonly responses: ResponseStore;
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly codec: CodecPool;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly underWay: RequestsUnderWay;
  readonly status: () => Promise<ServerStatus>;
  readonly server: { readonly name: string; readonly version: string };
  readonly fetchUrl: (url: string, signal: AbortSignal) => Promise<FetchedUrl>;
}

/** As large as OpenAI takes them: whoever may ask models may upload. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** The families, in the order in which they are asked whether a path is theirs; the last owns what is left. */
export function createFamilies(parts: RoutesParts): readonly RouteFamily[] {
  const { maxRequestBytes, maxModelBytes, maxDatasetBytes } = parts.limits;
  const families: RouteFamily[] = [
    createOipFamily({ ...parts, maxRequestBytes }),
    createOllamaFamily({ ...parts, maxRequestBytes }),
    createOpenAiFamily(parts),
    createFineTuningFamily(parts),
    createResponsesFamily({ ...parts, maxRequestBytes }),
    createAnthropicFamily({ ...parts, maxRequestBytes }),
    createFilesFamily({ ...parts, maxFileBytes: Math.min(maxDatasetBytes, MAX_FILE_BYTES) }),
    createModerationsFamily({ ...parts, maxRequestBytes }),
    createRerankFamily({ ...parts, maxRequestBytes }),
    createTfsFamily({ ...parts, maxRequestBytes }),
    createUnknownOpenAiFamily(),
    createAdminFamily({ ...parts, maxModelBytes, maxDatasetBytes }),
  ];
  let description: OpenApiDescription | null = null;
  families.push(
    createOperationsFamily({
      dataPlane: parts.dataPlane,
      renderMetrics: () => parts.metrics.render(),
      openApi() {
        description ??= describeRoutes(families, parts.server);
        return description;
      },
    }),
  );
  return families;
}

export function createRoutes(parts: RoutesParts): Handler {
  const { gateway, metrics, logger, clock, underWay } = parts;
  return createHandler({
    families: createFamilies(parts),
    gateway,
    metrics,
    cors: createCorsPolicy(parts.corsOrigins),
    logger,
    clock,
    underWay,
  });
}
