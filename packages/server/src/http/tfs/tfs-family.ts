// TensorFlow Serving's REST API: thin glue between the codec in protocols/tfs and the data plane.
import { AmaasError, type NamedTensors } from '@amaas/core';
import {
  encodeError,
  encodeMetadata,
  encodeStatus,
  matchTfsRoute,
  type TfsInferenceKind,
  type TfsRoute,
} from '@amaas/protocols/tfs';
import type { CodecPool } from '../../codec/index.ts';
import type { DataPlane, ServedVersion } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import { type ReceivedBody, readBody } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import { TFS_ROUTES } from './tfs-routes.ts';
import { TFS_SCHEMAS } from './tfs-schemas.ts';
import { versionStates } from './version-states.ts';

export interface TfsParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly codec: CodecPool;
  readonly maxRequestBytes: number;
}

const BELOW_MODELS = /^\/v1\/models\//i;

export function createTfsFamily(parts: TfsParts): RouteFamily {
  return {
    name: 'tfs',
    routes: TFS_ROUTES,
    schemas: TFS_SCHEMAS,
    errorSchema: 'ErrorText',
    owns: (path) => BELOW_MODELS.test(path),
    match(method, path): MatchedRoute {
      const route = matchTfsRoute(method, path);
      if (route === null) throw new AmaasError('ROUTE_NOT_FOUND', 'Not Found');
      const isInference = route.kind !== 'status' && route.kind !== 'metadata';
      return {
        access: isInference ? 'infer' : 'read',
        model: route.target.model,
        run: (exchange) => run(parts, exchange, route),
      };
    },
    sendError(exchange, error) {
      const { status, body } = encodeError(error, routeOf(exchange));
      exchange.sendText(status, 'application/json', body);
    },
  };
}

/** The route behind a failed request, whose words the error shall use; undefined when there was none. */
function routeOf(exchange: Exchange): TfsRoute | undefined {
  try {
    return matchTfsRoute(exchange.method, exchange.path) ?? undefined;
  } catch {
    return undefined; // not matching is what the error is about
  }
}

function run(parts: TfsParts, exchange: Exchange, route: TfsRoute): Promise<void> | void {
  switch (route.kind) {
    case 'predict':
      return predict(parts, exchange, route);
    case 'classify':
    case 'regress':
      return examples(parts, exchange, { ...route, kind: route.kind });
    case 'status':
      return exchange.sendText(200, 'application/json', statusOf(parts.dataPlane, route));
    case 'metadata':
      return exchange.sendText(200, 'application/json', metadataOf(parts.dataPlane.resolve(route.target)));
    default:
      return route.kind satisfies never;
  }
}

async function predict(parts: TfsParts, exchange: Exchange, route: TfsRoute): Promise<void> {
  await answer(parts, exchange, route, async (served, body) => {
    const { textSignatures: signatures, pictureInputs: encoded, textInputs: texts } = served;
    const args = { body: body.bytes, signatures, stringInputs: { encoded, texts } };
    const request = await parts.codec.run('decodeTfs', args, weightOf(body));
    const { format } = request;
    return {
      request,
      encode: (outputs) => parts.codec.run('encodeTfs', { outputs, format }, { bytes: jsonBytesOf(outputs) }),
    };
  });
}

async function examples(
  parts: TfsParts,
  exchange: Exchange,
  route: TfsRoute & { readonly kind: Exclude<TfsInferenceKind, 'predict'> },
): Promise<void> {
  const method = route.kind;
  await answer(parts, exchange, route, async (served, body) => {
    const args = { method, body: body.bytes, signatures: served.signatures };
    const request = await parts.codec.run('decodeTfsExamples', args, weightOf(body));
    const { labels } = served.record.manifest;
    const classNames = labels === undefined || typeof labels === 'string' ? null : labels;
    return {
      request,
      encode: (outputs) =>
        parts.codec.run('encodeTfsExamples', { method, outputs, classNames }, { bytes: jsonBytesOf(outputs) }),
    };
  });
}

function weightOf({ bytes, isOwned }: ReceivedBody): { readonly bytes: number; readonly transfer: ArrayBuffer[] } {
  return { bytes: bytes.byteLength, transfer: isOwned ? [bytes.buffer] : [] };
}

/** A decoded call and how its outputs are to be written. */
interface Call {
  readonly request: { readonly signature: string; readonly inputs: NamedTensors };
  readonly encode: (outputs: NamedTensors) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
}

async function answer(
  parts: TfsParts,
  exchange: Exchange,
  route: TfsRoute,
  decode: (served: ServedVersion<ModelRecorder>, body: ReceivedBody) => Promise<Call>,
): Promise<void> {
  let served = parts.dataPlane.resolve(route.target);
  try {
    const body = await readBody(exchange.request, { maxBytes: parts.maxRequestBytes });
    const { request, encode } = await decode(served, body);
    const { signature, inputs } = request;
    served = parts.dataPlane.resolve(route.target); // another version may have taken over while the body arrived
    const result = await served.infer({ inputs, signature, signal: exchange.gone, mayTransfer: true });
    exchange.send(200, 'application/json', await encode(result.outputs));
    recordSuccess(served.recorder, exchange, { protocol: 'tfs', timing: result.timing });
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: 'tfs', thrown });
    throw thrown;
  }
}

/** A float32 of four bytes takes about twelve characters. */
const JSON_BYTES_PER_BYTE = 3;

function jsonBytesOf(outputs: NamedTensors): number {
  let bytes = 0;
  for (const tensor of outputs.values())
    bytes += tensor.dtype === 'string' ? 0 : tensor.data.byteLength * JSON_BYTES_PER_BYTE;
  return bytes;
}

function statusOf(dataPlane: DataPlane<ModelRecorder>, route: TfsRoute): string {
  const { model, version, label } = route.target;
  const statuses = dataPlane.versionsOf(model) ?? [];
  if (label !== undefined) assertLabelled(dataPlane, route);
  const chosen = version === undefined ? statuses : statuses.filter((status) => status.version === version);
  if (chosen.length === 0) {
    if (version !== undefined && statuses.length > 0)
      throw new AmaasError('VERSION_NOT_FOUND', `Could not find version ${version} of model ${model}`);
    throw new AmaasError('MODEL_NOT_FOUND', `Could not find any versions of model ${model}`);
  }
  return encodeStatus(versionStates(chosen));
}

/**
 * TensorFlow Serving does not look at labels here and lists all versions; a label that does not exist is refused all the
 * same. @throws LABEL_NOT_FOUND, MODEL_NOT_FOUND
 */
function assertLabelled(dataPlane: DataPlane<ModelRecorder>, route: TfsRoute): void {
  try {
    dataPlane.resolveAny(route.target);
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.reason === 'MODEL_NOT_READY') return;
    throw thrown;
  }
}

function metadataOf(served: ServedVersion<ModelRecorder>): string {
  return encodeMetadata({ model: served.name, version: served.version, signatures: served.signatures });
}
