// Replies to GET on a model: the state of its versions, and the metadata of one version's signatures. Both are JSON forms of
// protobuf messages: 64-bit integers are strings, empty fields are written.
// Source: tensorflow/serving, apis/{get_model_status,get_model_metadata}.proto; tensorflow/tensorflow, protobuf/meta_graph.proto.
import type { ErrorCode, Signature, TensorSpec } from '@amaas/core';
import { quoteJson } from '../json/index.ts';
import { DATA_TYPES } from './data-types.ts';

/** States of a version by TensorFlow Serving's names. */
export type TfsVersionState = 'UNKNOWN' | 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

export interface ModelVersionStatus {
  readonly version: number;
  readonly state: TfsVersionState;
  readonly errorCode: 'OK' | ErrorCode;
  /** Empty when all is well. */
  readonly errorMessage: string;
}

export interface ModelMetadata {
  readonly model: string;
  readonly version: number;
  readonly signatures: ReadonlyMap<string, Signature>;
}

/** The entries of `model_version_status`, for a reply that has other fields too. */
export interface VersionStatusEntry {
  readonly version: string;
  readonly state: TfsVersionState;
  readonly status: { readonly error_code: string; readonly error_message: string };
}

/** What `model_version_status` lists. */
export function describeVersionStatuses(statuses: readonly ModelVersionStatus[]): VersionStatusEntry[] {
  return statuses.map(({ version, state, errorCode, errorMessage }) => ({
    version: String(version),
    state,
    status: { error_code: errorCode, error_message: errorMessage },
  }));
}

/** Encodes the reply to `GET /v1/models/m`. */
export function encodeStatus(statuses: readonly ModelVersionStatus[]): string {
  return JSON.stringify({ model_version_status: describeVersionStatuses(statuses) });
}

/** Encodes the reply to `GET /v1/models/m/metadata`. */
export function encodeMetadata({ model, version, signatures }: ModelMetadata): string {
  const definitions = writeMap([...signatures], ([name, signature]) => [name, writeSignature(signature)]);
  const modelSpec = JSON.stringify({ name: model, signature_name: '', version: String(version) });
  // The doubled name is TensorFlow's: a field, then the map's own field.
  return `{"model_spec":${modelSpec},"metadata":{"signature_def":{"signature_def":${definitions}}}}`;
}

function writeSignature({ method, inputs, outputs }: Signature): string {
  const methodName = `tensorflow/serving/${method}`;
  return `{"inputs":${writeSpecs(inputs)},"outputs":${writeSpecs(outputs)},"method_name":${quoteJson(methodName)},"defaults":{}}`;
}

function writeSpecs(specs: readonly TensorSpec[]): string {
  return writeMap(specs, ({ name, dtype, shape }) => {
    const dims = (shape ?? []).map((dim) => ({ size: typeof dim === 'number' ? String(dim) : '-1', name: '' }));
    const tensorShape = { dim: dims, unknown_rank: shape === null };
    return [name, JSON.stringify({ dtype: DATA_TYPES[dtype], tensor_shape: tensorShape, name })];
  });
}

/** A JSON object with names from users, which plain objects must not hold. */
function writeMap<T>(items: readonly T[], write: (item: T) => readonly [key: string, json: string]): string {
  const members = items.map((item) => {
    const [key, json] = write(item);
    return `${quoteJson(key)}:${json}`;
  });
  return `{${members.join(',')}}`;
}
