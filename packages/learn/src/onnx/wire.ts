// Protobuf's wire format, reading side: tags, varints, lengths, all held inside the bytes that are there.
// Knows nothing of ONNX's messages. Source: protobuf.dev, "Encoding".
import { AmaasError } from '@amaas/core';

/** The wire types ONNX uses; 3 and 4 (groups) are refused, 6 and 7 do not exist. */
export const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** The error of every malformed file: what is wrong and where. */
export function invalidModel(what: string, atByte: number): AmaasError {
  return new AmaasError('INVALID_MODEL', `onnx: ${what} at byte ${atByte}`, { details: { atByte } });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Walks bytes front to back. `limit` arguments are the end of the message being read, never beyond the bytes. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;
  /** Field number and wire type of the last tag. */
  fieldNumber = 0;
  wireType = 0;
  /** The two halves of the last varint, each unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    // Node's Buffer would hand out Buffers as views, whose slice() does not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  readTag(limit: number): void {
    const start = this.position;
    this.readVarint(limit);
    const fieldNumber = this.low >>> 3;
    if (this.high !== 0 || fieldNumber === 0) throw invalidModel('a field number is out of range', start);
    this.fieldNumber = fieldNumber;
    this.wireType = this.low & 7;
  }

  readVarint(limit: number): void {
    const start = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= limit) throw invalidModel('a number runs past the end of its message', start);
      const byte = this.bytes[this.position++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw invalidModel('a number is longer than 10 bytes', start);
  }

  /** Reads a length and returns the position it ends at. */
  readEnd(limit: number): number {
    const start = this.position;
    this.readVarint(limit);
    const length = this.high * 2 ** 32 + this.low;
    if (length > limit - this.position) {
      const exact = BigInt.asUintN(64, this.int64);
      throw invalidModel(`a length of ${exact} exceeds the ${limit - this.position} bytes that follow`, start);
    }
    return this.position + length;
  }

  /** The last varint as an int64. */
  get int64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  /** The last varint as an int64 in a number, exact within ±2^53 only. */
  get integer(): number {
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  readFloat(limit: number): number {
    const start = this.position;
    this.skip(4, limit);
    return this.#view.getFloat32(start, true);
  }

  /** Steps over `count` bytes. */
  skip(count: number, limit: number): void {
    if (count > limit - this.position) {
      throw invalidModel(`a value of ${count} bytes runs past the end of its message`, this.position);
    }
    this.position += count;
  }

  /** The text between the position and `end`; leaves the position at `end`. */
  readText(end: number): string {
    const start = this.position;
    this.position = end;
    try {
      return utf8.decode(this.bytes.subarray(start, end));
    } catch {
      throw invalidModel('a text is not valid UTF-8', start);
    }
  }

  /** Steps over the value of the last tag. */
  skipValue(limit: number): void {
    switch (this.wireType) {
      case WIRE.varint:
        this.readVarint(limit);
        return;
      case WIRE.fixed64:
        this.skip(8, limit);
        return;
      case WIRE.length:
        this.position = this.readEnd(limit);
        return;
      case WIRE.fixed32:
        this.skip(4, limit);
        return;
      default:
        throw invalidModel(
          `field ${this.fieldNumber} has wire type ${this.wireType}, which ONNX does not use`,
          this.position,
        );
    }
  }
}
