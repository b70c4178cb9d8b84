// The reply to an inference request, read by a client.
// Source: Open Inference Protocol v2, "Inference Response JSON Object", and Triton's binary tensor extension.
import { AmaasError, MAX_RANK, type NamedTensors, type Tensor, toAmaasError } from '@amaas/core';
import { parseJson } from '../json/index.ts';
import { BinaryPart } from './binary.ts';
import { decodeParameter, type OipParameter, type OipParameters, parametersOf } from './parameters.ts';
import { decodeTensorEntry, entriesAt, optionalStringAt, stringAt } from './tensor-entry.ts';

/** A decoded reply; plain, structured-clonable data. */
export interface DecodedInferReply {
  readonly model: string;
  /** As the server wrote it; null where it names none. */
  readonly version: string | null;
  readonly id: string | null;
  readonly outputs: NamedTensors;
  readonly parameters: OipParameters;
}

/** Deepest nesting: `data` at its greatest rank, inside an output, inside `outputs`, inside the reply. */
const MAX_JSON_DEPTH = MAX_RANK + 3;

/**
 * Decodes a reply with status 200.
 *
 * `headerLength` is the value of `Inference-Header-Content-Length`, null without that header. Tensors from the binary part
 * are views over `body` wherever the alignment allows. NaN and the infinities are understood in JSON, as Triton writes them.
 * @throws TRANSPORT_FAILED (not retryable) when the body is no reply of the protocol.
 */
export function decodeInferReply(body: Uint8Array, headerLength: number | null): DecodedInferReply {
  try {
    return decode(body, headerLength);
  } catch (thrown) {
    const { message } = toAmaasError(thrown);
    throw new AmaasError('TRANSPORT_FAILED', `infer: the reply cannot be read: ${message}`, {
      cause: thrown,
      retryable: false,
    });
  }
}

function decode(body: Uint8Array, headerLength: number | null): DecodedInferReply {
  if (headerLength !== null && headerLength > body.byteLength) {
    throw new AmaasError(
      'MALFORMED_REQUEST',
      `its JSON is said to take ${headerLength} bytes, the body has ${body.byteLength}`,
    );
  }
  const header = headerLength === null ? body : body.subarray(0, headerLength);
  const root = parseJson(header, { maxDepth: MAX_JSON_DEPTH, allowNonFinite: true });
  if (!(root instanceof Map)) throw new AmaasError('MALFORMED_REQUEST', 'its JSON must be an object');
  const model = stringAt(root, 'model_name');
  const binary = new BinaryPart(body, header.byteLength);
  const outputs = new Map<string, Tensor>();
  for (const entry of entriesAt(root, 'outputs')) {
    const name = stringAt(entry, 'name');
    if (outputs.has(name)) throw new AmaasError('MALFORMED_REQUEST', `it has output '${name}' twice`);
    outputs.set(name, decodeTensorEntry({ direction: 'output', name, model }, entry, binary));
  }
  if (binary.remainingBytes > 0) {
    throw new AmaasError('MALFORMED_REQUEST', `it has ${binary.remainingBytes} bytes behind its last output`);
  }
  const parameters = new Map<string, OipParameter>();
  for (const [name, value] of parametersOf(root, 'the reply') ?? []) parameters.set(name, decodeParameter(name, value));
  return {
    model,
    version: optionalStringAt(root, 'model_version'),
    id: optionalStringAt(root, 'id'),
    outputs,
    parameters,
  };
}
