// The Open Inference Protocol over HTTP: thin glue between the codec in protocols/oip and the data plane.
import {
  AmaasError,
  isName,
  type ModelReference,
  type NamedTensors,
  parseModelReference,
  type Tensor,
} from '@amaas/core';
import {
  classify,
  type DecodedInferRequest,
  decodeIndexRequest,
  decodeLoadRequest,
  decodeRawBinaryRequest,
  decodeUnloadRequest,
  type EncodedReply,
  encodeModelList,
  encodeModelMetadata,
  encodeModelReady,
  encodeOipError,
  encodeRepositoryIndex,
  encodeServerLive,
  encodeServerMetadata,
  encodeServerReady,
  encodeStatistics,
  matchOipRoute,
  type OipRoute,
  ONNX_PLATFORM,
  parseHeaderLength,
  type RequestedOutput,
  type RepositoryState,
} from '@amaas/protocols/oip';
import { encodeTritonConfig } from '@amaas/protocols/triton-config';
import type { CodecPool } from '../../codec/index.ts';
import type { AnyServed, DataPlane, ServedVersion, VersionState } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import { DEFAULT_POLICY, type Registry, type VersionPolicy } from '../../registry/index.ts';
import { type ReceivedBody, readBody } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { generate } from './oip-generate.ts';
import { GENERATE_SCHEMAS } from './oip-generate-routes.ts';
import { LANGUAGE_PLATFORM, languageConfigOf, type ServingPolicy, TEXT_SIGNATURE } from './oip-language.ts';
import { accessOf, HEADER_LENGTH, OIP_ROUTE_DESCRIPTIONS } from './oip-routes.ts';
import { OIP_SCHEMAS } from './oip-schemas.ts';

export interface OipParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly registry: Registry;
  readonly codec: CodecPool;
  readonly server: { readonly name: string; readonly version: string };
  readonly maxRequestBytes: number;
}

/** Repository bodies are a few parameters; files inside load requests are refused. */
const MAX_REPOSITORY_BODY_BYTES = 1024 * 1024;

export function createOipFamily(parts: OipParts): RouteFamily {
  return {
    name: 'oip',
    routes: OIP_ROUTE_DESCRIPTIONS,
    schemas: { ...OIP_SCHEMAS, ...GENERATE_SCHEMAS },
    errorSchema: 'ErrorText',
    owns: (path) => path === '/v2' || path.startsWith('/v2/'),
    match(method, path): MatchedRoute {
      const route = matchOipRoute(method, path);
      const model = 'model' in route && route.model !== null ? referenceOf(route.model, null).model : undefined;
      return {
        access: accessOf(route.kind),
        ...(model === undefined ? {} : { model }),
        run: (exchange) => run(parts, exchange, route),
      };
    },
    sendError(exchange, error) {
      const { status, body } = encodeOipError(error);
      exchange.send(status, 'application/json', [body]);
    },
  };
}

function run(parts: OipParts, exchange: Exchange, route: OipRoute): Promise<void> | void {
  const { dataPlane } = parts;
  switch (route.kind) {
    case 'infer':
      return infer(parts, exchange, referenceOf(route.model, route.version));
    case 'generate':
    case 'generate-stream':
      return generate(parts, exchange, { ...route, reference: referenceOf(route.model, route.version) });
    case 'server-live':
      return sendHealth(exchange, encodeServerLive());
    case 'server-ready':
      return sendHealth(exchange, encodeServerReady(dataPlane.isReady));
    case 'server-metadata':
      return sendJson(exchange, encodeServerMetadata(parts.server));
    case 'model-list':
      return sendJson(exchange, encodeModelList(visibleNames(dataPlane, exchange)));
    case 'model-ready':
      return sendHealth(
        exchange,
        encodeModelReady(route.model, isReady(dataPlane, referenceOf(route.model, route.version))),
      );
    case 'model-metadata':
      return sendJson(exchange, metadataOf(dataPlane, dataPlane.resolveAny(referenceOf(route.model, route.version))));
    case 'model-config':
      return sendConfig(parts, exchange, referenceOf(route.model, route.version));
    case 'statistics':
      return sendJson(exchange, statisticsOf(dataPlane, exchange, route));
    case 'repository-index':
      return repositoryIndex(parts, exchange);
    case 'repository-load':
    case 'repository-unload':
      return changeRepository(parts, exchange, route);
    default:
      return route satisfies never;
  }
}

/** The path's model segment may be `name:label` or `name@version`; a version of the path itself wins. */
function referenceOf(segment: string, version: number | null): ModelReference {
  if (isName(segment)) return version === null ? { model: segment } : { model: segment, version };
  try {
    const reference = parseModelReference(segment);
    return version === null ? reference : { model: reference.model, version };
  } catch {
    return { model: segment }; // a name no model can have: unknown, as Triton says of it
  }
}

async function infer(parts: OipParts, exchange: Exchange, reference: ModelReference): Promise<void> {
  let served = parts.dataPlane.resolve(reference);
  try {
    const header = exchange.header(HEADER_LENGTH);
    const announced = header === undefined ? null : parseHeaderLength(header, parts.maxRequestBytes);
    const body = await readBody(exchange.request, { maxBytes: parts.maxRequestBytes, headerLength: announced });
    const decoded = isPicture(exchange)
      ? decodePicture(served, { body, announced })
      : decodeBody(parts, served, { body, announced });
    const request = decoded instanceof Promise ? await decoded : decoded;
    served = parts.dataPlane.resolve(reference); // another version may have taken over while the body arrived
    const result = await served.infer({
      inputs: request.inputs,
      signal: exchange.gone,
      mayTransfer: body.isOwned,
      ...(request.requestedOutputs === null ? {} : { outputs: request.requestedOutputs.map((output) => output.name) }),
      ...(request.priority === undefined ? {} : { priority: request.priority }),
      ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    });
    const encoding = encodeReply(parts, served, { request, outputs: result.outputs });
    const reply = encoding instanceof Promise ? await encoding : encoding;
    const headers = reply.headerLength === null ? NO_HEADERS : { [HEADER_LENGTH]: String(reply.headerLength) };
    exchange.send(200, reply.contentType, reply.parts, headers);
    recordSuccess(served.recorder, exchange, { protocol: 'oip', timing: result.timing });
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: 'oip', thrown });
    throw thrown;
  }
}

const NO_HEADERS = {};

interface Received {
  readonly body: ReceivedBody;
  /** What `Inference-Header-Content-Length` says. */
  readonly announced: number | null;
}

function isPicture(exchange: Exchange): boolean {
  return exchange.header('content-type')?.startsWith('image/') ?? false;
}

/** A body that is nothing but the picture for the only input. Our own extension: what `curl --data-binary` can send. */
function decodePicture(served: ServedVersion, { body, announced }: Received): DecodedInferRequest {
  if (served.pictureInputs.size === 0) {
    throw new AmaasError(
      'UNSUPPORTED_MEDIA_TYPE',
      `infer: model "${served.name}" takes no pictures: its manifest declares no preprocess`,
    );
  }
  const inputs = served.signature().inputs.map((spec) => ({ ...spec, dtype: 'string', shape: [1] }) as const);
  return { ...decodeRawBinaryRequest(body.bytes, inputs, served.name), binaryOutputDefault: announced === 0 };
}

function decodeBody(
  parts: OipParts,
  served: ServedVersion,
  received: Received,
): DecodedInferRequest | Promise<DecodedInferRequest> {
  const { announced } = received;
  const { bytes: body, isOwned } = received.body;
  if (announced === 0) return decodeRawBinaryRequest(body, served.signature().inputs, served.name);
  const headerLength = announced === null ? null : parseHeaderLength(String(announced), body.byteLength);
  const jsonBytes = headerLength ?? body.byteLength;
  return parts.codec.run(
    'decodeOip',
    { body, headerLength, model: served.name },
    { bytes: jsonBytes, transfer: isOwned ? [body.buffer] : [] },
  );
}

function encodeReply(
  parts: OipParts,
  served: ServedVersion,
  answer: { readonly request: DecodedInferRequest; readonly outputs: NamedTensors },
): EncodedReply | Promise<EncodedReply> {
  const { requestedOutputs: requested, binaryOutputDefault, id } = answer.request;
  const classified = requested?.some((output) => output.classification > 0) ?? false;
  const outputs = classified ? withClasses(served, answer.outputs, requested ?? []) : answer.outputs;
  const version = String(served.version);
  return parts.codec.run(
    'encodeOip',
    { model: served.name, version, id, outputs, requested, binaryDefault: binaryOutputDefault },
    { bytes: jsonBytesOf(outputs, requested, binaryOutputDefault) },
  );
}

/** About how many bytes of JSON the outputs take that do not leave in binary. */
function jsonBytesOf(
  outputs: NamedTensors,
  requested: readonly RequestedOutput[] | null,
  binaryDefault: boolean,
): number {
  if (requested === null && binaryDefault) return 0;
  let bytes = 0;
  for (const [name, tensor] of outputs) {
    const isBinary = requested?.find((output) => output.name === name)?.binary ?? binaryDefault;
    if (!isBinary && tensor.dtype !== 'string') bytes += tensor.data.byteLength * JSON_BYTES_PER_BYTE;
  }
  return bytes;
}

/** A float32 of four bytes takes about twelve characters. */
const JSON_BYTES_PER_BYTE = 3;

/** Replaces the outputs for which classes were asked by "score:index:label" texts. */
function withClasses(
  served: ServedVersion,
  outputs: NamedTensors,
  requested: readonly RequestedOutput[],
): NamedTensors {
  const replaced = new Map(outputs);
  for (const { name, classification } of requested) {
    const tensor = outputs.get(name);
    if (tensor !== undefined && classification > 0) replaced.set(name, classifyOutput(served, tensor, classification));
  }
  return replaced;
}

function classifyOutput(served: ServedVersion, tensor: Tensor, classes: number): Tensor {
  const labels = classLabels(served);
  return classify(tensor, classes, labels === undefined ? {} : { labels });
}

function classLabels(served: ServedVersion): readonly string[] | undefined {
  const { labels } = served.record.manifest;
  return typeof labels === 'string' ? undefined : labels;
}

function isReady(dataPlane: DataPlane<ModelRecorder>, reference: ModelReference): boolean {
  try {
    dataPlane.resolveAny(reference);
    return true;
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.reason === 'MODEL_NOT_READY') return false;
    throw thrown;
  }
}

function metadataOf(dataPlane: DataPlane<ModelRecorder>, served: AnyServed<ModelRecorder>): Uint8Array {
  const { inputs, outputs } = served.kind === 'language' ? TEXT_SIGNATURE : served.signature();
  const ready = (dataPlane.versionsOf(served.name) ?? []).filter((status) => status.state === 'READY');
  return encodeModelMetadata({
    name: served.name,
    versions: ready.map((status) => String(status.version)),
    platform: served.kind === 'language' ? LANGUAGE_PLATFORM : ONNX_PLATFORM,
    inputs,
    outputs,
  });
}

async function sendConfig(parts: OipParts, exchange: Exchange, reference: ModelReference): Promise<void> {
  const served = parts.dataPlane.resolveAny(reference);
  const policy = servingPolicy((await parts.registry.getModel(served.name))?.policy ?? DEFAULT_POLICY);
  sendJson(exchange, served.kind === 'language' ? languageConfigOf(served, policy) : configOf(served, policy));
}

function configOf(served: ServedVersion, versionPolicy: ServingPolicy): Uint8Array {
  const { inputs, outputs } = served.signature();
  const { plan } = served;
  const config = encodeTritonConfig({
    name: served.name,
    maxBatchSize: plan.batchingOff === null ? plan.batch.maxRows : 0,
    inputs,
    outputs,
    instances: plan.instances,
    ...(plan.batchingOff === null
      ? { dynamicBatching: { preferredSizes: plan.batch.preferredRows, maxDelayMs: plan.batch.maxDelayMs } }
      : {}),
    versionPolicy,
  });
  return Buffer.from(JSON.stringify(config));
}

function visibleNames(dataPlane: DataPlane<ModelRecorder>, exchange: Exchange): readonly string[] {
  return dataPlane.modelNames().filter((name) => exchange.principal?.allowsModel(name) ?? false);
}

/** The policy behind a suspension. */
function servingPolicy(policy: VersionPolicy): ServingPolicy {
  return policy.kind === 'none' ? servingPolicy(policy.resume) : policy;
}

function statisticsOf(
  dataPlane: DataPlane<ModelRecorder>,
  exchange: Exchange,
  route: { readonly model: string | null; readonly version: number | null },
): Uint8Array {
  const reference = route.model === null ? null : referenceOf(route.model, route.version);
  if (reference !== null) dataPlane.resolveAny(reference);
  const chosen = [...dataPlane.served(), ...dataPlane.servedLanguage()]
    .filter((served) => exchange.principal?.allowsModel(served.name) ?? false)
    .filter(
      (served) =>
        reference === null ||
        (served.name === reference.model && (reference.version === undefined || served.version === reference.version)),
    );
  return encodeStatistics(
    chosen.map((served) => ({
      ...served.recorder.readStatistics(),
      memory: [{ type: 'CPU', id: 0, byteSize: served.memoryBytes }],
    })),
  );
}

const REPOSITORY_STATES: Readonly<Record<VersionState, RepositoryState>> = {
  LOADING: 'LOADING',
  READY: 'READY',
  UNLOADING: 'UNLOADING',
  UNLOADED: 'UNAVAILABLE',
  FAILED: 'UNAVAILABLE',
  REJECTED: 'UNAVAILABLE',
};

async function repositoryIndex(parts: OipParts, exchange: Exchange): Promise<void> {
  const { readyOnly } = decodeIndexRequest(
    (await readBody(exchange.request, { maxBytes: MAX_REPOSITORY_BODY_BYTES })).bytes,
  );
  const { dataPlane } = parts;
  const entries = visibleNames(dataPlane, exchange).flatMap((name) =>
    (dataPlane.versionsOf(name) ?? []).map((status) => ({
      model: name,
      version: status.version,
      state: REPOSITORY_STATES[status.state],
      reason: status.reason ?? '',
    })),
  );
  sendJson(exchange, encodeRepositoryIndex(readyOnly ? entries.filter((entry) => entry.state === 'READY') : entries));
}

async function changeRepository(
  parts: OipParts,
  exchange: Exchange,
  route: { readonly kind: 'repository-load' | 'repository-unload'; readonly model: string },
): Promise<void> {
  const { bytes: body } = await readBody(exchange.request, { maxBytes: MAX_REPOSITORY_BODY_BYTES });
  if (route.kind === 'repository-unload') {
    decodeUnloadRequest(body);
    // Unloading what is not there succeeds, and nobody waits for the end of it: Triton's rule.
    if ((await parts.registry.getModel(route.model)) !== null) await parts.registry.suspend(route.model);
    exchange.sendEmpty(200);
    return;
  }
  const request = decodeLoadRequest(body);
  if (request.config !== null || request.files.size > 0) {
    throw new AmaasError(
      'UNSUPPORTED_FEATURE',
      'load: the parameters "config" and "file:" are not supported; deploy a version instead',
    );
  }
  if ((await parts.registry.getModel(route.model)) === null) {
    throw new AmaasError('MODEL_NOT_FOUND', `failed to load '${route.model}', failed to poll from model repository`);
  }
  await parts.registry.resume(route.model);
  await parts.dataPlane.settle(route.model, { retryFailed: true });
  parts.dataPlane.resolveAny({ model: route.model });
  exchange.sendEmpty(200);
}

function sendJson(exchange: Exchange, body: Uint8Array): void {
  exchange.send(200, 'application/json', [body]);
}

function sendHealth(exchange: Exchange, health: { readonly status: number; readonly body: Uint8Array }): void {
  exchange.send(health.status, 'application/json', [health.body]);
}
