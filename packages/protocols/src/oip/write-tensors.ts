// Writes the `inputs` of a request or the `outputs` of a reply: entries with their elements as JSON or behind it.
import { AmaasError, type NamedTensors, type Tensor, tensorBytes } from '@amaas/core';
import { JsonWriter, quoteJson, type TensorStyle, tensorPartWriter } from '../json/index.ts';
import { encodeBytesElements } from './binary.ts';
import { type OipDatatype, oipDatatype } from './datatypes.ts';

/** One tensor to write and how. */
export interface TensorToWrite {
  readonly name: string;
  readonly tensor: Tensor;
  readonly binary: boolean;
}

/** A body in the making. */
export interface MessageBody {
  /** `application/octet-stream` with elements behind the JSON, else `application/json`. */
  readonly contentType: string;
  /** Value of `Inference-Header-Content-Length`; null: no such header, everything is JSON. */
  readonly headerLength: number | null;
  /** To be sent one behind the other; binary tensors are views over their own memory. */
  readonly parts: readonly Uint8Array[];
  readonly byteLength: number;
}

/** What only one direction does. */
export interface WriteRules {
  readonly direction: 'input' | 'output';
  /** What to do with NaN and the infinities in JSON. */
  readonly nonFinite: NonNullable<TensorStyle['nonFinite']>;
}

/** Elements printed between two stops: about a millisecond of floats, at most 64 KiB of text. */
const ELEMENTS_PER_STEP = 4096;

const encoder = new TextEncoder();

/** The shape of a single element. */
const SCALAR: readonly number[] = [];
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Writes `open`, the entries, `]}` and the binary part; stops after every few thousand elements of JSON, so that a caller
 * may let others run in between.
 * @throws UNSUPPORTED_TENSOR for dtypes the protocol has no name for, INVALID_ARGUMENT for what JSON cannot carry.
 */
export function* writeMessage(
  open: string,
  tensors: readonly TensorToWrite[],
  rules: WriteRules,
): Generator<undefined, MessageBody> {
  let writer: JsonWriter | undefined; // a message without elements in its JSON is quicker without
  const binaryParts: Uint8Array[] = [];
  let text = open;
  for (const { name, tensor, binary } of tensors) {
    const datatype = oipDatatype(name, tensor.dtype);
    text += `{"name":${quoteJson(name)},"datatype":"${datatype}","shape":[${tensor.shape.join(',')}],`;
    if (binary) {
      const bytes = binaryElements(tensor);
      if (bytes.byteLength > 0) binaryParts.push(bytes);
      text += `"parameters":{"binary_data_size":${bytes.byteLength}}},`;
      continue;
    }
    assertJsonCanCarry(name, datatype, rules);
    writer ??= new JsonWriter();
    writer.raw(`${text}"data":`);
    try {
      yield* printElements(writer, tensor, rules);
    } catch (thrown) {
      throw namedPrintError(name, rules, thrown);
    }
    text = '},';
  }
  text = `${tensors.length === 0 ? text : text.slice(0, -1)}]}`;
  return finish(writer === undefined ? [encoder.encode(text)] : writer.raw(text).takePieces(), binaryParts);
}

/** Runs {@link writeMessage} to its end without stopping. */
export function writeMessageAtOnce(steps: Generator<undefined, MessageBody>): MessageBody {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function finish(parts: Uint8Array[], binaryParts: readonly Uint8Array[]): MessageBody {
  let headerLength = 0;
  for (const part of parts) headerLength += part.byteLength;
  if (binaryParts.length === 0) {
    return { contentType: 'application/json', headerLength: null, parts, byteLength: headerLength };
  }
  let byteLength = headerLength;
  for (const part of binaryParts) byteLength += part.byteLength;
  parts.push(...binaryParts);
  return { contentType: 'application/octet-stream', headerLength, parts, byteLength };
}

function binaryElements(tensor: Tensor): Uint8Array {
  return tensor.dtype === 'string' ? encodeBytesElements(tensor.data) : tensorBytes(tensor);
}

/** Prints all elements as one flat array. */
function* printElements(writer: JsonWriter, tensor: Tensor, rules: WriteRules): Generator<undefined, void> {
  const writePart = tensorPartWriter(writer, tensor, { layout: 'nested', nonFinite: rules.nonFinite });
  const elements = tensor.data.length; // no dtype of the protocol is packed
  writer.byte(OPEN_BRACKET);
  for (let first = 0; first < elements; first += ELEMENTS_PER_STEP) {
    const end = Math.min(first + ELEMENTS_PER_STEP, elements);
    for (let index = first; index < end; index++) {
      if (index > 0) writer.byte(COMMA);
      writePart(index, SCALAR);
    }
    if (end < elements) yield;
  }
  writer.byte(CLOSE_BRACKET);
}

function assertJsonCanCarry(name: string, datatype: OipDatatype, rules: WriteRules): void {
  if (datatype !== 'FP16' && datatype !== 'BF16') return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `sending ${datatype} data via JSON is not supported. Please use the binary data format for ${rules.direction} ${name}`,
  );
}

function namedPrintError(name: string, rules: WriteRules, thrown: unknown): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  return new AmaasError(
    'INVALID_ARGUMENT',
    `${rules.direction} '${name}' cannot be sent as JSON (${thrown.message}). Please use the binary data format`,
    { cause: thrown },
  );
}

/** The names and tensors of `tensors`, all written alike. */
export function writeAllAlike(tensors: NamedTensors, binary: boolean): readonly TensorToWrite[] {
  return Array.from(tensors, ([name, tensor]) => ({ name, tensor, binary }));
}
