// The client: puts the groups of calls together over one transport.
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import type { ServerStatus, VersionDetail } from '@amaas/protocols/admin';
import { type CallOptions, createAdminCall } from './admin-call.ts';
import { type ChatEvent, type ChatMessage, type ChatModel, type ChatOptions, createChat } from './chat.ts';
import { createDatasetsApi, type DatasetsApi } from './datasets.ts';
import { checkDeploy, type DeployFilesOptions, type DeployUrlOptions, deployFiles, deployUrl } from './deploy.ts';
import { createInference, type InferenceResult, type InferOptions } from './infer.ts';
import type { InferInputs } from './inputs.ts';
import { createJobsApi, type JobsApi } from './jobs.ts';
import { createKeysApi, type KeysApi } from './keys.ts';
import type { ModelMetadata } from './metadata.ts';
import { createModelsApi, type ModelsApi } from './models.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.ts';
import { type PullEvent, type PullOptions, pull } from './pull.ts';
import { createRunsApi, type RunsApi } from './runs.ts';
import { createTransport } from './transport.ts';

export interface ClientOptions {
  /** Address of the server, such as `https://models.example.com`. Default: AMAAS_URL where there is an environment, else http://127.0.0.1:8080. */
  readonly url?: string | undefined;
  /** Default: AMAAS_API_KEY where there is an environment, else none; `''`: none. */
  readonly apiKey?: string | undefined;
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** Longest a call may take, retries included, in milliseconds; default 60000: twice the server's own default limit of a run. Infinity: no limit. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** For tests. */
  readonly clock?: Clock;
  /** Uniform in [0, 1); for tests. */
  readonly random?: () => number;
}

/** Everything a server of amaas can be asked. Holds no connections of its own; there is nothing to close. */
export interface AmaasClient {
  /** The address calls go to, without a trailing slash. */
  readonly url: string;
  readonly models: ModelsApi;
  readonly keys: KeysApi;
  readonly datasets: DatasetsApi;
  readonly runs: RunsApi;
  readonly jobs: JobsApi;
  /**
   * Asks a model, `name`, `name:label` or `name@version`, for a prediction.
   *
   * `inputs` are either a Map of tensors, sent as they are, or an object of plain values (nested arrays, typed arrays,
   * `{ shape, data }`), made into tensors by the model's metadata, which are asked for once and kept.
   * @throws what the server refused (MODEL_NOT_FOUND, INVALID_ARGUMENT, QUEUE_FULL, …), TRANSPORT_FAILED, DEADLINE_EXCEEDED,
   *   CANCELLED; for plain values also INPUT_MISMATCH, INVALID_SHAPE, INVALID_ARGUMENT, UNSUPPORTED_TENSOR
   * @example
   * ```ts
   * import { createClient, tensorToNested } from '@amaas/client';
   * const client = createClient({ url: 'http://127.0.0.1:8080', apiKey: 'the key' });
   * const { outputs } = await client.infer('iris', { float_input: [[5.1, 3.5, 1.4, 0.2]] });
   * for (const [name, tensor] of outputs) console.log(name, tensorToNested(tensor));
   * ```
   */
  infer(model: string, inputs: InferInputs, options?: InferOptions): Promise<InferenceResult>;
  /**
   * Asks a language model, `name`, `name:label` or `name@version`, to answer a text or a conversation. Leaving the loop early
   * ends the work.
   * @throws what the server refused (MODEL_NOT_FOUND, CONTEXT_OVERFLOW, QUEUE_FULL, …), TRANSPORT_FAILED when the stream
   *   breaks off, CANCELLED
   * @example
   * ```ts
   * import { createClient } from '@amaas/client';
   * const client = createClient({ apiKey: 'the key' });
   * for await (const event of client.chat('story-teller', 'Once upon a time', { seed: 7 })) {
   *   if (event.type === 'text') console.log(event.text);
   * }
   * ```
   */
  chat(model: string, messages: string | readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<ChatEvent>;
  /** Language models that answer, and their labels. */
  chatModels(options?: CallOptions): Promise<readonly ChatModel[]>;
  /** What a model takes and gives. @throws MODEL_NOT_FOUND */
  metadata(model: string, options?: CallOptions): Promise<ModelMetadata>;
  /**
   * Uploads files the server does not have yet and deploys them as the next version of a model; resolves when quarantine
   * has admitted it.
   * @throws MODEL_REJECTED or INVALID_MODEL with the reason, NAME_TAKEN, STORAGE_FULL, FORBIDDEN, …
   * @example
   * ```ts
   * import { createClient } from '@amaas/client';
   * const client = createClient({ apiKey: 'the key' });
   * const content = new Uint8Array(await (await fetch('https://example.com/model.onnx')).arrayBuffer());
   * const version = await client.deploy({ name: 'resnet', files: [{ path: 'model.onnx', content }], labels: ['canary'] });
   * console.log(version.version, version.state);
   * ```
   */
  deploy(options: DeployFilesOptions): Promise<VersionDetail>;
  /** Has the server fetch a model from a URL and deploy it. @throws URL_REFUSED, FETCH_FAILED and as {@link AmaasClient.deploy} */
  deployUrl(options: DeployUrlOptions): Promise<VersionDetail>;
  /**
   * Has the server pull a model from its hub (Hugging Face or a mirror) and make it the next version of a model, unless the
   * newest one has the same files. A caller that stops listening ends it; the same call goes on where it was.
   * @throws INVALID_ARGUMENT for a reference that means nothing or several files, ARTIFACT_NOT_FOUND, FORBIDDEN for gated and
   *   private repositories, FETCH_FAILED, DIGEST_MISMATCH, STORAGE_FULL, CANCELLED and as {@link AmaasClient.deploy}
   * @example
   * ```ts
   * import { createClient } from '@amaas/client';
   * const client = createClient({ apiKey: 'the key' });
   * for await (const event of client.pull({ reference: 'hf:owner/repo:model-Q4_K_M.gguf', name: 'chat' })) {
   *   if (event.type === 'progress') console.log(event.doneBytes, event.totalBytes);
   *   if (event.type === 'done') console.log(event.version.version);
   * }
   * ```
   */
  pull(options: PullOptions): AsyncGenerator<PullEvent>;
  /** Whether {@link AmaasClient.deploy} would be allowed: before hours of training. @throws FORBIDDEN, INVALID_KEY, NAME_TAKEN, … */
  checkDeploy(model: string, options?: CallOptions): Promise<void>;
  /** The server's own state. Needs a key. */
  status(options?: CallOptions): Promise<ServerStatus>;
  /** Whether the server's process answers. Needs no key. @throws only CANCELLED */
  isLive(options?: CallOptions): Promise<boolean>;
  /** Whether the server takes requests. Needs no key. @throws only CANCELLED */
  isReady(options?: CallOptions): Promise<boolean>;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Makes a client.
 * @throws INVALID_ARGUMENT for a url or a number that cannot be
 * @example
 * ```ts
 * import { createClient } from '@amaas/client';
 * const client = createClient({ url: 'https://models.example.com', apiKey: 'the key', retry: { maxAttempts: 5 } });
 * for (const model of await client.models.list()) console.log(model.name, model.labels);
 * ```
 */
export function createClient(options: ClientOptions = {}): AmaasClient {
  const retry = { ...DEFAULT_RETRY, ...options.retry };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  assertAtLeast('retry.maxAttempts', retry.maxAttempts, 1);
  assertAtLeast('retry.baseDelayMs', retry.baseDelayMs, 0);
  assertAtLeast('retry.maxDelayMs', retry.maxDelayMs, 0);
  assertAtLeast('timeoutMs', timeoutMs, 0);
  const clock = options.clock ?? systemClock;
  const transport = createTransport({
    baseUrl: readBaseUrl(options.url ?? environment('AMAAS_URL') ?? DEFAULT_URL),
    apiKey: (options.apiKey ?? environment('AMAAS_API_KEY')) || undefined,
    // Browsers refuse a fetch that has lost its `this`.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    retry,
    timeoutMs,
    clock,
    random: options.random ?? Math.random,
  });
  const admin = createAdminCall(transport);

  async function answers(operation: string, path: string, call: CallOptions | undefined): Promise<boolean> {
    try {
      await transport.request({ operation, method: 'GET', path, repeatable: false, ...call });
      return true;
    } catch (thrown) {
      if (thrown instanceof AmaasError && thrown.code !== 'CANCELLED') return false;
      throw thrown;
    }
  }

  return {
    url: transport.baseUrl,
    models: createModelsApi(admin),
    keys: createKeysApi(admin),
    datasets: createDatasetsApi(transport, admin),
    runs: createRunsApi(transport, admin),
    jobs: createJobsApi(transport, admin, clock),
    ...createInference(transport),
    ...createChat(transport),
    deploy: (deployment) => deployFiles(transport, admin, deployment),
    deployUrl: (deployment) => deployUrl(admin, deployment),
    pull: (options) => pull(transport, options),
    checkDeploy: (model, call) => checkDeploy(admin, model, call),
    status: async (call) =>
      // The route's schema; the server's tests hold it to it.
      (await admin({ operation: 'status', method: 'GET', path: '/admin/v1/status', ...call })) as ServerStatus,
    isLive: (call) => answers('isLive', '/healthz', call),
    isReady: (call) => answers('isReady', '/readyz', call),
  };
}

function readBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const asked = `createClient: url must be http(s)://host[:port][/path]`;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AmaasError('INVALID_ARGUMENT', `${asked}, got ${JSON.stringify(text.slice(0, 200))}`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new AmaasError('INVALID_ARGUMENT', `${asked}, without a user, query or fragment; the key goes into apiKey`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

function assertAtLeast(name: string, value: number, least: number): void {
  if (typeof value === 'number' && value >= least) return;
  throw new AmaasError('INVALID_ARGUMENT', `createClient: ${name} must be at least ${least}, got ${value}`);
}

/** An environment variable, where there is an environment. */
function environment(name: string): string | undefined {
  const value = typeof process === 'object' ? process.env?.[name] : undefined;
  return value === '' ? undefined : value;
}
