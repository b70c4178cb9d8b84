// How amaas's errors look to a client of TensorFlow Serving: the HTTP status of every code, and for what is not there the
// words TensorFlow Serving has for it.
// Source: tensorflow/serving, tensorflow_serving/model_servers/http_server.cc and core/{aspired_versions_manager,server_core}.cc.
import type { AmaasError, ErrorCode, ModelReference } from '@amaas/core';
import { quoteJson } from '../json/index.ts';
import type { TfsRoute } from './routes.ts';

/** HTTP status by error code. */
export const HTTP_STATUSES: Readonly<Record<ErrorCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** A reply as JSON: its status and its body. */
export interface TfsErrorReply {
  readonly status: number;
  readonly body: string;
}

/**
 * The reply that reports `error`. With the `route` that failed, a model, version or label that is not there is reported
 * in TensorFlow Serving's words; without it, as everything else, by the error's public message.
 */
export function encodeError(error: AmaasError, route?: TfsRoute): TfsErrorReply {
  const absence = route === undefined ? null : describeAbsence(error, route);
  const status = absence?.status ?? HTTP_STATUSES[error.code];
  return { status, body: `{"error":${quoteJson(absence?.message ?? error.publicMessage)}}` };
}

function describeAbsence(error: AmaasError, route: TfsRoute): { status: number; message: string } | null {
  const { target } = route;
  switch (error.reason) {
    case 'LABEL_NOT_FOUND':
      // Not a 404: there a label is an argument that could not be understood.
      return { status: 400, message: `Unrecognized servable version label: ${target.label}` };
    case 'MODEL_NOT_FOUND':
    case 'VERSION_NOT_FOUND':
      return { status: 404, message: route.kind === 'status' ? describeVersions(target) : describeServable(target) };
    default:
      return null;
  }
}

function describeVersions({ model, version }: ModelReference): string {
  return version === undefined
    ? `Could not find any versions of model ${model}`
    : `Could not find version ${version} of model ${model}`;
}

function describeServable({ model, version }: ModelReference): string {
  return `Servable not found for request: ${version === undefined ? `Latest(${model})` : `Specific(${model}, ${version})`}`;
}
