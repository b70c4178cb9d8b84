// Writes an ONNX file: sizes first, then one allocation filled front to back, so that weights are copied exactly once.
// Fields go out in ascending order and repeated attribute numbers one by one, as protobuf's own writers do for onnx.proto:
// reading such a file and writing it gives the same bytes.
import { AmaasError } from '@amaas/core';
import type { Descriptor, FieldPlan, MessagePlan } from './descriptor.ts';
import type { OnnxModel, OnnxTensor } from './model.ts';
import { MAX_DEPTH } from './read.ts';
import { MODEL, TENSOR } from './schema.ts';
import { WIRE } from './wire.ts';

/** Protobuf's own bound on a message; larger models keep their weights in external data. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** Serializes a model. @throws INVALID_MODEL when it would exceed 2 GiB or nests deeper than protobuf parsers follow. */
export function writeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  return writeMessage(model, MODEL);
}

/** Serializes one TensorProto. @throws INVALID_MODEL as {@link writeModel} */
export function writeTensor(tensor: OnnxTensor): Uint8Array<ArrayBuffer> {
  return writeMessage(tensor, TENSOR);
}

type Source = Readonly<Record<string, unknown>>;

function writeMessage<T extends object>(message: T, plan: Descriptor<T>): Uint8Array<ArrayBuffer> {
  const source = message as unknown as Source; // read by the plan, which was checked against T
  const sizes = new Map<object, number>();
  const size = measureMessage(source, plan, { sizes, depth: 1 });
  if (size > MAX_FILE_BYTES) {
    throw new AmaasError(
      'INVALID_MODEL',
      `onnx: writing ${plan.name} takes ${size} bytes, more than protobuf's ${MAX_FILE_BYTES}`,
    );
  }
  const writer = new MessageWriter(size, sizes);
  writer.message(source, plan);
  return writer.bytes;
}

// The kinds' values are what describeMessage's types demand of each property; every `as` below rests on that.

interface Measuring {
  readonly sizes: Map<object, number>;
  readonly depth: number;
}

function measureMessage(source: Source, plan: MessagePlan, measuring: Measuring): number {
  if (measuring.depth > MAX_DEPTH) {
    throw new AmaasError('INVALID_MODEL', `onnx: writing ${plan.name} would nest messages deeper than ${MAX_DEPTH}`);
  }
  const known = measuring.sizes.get(source);
  if (known !== undefined) return known;
  let size = 0;
  for (const field of plan.inOrder) {
    const value = source[field.property];
    if (value !== undefined) size += measureField(field, value, measuring);
  }
  for (const raw of unknownFieldsOf(source)) size += raw.length;
  measuring.sizes.set(source, size);
  return size;
}

function measureField(field: FieldPlan, value: unknown, { sizes, depth }: Measuring): number {
  const tag = sizeOfVarint(field.number * 8);
  const withLength = (length: number): number => tag + sizeOfVarint(length) + length;
  const inner = { sizes, depth: depth + 1 };
  switch (field.kind) {
    case 'string':
      return withLength(utf8Length(value as string));
    case 'strings':
      return sum(value as readonly string[], (text) => withLength(utf8Length(text)));
    case 'bytes':
    case 'fixed32s':
    case 'fixed64s':
    case 'varints':
      return withLength((value as Uint8Array).length);
    case 'bytesList':
      return sum(value as readonly Uint8Array[], (bytes) => withLength(bytes.length));
    case 'float':
      return tag + 4;
    case 'floats':
      return (value as Float32Array).length * (tag + 4);
    case 'integer':
    case 'int32':
      return tag + sizeOfInteger(value as number);
    case 'integers':
      return sum(value as readonly number[], (number) => tag + sizeOfInteger(number));
    case 'int64':
      return tag + sizeOfInt64(value as bigint);
    case 'int64s': {
      const numbers = value as BigInt64Array;
      let size = numbers.length * tag;
      for (const number of numbers) size += sizeOfInt64(number);
      return size;
    }
    case 'message':
      return withLength(measureMessage(value as Source, messageOf(field), inner));
    case 'messages':
      return sum(value as readonly Source[], (item) => withLength(measureMessage(item, messageOf(field), inner)));
    default:
      return field.kind satisfies never;
  }
}

class MessageWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #sizes: ReadonlyMap<object, number>;
  readonly #utf8 = new TextEncoder();
  #position = 0;

  constructor(size: number, sizes: ReadonlyMap<object, number>) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    this.#sizes = sizes;
  }

  message(source: Source, plan: MessagePlan): void {
    for (const field of plan.inOrder) {
      const value = source[field.property];
      if (value !== undefined) this.#field(field, value);
    }
    for (const raw of unknownFieldsOf(source)) this.#raw(raw);
  }

  #field(field: FieldPlan, value: unknown): void {
    switch (field.kind) {
      case 'string':
        this.#text(field, value as string);
        return;
      case 'strings':
        for (const text of value as readonly string[]) this.#text(field, text);
        return;
      case 'bytes':
      case 'fixed32s':
      case 'fixed64s':
      case 'varints':
        this.#block(field, value as Uint8Array);
        return;
      case 'bytesList':
        for (const bytes of value as readonly Uint8Array[]) this.#block(field, bytes);
        return;
      case 'float':
        this.#float(field, value as number);
        return;
      case 'floats':
        for (const number of value as Float32Array) this.#float(field, number);
        return;
      case 'integer':
      case 'int32':
        this.#integer(field, value as number);
        return;
      case 'integers':
        for (const number of value as readonly number[]) this.#integer(field, number);
        return;
      case 'int64':
        this.#int64(field, value as bigint);
        return;
      case 'int64s':
        for (const number of value as BigInt64Array) this.#int64(field, number);
        return;
      case 'message':
        this.#nested(field, value as Source);
        return;
      case 'messages':
        for (const item of value as readonly Source[]) this.#nested(field, item);
        return;
      default:
        field.kind satisfies never;
    }
  }

  #nested(field: FieldPlan, source: Source): void {
    this.#tag(field, WIRE.length);
    this.#varint(this.#sizes.get(source) ?? 0);
    this.message(source, messageOf(field));
  }

  #block(field: FieldPlan, bytes: Uint8Array): void {
    this.#tag(field, WIRE.length);
    this.#varint(bytes.length);
    this.#raw(bytes);
  }

  #text(field: FieldPlan, text: string): void {
    this.#tag(field, WIRE.length);
    this.#varint(utf8Length(text));
    this.#position += this.#utf8.encodeInto(text, this.bytes.subarray(this.#position)).written;
  }

  #float(field: FieldPlan, value: number): void {
    this.#tag(field, WIRE.fixed32);
    this.#view.setFloat32(this.#position, value, true);
    this.#position += 4;
  }

  #integer(field: FieldPlan, value: number): void {
    this.#tag(field, WIRE.varint);
    if (value < 0) this.#varint64(BigInt(value));
    else this.#varint(value);
  }

  #int64(field: FieldPlan, value: bigint): void {
    this.#tag(field, WIRE.varint);
    if (value >= 0n && value <= 0x7fffffffn) this.#varint(Number(value));
    else this.#varint64(value);
  }

  #tag(field: FieldPlan, wireType: number): void {
    this.#varint(field.number * 8 + wireType);
  }

  /** A whole number ≥ 0. */
  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.#position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.#position++] = rest;
  }

  #varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.bytes[this.#position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.#position++] = Number(rest);
  }

  #raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#position);
    this.#position += bytes.length;
  }
}

function unknownFieldsOf(source: Source): readonly Uint8Array[] {
  return (source['unknownFields'] ?? []) as readonly Uint8Array[]; // OnnxMessage declares it so
}

function messageOf(field: FieldPlan): MessagePlan {
  if (field.message === null) throw new Error(`onnx: field ${field.property} has no message`);
  return field.message();
}

function sum<Item>(items: readonly Item[], sizeOf: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += sizeOf(item);
  return total;
}

/** Bytes of a whole number ≥ 0 as a varint. */
function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

function sizeOfInteger(value: number): number {
  return value < 0 ? 10 : sizeOfVarint(value);
}

function sizeOfInt64(value: bigint): number {
  if (value < 0n) return 10;
  let size = 1;
  for (let rest = value; rest > 0x7fn; rest >>= 7n) size++;
  return size;
}

/** Bytes of a text in UTF-8; a lone surrogate counts as the three-byte replacement that TextEncoder writes for it. */
function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
