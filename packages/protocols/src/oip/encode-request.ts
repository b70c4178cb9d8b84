// Tensors to the body of `POST …/infer`, written by a client.
// Source: Open Inference Protocol v2, "Inference Request JSON Object", and Triton's binary tensor extension.
import { AmaasError, type NamedTensors } from '@amaas/core';
import { quoteJson } from '../json/index.ts';
import { encodeParameters, type OipParameter, type OipParameters } from './parameters.ts';
import { type MessageBody, type WriteRules, writeAllAlike, writeMessage, writeMessageAtOnce } from './write-tensors.ts';

/** An output to ask for. */
export interface OutputWish {
  readonly name: string;
  /** Default: the `binary` of the request. */
  readonly binary?: boolean;
  /** Answer the greatest so many classes per row instead of the tensor. */
  readonly classification?: number;
}

export interface InferRequestOptions {
  readonly id?: string;
  /** Default: all outputs. */
  readonly outputs?: readonly (string | OutputWish)[];
  /** Whether elements travel as bytes in both directions, smaller and quicker than text; default true. */
  readonly binary?: boolean;
  /** 1 highest, 0: the model's default. */
  readonly priority?: number;
  /** Longest the request may wait in the server's queue, in milliseconds. */
  readonly timeoutMs?: number;
  readonly parameters?: OipParameters;
}

/** A request ready to be sent. */
export interface EncodedInferRequest extends MessageBody {
  /** `content-type`, and `inference-header-content-length` where there is a binary part. */
  readonly headers: Readonly<Record<string, string>>;
}

const RULES: WriteRules = { direction: 'input', nonFinite: 'error' };
const OWN_PARAMETERS: ReadonlySet<string> = new Set(['priority', 'timeout', 'binary_data_output']);

/**
 * Encodes an inference request.
 * @throws UNSUPPORTED_TENSOR for dtypes the protocol has no name for; INVALID_ARGUMENT for a bad option, and in JSON for
 *   16-bit floats, NaN, infinities and strings that are not UTF-8.
 */
export function encodeInferRequest(inputs: NamedTensors, options: InferRequestOptions = {}): EncodedInferRequest {
  const binary = options.binary ?? true;
  const id = options.id === undefined ? '' : `"id":${quoteJson(options.id)},`;
  const parameters = requestParameters(options, binary);
  const open =
    `{${id}${parameters.size === 0 ? '' : `"parameters":${encodeParameters(parameters)},`}` +
    `${requestedOutputs(options, binary)}"inputs":[`;
  const message = writeMessageAtOnce(writeMessage(open, writeAllAlike(inputs, binary), RULES));
  return {
    ...message,
    headers: {
      'content-type': message.contentType,
      ...(message.headerLength === null ? {} : { 'inference-header-content-length': String(message.headerLength) }),
    },
  };
}

function requestParameters(options: InferRequestOptions, binary: boolean): OipParameters {
  const parameters = new Map<string, OipParameter>();
  if (binary && options.outputs === undefined) parameters.set('binary_data_output', true);
  if (options.priority !== undefined) parameters.set('priority', assertCount('priority', options.priority));
  if (options.timeoutMs !== undefined) {
    parameters.set('timeout', assertCount('timeoutMs', Math.ceil(options.timeoutMs * 1000)));
  }
  for (const [name, value] of options.parameters ?? []) {
    if (OWN_PARAMETERS.has(name)) {
      throw new AmaasError('INVALID_ARGUMENT', `infer: parameter '${name}' has an option of its own`);
    }
    parameters.set(name, value);
  }
  return parameters;
}

function requestedOutputs(options: InferRequestOptions, binary: boolean): string {
  if (options.outputs === undefined) return '';
  const entries = options.outputs.map((wish) => {
    const output: OutputWish = typeof wish === 'string' ? { name: wish } : wish;
    const classification =
      output.classification === undefined
        ? ''
        : `,"classification":${assertCount('classification', output.classification)}`;
    return `{"name":${quoteJson(output.name)},"parameters":{"binary_data":${output.binary ?? binary}${classification}}}`;
  });
  return `"outputs":[${entries.join(',')}],`;
}

function assertCount(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new AmaasError('INVALID_ARGUMENT', `infer: ${option} must be a number ≥ 0, got ${value}`);
}
