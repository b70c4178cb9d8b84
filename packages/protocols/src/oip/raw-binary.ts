// Raw binary requests: `Inference-Header-Content-Length: 0`, a body that is nothing but the one input's elements.
// Source: Triton protocol extension "Binary Tensor Data", "Raw Binary Request".
import { AmaasError, byteSize, type Dim, formatSpec, type Tensor, type TensorSpec } from '@amaas/core';
import { tensorFromBinary } from './binary.ts';
import { isOipDType, oipDatatype } from './datatypes.ts';
import type { DecodedInferRequest } from './decode-request.ts';
import { describePlace, type TensorPlace, tensorError } from './tensor-place.ts';

/**
 * Decodes a raw binary request for a model with exactly one input.
 *
 * The shape comes from the declared one: a single variable dim is inferred from the byte count; where there are two and
 * the first is the leading dim, that one is the batch and 1. A BYTES input takes the whole body as its only element,
 * without a length in front. All outputs are answered in binary.
 * @throws INVALID_ARGUMENT when the model has not exactly one input or its shape cannot be inferred, INVALID_SHAPE when the
 *   byte count fits no shape, UNSUPPORTED_TENSOR for a dtype the protocol has no name for.
 */
export function decodeRawBinaryRequest(
  body: Uint8Array,
  inputs: readonly TensorSpec[],
  model: string,
): DecodedInferRequest {
  const spec = inputs[0];
  if (spec === undefined || inputs.length !== 1) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${model}' model configuration`,
      { details: { model } },
    );
  }
  const place: TensorPlace = { direction: 'input', name: spec.name, model };
  const tensor = spec.dtype === 'string' ? stringTensor(place, spec, body) : numericTensor(place, spec, body);
  return {
    id: null,
    inputs: new Map([[spec.name, tensor]]),
    requestedOutputs: null,
    binaryOutputDefault: true,
    parameters: new Map(),
  };
}

function stringTensor(place: TensorPlace, spec: TensorSpec, body: Uint8Array): Tensor {
  const dims = spec.shape ?? [1];
  if (dims.some((dim) => typeof dim === 'number' && dim !== 1)) {
    throw tensorError(
      place,
      'INVALID_ARGUMENT',
      `For BYTE datatype raw input '${spec.name}', the model must have input shape [1], it has ${formatSpec(spec)}`,
    );
  }
  const element = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return { dtype: 'string', shape: dims.map(() => 1), data: [element] };
}

function numericTensor(place: TensorPlace, spec: TensorSpec, body: Uint8Array): Tensor {
  const { dtype } = spec;
  if (!isOipDType(dtype) || dtype === 'string') {
    throw new AmaasError('UNSUPPORTED_TENSOR', `raw request: ${oipDatatype(spec.name, dtype)} cannot be inferred`);
  }
  const dims: Dim[] = [...(spec.shape ?? [null])];
  const isVariable = (dim: Dim | undefined): boolean => typeof dim !== 'number';
  let variable = dims.filter(isVariable).length;
  if (variable === 2 && isVariable(dims[0])) {
    dims[0] = 1;
    variable = 1;
  }
  if (variable > 1) {
    throw tensorError(
      place,
      'INVALID_ARGUMENT',
      `The shape of the raw input '${spec.name}' can not be deduced because there are more than one variable-sized dimension: ${formatSpec(spec)}`,
    );
  }
  let fixed = 1;
  for (const dim of dims) if (typeof dim === 'number') fixed *= dim;
  const rowBytes = byteSize(dtype, fixed);
  const inferred = rowBytes === 0 ? 0 : body.byteLength / rowBytes;
  if (variable === 1 && !Number.isInteger(inferred)) {
    throw tensorError(
      place,
      'INVALID_SHAPE',
      `input byte size mismatch for ${describePlace(place)}. Expected a multiple of ${rowBytes}, got ${body.byteLength}`,
    );
  }
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : inferred));
  const elements = fixed * (variable === 1 ? inferred : 1);
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return tensorFromBinary(place, { dtype, shape, elements }, bytes);
}
