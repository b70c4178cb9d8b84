// What a model takes and gives, read from the metadata route of the Open Inference Protocol (any key may ask).
import { AmaasError, type DType, isDType, type TensorSpec } from '@amaas/core';
import { dtypeFromOip } from '@amaas/protocols/oip';
import { isRecord, jsonOf, type Reply } from './replies.ts';

export interface ModelMetadata {
  readonly name: string;
  /** Versions that serve. */
  readonly versions: readonly number[];
  /** Such as `onnx_onnxv1`. */
  readonly platform: string;
  /** Unknown dims are null: the protocol carries no symbols. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Reads a metadata reply. @throws TRANSPORT_FAILED when it is none */
export function decodeMetadata(reply: Reply): ModelMetadata {
  const body = jsonOf('metadata', reply);
  const { name, versions, platform } = body;
  return {
    name: typeof name === 'string' ? name : malformed('name'),
    versions: Array.isArray(versions) ? versions.map(Number) : [],
    platform: typeof platform === 'string' ? platform : '',
    inputs: specsAt(body, 'inputs'),
    outputs: specsAt(body, 'outputs'),
  };
}

function specsAt(body: Readonly<Record<string, unknown>>, key: 'inputs' | 'outputs'): readonly TensorSpec[] {
  const list: unknown = body[key];
  if (!Array.isArray(list)) return malformed(key);
  return list.map((item: unknown) => {
    const { name, datatype, shape } = isRecord(item) ? item : malformed(key);
    if (typeof name !== 'string' || typeof datatype !== 'string' || !isDims(shape)) return malformed(key);
    return { name, dtype: dtypeOf(datatype), shape: shape.map((dim) => (dim < 0 ? null : dim)) };
  });
}

function isDims(shape: unknown): shape is readonly number[] {
  return Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim));
}

function dtypeOf(datatype: string): DType {
  const name = datatype.toLowerCase(); // how servers of amaas write dtypes the protocol has no word for
  return dtypeFromOip(datatype) ?? (isDType(name) ? name : malformed(`datatype ${datatype.slice(0, 40)}`));
}

function malformed(where: string): never {
  throw new AmaasError('TRANSPORT_FAILED', `metadata: the reply cannot be read: ${where} is missing or malformed`, {
    retryable: false,
  });
}
