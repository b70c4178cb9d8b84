// Reads an ONNX file. Strict where a parser that disagrees with ONNX Runtime's would be a hole: repeated singular
// messages are merged, oneofs keep their last member, wrong wire types are refused rather than ignored.
// Knows fields and kinds from the tables in schema.ts; judges nothing beyond what makes a file a model.
import { AmaasError } from '@amaas/core';
import type { Descriptor, FieldPlan, MessagePlan } from './descriptor.ts';
import type { OnnxModel, OnnxTensor } from './model.ts';
import { Payload } from './payload.ts';
import { MODEL, TENSOR } from './schema.ts';
import { describeForeignFile } from './foreign-file.ts';
import { invalidModel, WIRE, WireReader } from './wire.ts';

export interface ReadOptions {
  /**
   * Most messages and list elements a file may hold; default 8,000,000. Each costs some 100 bytes of memory however few
   * it takes in the file; the largest published graphs hold well under a million.
   */
  readonly maxParts?: number;
}

/** How deep messages may nest: ONNX Runtime's protobuf stops at 100 too; each subgraph takes three levels. */
export const MAX_DEPTH = 100;

const DEFAULT_MAX_PARTS = 8_000_000;

/**
 * Reads an ONNX model. Weights are views into `bytes`: keep those unchanged while the model is in use.
 * @throws INVALID_MODEL for anything that is not a whole ONNX model, with the byte where it went wrong.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): OnnxModel {
  if (bytes.length === 0) throw new AmaasError('INVALID_MODEL', 'onnx: the file is empty');
  try {
    const model = readMessage(bytes, MODEL, options);
    // The one required message: it has no default that could stand for it.
    if (model.graph === undefined) throw missing('graph', bytes);
    if (model.irVersion < 1) throw missing('ir_version', bytes);
    if (model.opsetImports.length === 0) throw missing('opset_import', bytes);
    return model;
  } catch (error) {
    const foreign = describeForeignFile(bytes);
    if (foreign === null) throw error;
    throw new AmaasError('INVALID_MODEL', `onnx: expected an ONNX model, got ${foreign}`, { cause: error });
  }
}

/** Reads one serialized TensorProto, such as an `input_0.pb` of ONNX's backend tests. @throws INVALID_MODEL */
export function readTensor(bytes: Uint8Array, options: ReadOptions = {}): OnnxTensor {
  return readMessage(bytes, TENSOR, options);
}

function missing(field: string, bytes: Uint8Array): AmaasError {
  return new AmaasError(
    'INVALID_MODEL',
    `onnx: expected an ONNX model, but nothing in these ${bytes.length} bytes gives its ${field}`,
  );
}

type Target = Record<string, unknown>;

const EMPTY_LIST: readonly never[] = Object.freeze([]);

function readMessage<T>(bytes: Uint8Array, plan: Descriptor<T>, options: ReadOptions): T {
  const reader = new MessageReader(bytes, options.maxParts ?? DEFAULT_MAX_PARTS);
  // The plan was checked against T property by property, so what it fills is a T.
  return reader.read(plan, bytes.length, 1, {}) as T;
}

class MessageReader {
  readonly #wire: WireReader;
  readonly #maxParts: number;
  #parts = 0;

  constructor(bytes: Uint8Array, maxParts: number) {
    this.#wire = new WireReader(bytes);
    this.#maxParts = maxParts;
  }

  /** Reads fields up to `end` into `target`, which already holds something where protobuf says to merge. */
  read(plan: MessagePlan, end: number, depth: number, target: Target): Target {
    const wire = this.#wire;
    if (depth > MAX_DEPTH) throw invalidModel(`messages nest deeper than ${MAX_DEPTH}`, wire.position);
    let payloads: Map<FieldPlan, Payload> | null = null;
    while (wire.position < end) {
      const start = wire.position;
      wire.readTag(end);
      const field = plan.byNumber.get(wire.fieldNumber);
      if (field === undefined) {
        wire.skipValue(end);
        this.#keepUnknown(target, start);
        continue;
      }
      for (const rival of field.rivals) delete target[rival];
      switch (field.kind) {
        case 'floats':
        case 'int64s':
        case 'fixed32s':
        case 'fixed64s':
        case 'varints': {
          payloads ??= new Map();
          let payload = payloads.get(field);
          if (payload === undefined) {
            payload = startPayload(target[field.property]);
            payloads.set(field, payload);
          }
          this.#readNumbers(plan, field, payload, end);
          break;
        }
        default:
          this.#readValue(plan, field, { end, depth, target });
      }
    }
    if (payloads !== null) {
      for (const [field, payload] of payloads) target[field.property] = finishPayload(field, payload);
    }
    for (const field of plan.inOrder) {
      if (field.isRequired && target[field.property] === undefined) {
        const value = defaultOf(field);
        if (value !== undefined) target[field.property] = value;
      }
    }
    return target;
  }

  #readValue(plan: MessagePlan, field: FieldPlan, into: { end: number; depth: number; target: Target }): void {
    const wire = this.#wire;
    const { end, target } = into;
    switch (field.kind) {
      case 'string':
        target[field.property] = wire.readText(this.#enter(plan, field, end));
        return;
      case 'strings':
        this.#push(target, field, wire.readText(this.#enter(plan, field, end)));
        return;
      case 'bytes':
        target[field.property] = this.#readBytes(plan, field, end);
        return;
      case 'bytesList':
        this.#push(target, field, this.#readBytes(plan, field, end));
        return;
      case 'float':
        this.#expect(plan, field, WIRE.fixed32);
        target[field.property] = wire.readFloat(end);
        return;
      case 'int64':
        this.#expect(plan, field, WIRE.varint);
        wire.readVarint(end);
        target[field.property] = wire.int64;
        return;
      case 'int32':
        this.#expect(plan, field, WIRE.varint);
        wire.readVarint(end);
        target[field.property] = wire.low | 0; // protobuf keeps the lower 32 bits
        return;
      case 'integer':
        this.#expect(plan, field, WIRE.varint);
        target[field.property] = this.#readInteger(plan, field, end);
        return;
      case 'integers': {
        if (wire.wireType === WIRE.varint) {
          this.#push(target, field, this.#readInteger(plan, field, end));
          return;
        }
        const runEnd = this.#enter(plan, field, end);
        while (wire.position < runEnd) this.#push(target, field, this.#readInteger(plan, field, runEnd));
        return;
      }
      case 'message': {
        const inner = this.#enter(plan, field, end);
        const before = target[field.property];
        if (before === undefined) this.#count();
        // A property of kind 'message' only ever holds what this line put there.
        target[field.property] = this.read(messageOf(field), inner, into.depth + 1, (before ?? {}) as Target);
        return;
      }
      case 'messages': {
        const inner = this.#enter(plan, field, end);
        this.#push(target, field, this.read(messageOf(field), inner, into.depth + 1, {}));
        return;
      }
      default:
        throw new Error(`onnx: kind ${field.kind} is read elsewhere`);
    }
  }

  #readNumbers(plan: MessagePlan, field: FieldPlan, payload: Payload, end: number): void {
    const wire = this.#wire;
    const unit = field.kind === 'floats' || field.kind === 'fixed32s' ? 4 : field.kind === 'fixed64s' ? 8 : 0;
    const single = unit === 4 ? WIRE.fixed32 : unit === 8 ? WIRE.fixed64 : WIRE.varint;
    const isRun = wire.wireType === WIRE.length;
    if (!isRun) this.#expect(plan, field, single);
    const runEnd = isRun ? wire.readEnd(end) : end;
    const start = wire.position;
    if (field.kind === 'int64s') {
      do {
        if (isRun && wire.position >= runEnd) break;
        wire.readVarint(runEnd);
        payload.append64(wire.low, wire.high);
      } while (isRun);
      return;
    }
    if (isRun) {
      if (unit > 0 && (runEnd - start) % unit !== 0) {
        throw invalidModel(
          `${plan.name}.${field.property} holds ${runEnd - start} bytes, no multiple of ${unit}`,
          start,
        );
      }
      wire.position = runEnd;
    } else if (unit > 0) {
      wire.skip(unit, end);
    } else {
      wire.readVarint(end);
    }
    payload.append(wire.bytes, start, wire.position);
  }

  #readInteger(plan: MessagePlan, field: FieldPlan, end: number): number {
    const start = this.#wire.position;
    this.#wire.readVarint(end);
    const value = this.#wire.integer;
    if (!Number.isSafeInteger(value)) {
      throw invalidModel(`${plan.name}.${field.property} is ${this.#wire.int64}, beyond ±2^53,`, start);
    }
    return value;
  }

  #readBytes(plan: MessagePlan, field: FieldPlan, end: number): Uint8Array {
    const inner = this.#enter(plan, field, end);
    const start = this.#wire.position;
    this.#wire.position = inner;
    return this.#wire.bytes.subarray(start, inner);
  }

  /** Checks the wire type of a length-prefixed field and returns where it ends. */
  #enter(plan: MessagePlan, field: FieldPlan, end: number): number {
    this.#expect(plan, field, WIRE.length);
    return this.#wire.readEnd(end);
  }

  #expect(plan: MessagePlan, field: FieldPlan, wireType: number): void {
    if (this.#wire.wireType !== wireType) {
      throw invalidModel(
        `field ${field.number} of ${plan.name} has wire type ${this.#wire.wireType}, expected ${wireType},`,
        this.#wire.position,
      );
    }
  }

  #push(target: Target, field: FieldPlan, value: unknown): void {
    this.#count();
    // A property of a list kind only ever holds what the next line put there.
    const list = target[field.property] as unknown[] | undefined;
    if (list === undefined || list.length === 0)
      target[field.property] = [value]; // an empty one may be EMPTY_LIST
    else list.push(value);
  }

  #keepUnknown(target: Target, start: number): void {
    const wire = this.#wire;
    const list = target['unknownFields'] as Uint8Array[] | undefined; // only ever set below
    const last = list?.at(-1);
    if (list === undefined || last === undefined) {
      this.#count();
      target['unknownFields'] = [wire.bytes.subarray(start, wire.position)];
    } else if (last.byteOffset + last.length === wire.bytes.byteOffset + start) {
      list[list.length - 1] = wire.bytes.subarray(last.byteOffset - wire.bytes.byteOffset, wire.position);
    } else {
      this.#count();
      list.push(wire.bytes.subarray(start, wire.position));
    }
  }

  #count(): void {
    if (++this.#parts > this.#maxParts) {
      throw invalidModel(`the file holds more than ${this.#maxParts} parts; reading stopped`, this.#wire.position);
    }
  }
}

function messageOf(field: FieldPlan): MessagePlan {
  if (field.message === null) throw new Error(`onnx: field ${field.property} has no message`);
  return field.message();
}

function defaultOf(field: FieldPlan): unknown {
  switch (field.kind) {
    case 'string':
      return '';
    case 'integer':
    case 'int32':
      return 0;
    case 'strings':
    case 'messages':
    case 'integers':
      return EMPTY_LIST;
    default:
      return undefined;
  }
}

/** A payload that starts with what an earlier part of a merged message held. */
function startPayload(before: unknown): Payload {
  const payload = new Payload();
  if (ArrayBuffer.isView(before)) {
    const bytes = new Uint8Array(before.buffer, before.byteOffset, before.byteLength);
    payload.append(bytes, 0, bytes.length);
  }
  return payload;
}

function finishPayload(field: FieldPlan, payload: Payload): Uint8Array | Float32Array | BigInt64Array {
  if (field.kind === 'floats') return new Float32Array(payload.copy());
  if (field.kind === 'int64s') return new BigInt64Array(payload.copy());
  return payload.bytes;
}
