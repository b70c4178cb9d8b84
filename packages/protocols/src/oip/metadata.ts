// Bodies of the metadata and health routes.
// Source: Open Inference Protocol v2, "Server Metadata", "Model Metadata" and "Health"; the model list is KServe's.
import type { Dim, TensorSpec } from '@amaas/core';
import { describeDatatype } from './datatypes.ts';

/** Triton extensions this server has, by the names clients look for. */
export const OIP_EXTENSIONS: readonly string[] = [
  'classification',
  'model_repository',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
];

/** Platform of ONNX models, `<project>_<format>` as the protocol asks. */
export const ONNX_PLATFORM = 'onnx_onnxv1';

const encoder = new TextEncoder();

export function encodeServerMetadata(server: { readonly name: string; readonly version: string }): Uint8Array {
  return encodeJson({ name: server.name, version: server.version, extensions: OIP_EXTENSIONS });
}

/** Metadata of one model; `versions` are those that serve, in the order given. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  /** Default {@link ONNX_PLATFORM}. */
  readonly platform?: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Variable dims become −1; an unknown rank is written as one variable dim, the protocol having no word for it. */
export function encodeModelMetadata(metadata: ModelMetadata): Uint8Array {
  return encodeJson({
    name: metadata.name,
    versions: metadata.versions,
    platform: metadata.platform ?? ONNX_PLATFORM,
    inputs: metadata.inputs.map(tensorMetadata),
    outputs: metadata.outputs.map(tensorMetadata),
  });
}

/** The dims of a declared shape on the wire. */
export function wireDims(shape: readonly Dim[] | null): readonly number[] {
  return shape === null ? [-1] : shape.map((dim) => (typeof dim === 'number' ? dim : -1));
}

function tensorMetadata(spec: TensorSpec): object {
  return { name: spec.name, datatype: describeDatatype(spec.dtype), shape: wireDims(spec.shape) };
}

/** KServe's list of models. */
export function encodeModelList(models: readonly string[]): Uint8Array {
  return encodeJson({ models });
}

/** A health answer: clients look at the status alone. */
export interface HealthReply {
  readonly status: number;
  readonly body: Uint8Array;
}

export function encodeServerLive(): HealthReply {
  return { status: 200, body: encodeJson({ live: true }) };
}

/** 503 while not ready, as KServe (Triton says 400): load balancers then try another server. */
export function encodeServerReady(ready: boolean): HealthReply {
  return { status: ready ? 200 : 503, body: encodeJson({ ready }) };
}

/** 400 while not ready, as Triton, with the body of both dialects. */
export function encodeModelReady(model: string, ready: boolean): HealthReply {
  const body = { name: model, ready };
  return ready
    ? { status: 200, body: encodeJson(body) }
    : { status: 400, body: encodeJson({ ...body, error: 'Model version not ready' }) };
}

/** UTF-8 JSON of a value built here: its keys are ours, names from users are values only. */
export function encodeJson(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}
