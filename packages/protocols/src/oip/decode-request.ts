// The body of `POST …/infer` to tensors and wishes. Whether the model wants such inputs is for others to say.
// Source: Open Inference Protocol v2, "Inference Request JSON Object"; Triton's extensions binary data, classification,
// schedule policy and parameters; messages as in triton-inference-server/server `http_server.cc`.
import { AmaasError, MAX_RANK, type NamedTensors, type Tensor } from '@amaas/core';
import { type JsonObject, type JsonValue, parseJson } from '../json/index.ts';
import { BinaryPart } from './binary.ts';
import { HeaderMemory } from './header-memory.ts';
import {
  booleanParameter,
  countParameter,
  decodeParameter,
  type OipParameter,
  type OipParameters,
  parametersOf,
} from './parameters.ts';
import type { TensorPlace } from './tensor-place.ts';
import { decodeTensorEntry, entriesAt, optionalStringAt, refuseSharedMemory, stringAt } from './tensor-entry.ts';

/** An output the caller asked for by name. */
export interface RequestedOutput {
  readonly name: string;
  /** Whether its elements go behind the JSON header instead of into it. */
  readonly binary: boolean;
  /** Greatest number of classes to answer per row; 0: the tensor itself. */
  readonly classification: number;
}

/** A decoded inference request; plain, structured-clonable data. */
export interface DecodedInferRequest {
  /** The caller's own name for the request, to be repeated in the reply. */
  readonly id: string | null;
  readonly inputs: NamedTensors;
  /** null: all outputs, in the form {@link binaryOutputDefault} says. */
  readonly requestedOutputs: readonly RequestedOutput[] | null;
  readonly binaryOutputDefault: boolean;
  /** 1 highest, 0 or absent: the model's default. */
  readonly priority?: number;
  /** Longest the request may wait in the queue, in milliseconds; the wire says microseconds. Absent where the wire says 0. */
  readonly timeoutMs?: number;
  /** Parameters the protocol gives no meaning to. */
  readonly parameters: OipParameters;
}

/** Deepest nesting of a request: `data` at its greatest rank, inside an input, inside `inputs`, inside the request. */
const MAX_JSON_DEPTH = MAX_RANK + 3;

/**
 * Decodes an inference request.
 *
 * `headerLength` is the value of `Inference-Header-Content-Length`, null without that header (see
 * {@link parseHeaderLength}); 0 means a raw binary request, which `decodeRawBinaryRequest` decodes. Tensors from the binary
 * part are views over `body` wherever the alignment allows; `model` is for messages.
 * @throws MALFORMED_REQUEST, INVALID_ARGUMENT, INVALID_SHAPE for what is wrong with the request, UNSUPPORTED_FEATURE for
 *   shared memory and sequences.
 */
export function decodeInferRequest(body: Uint8Array, headerLength: number | null, model: string): DecodedInferRequest {
  return decode({ body, headerLength, model }, parseHeader);
}

/**
 * The same with a memory: clients in a loop send the same JSON header again and again in front of new bytes, and parsing it
 * is most of the work. The last few headers are kept, parsed, as long as they are small.
 */
export function createInferDecoder(): typeof decodeInferRequest {
  const memory = new HeaderMemory();
  return (body, headerLength, model) =>
    decode(
      { body, headerLength, model },
      headerLength === null ? parseHeader : (header) => memory.recall(header, parseHeader),
    );
}

function parseHeader(header: Uint8Array): JsonValue {
  return parseJson(header, { maxDepth: MAX_JSON_DEPTH });
}

interface InferMessage {
  readonly body: Uint8Array;
  readonly headerLength: number | null;
  readonly model: string;
}

function decode(message: InferMessage, parse: (header: Uint8Array) => JsonValue): DecodedInferRequest {
  const { body, headerLength, model } = message;
  if (headerLength === 0 || (headerLength !== null && headerLength > body.byteLength)) {
    throw new AmaasError('MALFORMED_REQUEST', headerLengthOutOfRange(String(headerLength), body.byteLength));
  }
  const header = headerLength === null ? body : body.subarray(0, headerLength);
  const root = parse(header);
  if (!(root instanceof Map)) {
    throw new AmaasError('MALFORMED_REQUEST', `infer: the JSON of a request for model '${model}' must be an object`);
  }
  const options = decodeRequestParameters(root);
  const binary = new BinaryPart(body, header.byteLength);
  const inputs = new Map<string, Tensor>();
  for (const entry of entriesAt(root, 'inputs')) {
    const place: TensorPlace = { direction: 'input', name: stringAt(entry, 'name'), model };
    if (inputs.has(place.name)) {
      throw new AmaasError('INVALID_ARGUMENT', `input '${place.name}' already exists in request`);
    }
    inputs.set(place.name, decodeTensorEntry(place, entry, binary));
  }
  if (binary.remainingBytes > 0) {
    throw new AmaasError(
      'MALFORMED_REQUEST',
      `unexpected additional input data for model '${model}': ${binary.remainingBytes} bytes behind the last input`,
    );
  }
  return {
    id: optionalStringAt(root, 'id'),
    inputs,
    requestedOutputs: decodeRequestedOutputs(root, model, options.binaryOutputDefault),
    ...options,
  };
}

/**
 * The header length that the text of `Inference-Header-Content-Length` says; null without that header.
 * @throws MALFORMED_REQUEST unless it is a whole number from 0 to `bodyBytes`.
 */
export function parseHeaderLength(text: string | undefined, bodyBytes: number): number | null {
  if (text === undefined) return null;
  const trimmed = text.trim();
  if (!/^-?[0-9]{1,15}$/.test(trimmed)) {
    throw new AmaasError(
      'MALFORMED_REQUEST',
      `Unable to parse Inference-Header-Content-Length, got: ${trimmed.slice(0, 40)}`,
    );
  }
  const length = Number(trimmed);
  if (length < 0 || length > bodyBytes) {
    throw new AmaasError('MALFORMED_REQUEST', headerLengthOutOfRange(trimmed, bodyBytes));
  }
  return length;
}

function headerLengthOutOfRange(got: string, bodyBytes: number): string {
  return `inference header size should be in range (0, ${bodyBytes}), got: ${got}`;
}

type RequestOptions = Pick<DecodedInferRequest, 'binaryOutputDefault' | 'priority' | 'timeoutMs' | 'parameters'>;

const NO_PARAMETERS: OipParameters = new Map();
const NO_OPTIONS: RequestOptions = { binaryOutputDefault: false, parameters: NO_PARAMETERS };

function decodeRequestParameters(root: JsonObject): RequestOptions {
  const wire = parametersOf(root, 'a request');
  if (wire === null || wire.size === 0) return NO_OPTIONS;
  const parameters = new Map<string, OipParameter>();
  let binaryOutputDefault = false;
  let priority: number | undefined;
  let timeoutMs: number | undefined;
  for (const [name, value] of wire) {
    switch (name) {
      case 'binary_data_output':
        binaryOutputDefault = booleanParameter(name, value);
        break;
      case 'priority':
        priority = countParameter(name, value);
        break;
      case 'timeout': {
        const timeoutMicroseconds = countParameter(name, value);
        if (timeoutMicroseconds > 0) timeoutMs = timeoutMicroseconds / 1000;
        break;
      }
      case 'sequence_id':
      case 'sequence_start':
      case 'sequence_end':
        throw new AmaasError(
          'UNSUPPORTED_FEATURE',
          `parameter '${name}': the sequence extension is not supported by this server`,
        );
      default:
        if (name.startsWith('triton_')) {
          throw new AmaasError(
            'INVALID_ARGUMENT',
            `parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified, got '${name}'`,
          );
        }
        parameters.set(name, decodeParameter(name, value));
    }
  }
  return {
    binaryOutputDefault,
    ...(priority === undefined ? {} : { priority }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    parameters,
  };
}

function decodeRequestedOutputs(
  root: JsonObject,
  model: string,
  binaryOutputDefault: boolean,
): readonly RequestedOutput[] | null {
  if ((root.get('outputs') ?? null) === null) return null;
  const outputs = new Map<string, RequestedOutput>();
  for (const entry of entriesAt(root, 'outputs')) {
    const name = stringAt(entry, 'name');
    if (outputs.has(name)) throw new AmaasError('INVALID_ARGUMENT', `output '${name}' already exists in request`);
    const parameters = parametersOf(entry, `output '${name}'`);
    if (parameters !== null) refuseSharedMemory({ direction: 'output', name, model }, parameters);
    const binary = parameters?.get('binary_data');
    const classification = parameters?.get('classification');
    outputs.set(name, {
      name,
      binary: binary === undefined ? binaryOutputDefault : booleanParameter('binary_data', binary),
      classification: classification === undefined ? 0 : countParameter('classification', classification),
    });
  }
  // An empty list asks for all, as in Triton.
  return outputs.size === 0 ? null : [...outputs.values()];
}
