// Tensors to the reply of `POST …/infer`.
// Source: Open Inference Protocol v2, "Inference Response JSON Object", and Triton's binary tensor extension. Fields come in
// Triton's order. NaN and the infinities are written as Triton writes them, as bare words: `JSON.parse` refuses those,
// Python's readers take them; a caller who wants them safe asks for binary.
import { AmaasError, type NamedTensors } from '@amaas/core';
import { quoteJson } from '../json/index.ts';
import type { RequestedOutput } from './decode-request.ts';
import { encodeParameters, type OipParameters } from './parameters.ts';
import {
  type MessageBody,
  type TensorToWrite,
  type WriteRules,
  writeAllAlike,
  writeMessage,
  writeMessageAtOnce,
} from './write-tensors.ts';

/** What a reply says; plain, structured-clonable data. */
export interface InferReplyParts {
  readonly model: string;
  readonly version: string;
  /** What the request called itself. */
  readonly id: string | null;
  /** Tensors by name; where classes were asked for, `classify` has made them already. */
  readonly outputs: NamedTensors;
  /** The request's `requestedOutputs`: which tensors, in which order, in which form; null: all in the default form. */
  readonly requested: readonly RequestedOutput[] | null;
  /** The request's `binaryOutputDefault`. */
  readonly binaryDefault: boolean;
  readonly parameters?: OipParameters;
}

/** A reply ready to be sent with status 200. */
export type EncodedReply = MessageBody;

const RULES: WriteRules = { direction: 'output', nonFinite: 'bare' };

/**
 * Encodes a reply. Numbers keep their shortest text that reads back as the same float32 or double; 64-bit integers keep
 * every digit.
 * @throws UNKNOWN_OUTPUT for a requested output that is not there, UNSUPPORTED_TENSOR for dtypes the protocol has no name
 *   for, INVALID_ARGUMENT for 16-bit floats and for strings that are not UTF-8 when JSON was asked for.
 */
export function encodeInferReply(reply: InferReplyParts): EncodedReply {
  return writeMessageAtOnce(encodeInferReplyInSteps(reply));
}

/** As {@link encodeInferReply}, in steps of about a millisecond: run other work between two calls of `next()`. */
export function encodeInferReplyInSteps(reply: InferReplyParts): Generator<undefined, EncodedReply> {
  const id = reply.id === null || reply.id === '' ? '' : `"id":${quoteJson(reply.id)},`;
  const parameters =
    reply.parameters === undefined || reply.parameters.size === 0
      ? ''
      : `"parameters":${encodeParameters(reply.parameters)},`;
  const open = `{${id}"model_name":${quoteJson(reply.model)},"model_version":${quoteJson(reply.version)},${parameters}"outputs":[`;
  return writeMessage(open, outputsToWrite(reply), RULES);
}

function outputsToWrite(reply: InferReplyParts): readonly TensorToWrite[] {
  const { outputs, requested } = reply;
  if (requested === null) return writeAllAlike(outputs, reply.binaryDefault);
  return requested.map(({ name, binary }) => {
    const tensor = outputs.get(name);
    if (tensor === undefined) {
      throw new AmaasError('UNKNOWN_OUTPUT', `unexpected inference output '${name}' for model '${reply.model}'`, {
        details: { model: reply.model, output: name },
      });
    }
    return { name, tensor, binary };
  });
}
