// JSON text gathered in pieces of bytes, each in a buffer of its own so that it can be transferred to another thread.
// Writes what it is told to, one after the other; that brackets match and commas are set is the caller's business.
import { base64Length, writeBase64 } from './base64.ts';
import { QUOTE } from './characters.ts';
import { MAX_DECIMAL_BYTES, writeDecimal, writeUint32 } from './decimal-layout.ts';
import type { Decimal } from './shortest-decimal.ts';

/** Large enough that pieces are few, small enough that a short reply wastes little. */
const PIECE_BYTES = 65_536;
const FIRST_PIECE_BYTES = 1024;

/** JSON text of a string, quotes included; halves of surrogate pairs come out escaped, so the result is always UTF-8. */
export function quoteJson(text: string): string {
  return JSON.stringify(text);
}

export class JsonWriter {
  readonly #full: Uint8Array<ArrayBuffer>[] = [];
  readonly #encoder = new TextEncoder();
  #piece = new Uint8Array(FIRST_PIECE_BYTES);
  #length = 0;

  /** Adds ready JSON text. */
  raw(text: string): this {
    const mostBytes = 3 * text.length; // UTF-8 takes no more per UTF-16 unit
    if (mostBytes > PIECE_BYTES) {
      this.#addPiece(this.#encoder.encode(text));
      return this;
    }
    this.#reserve(mostBytes);
    if (text.length < 24 && this.#writeAscii(text)) return this;
    this.#length += this.#encoder.encodeInto(text, this.#piece.subarray(this.#length)).written;
    return this;
  }

  /** Adds a string, quoted. */
  string(text: string): this {
    return this.raw(quoteJson(text));
  }

  /** Adds bytes as a quoted base64 string. */
  base64(bytes: Uint8Array): this {
    const length = base64Length(bytes.length);
    this.byte(QUOTE);
    if (length > PIECE_BYTES) {
      const piece = new Uint8Array(length);
      writeBase64(bytes, piece);
      this.#addPiece(piece);
    } else {
      this.#reserve(length);
      writeBase64(bytes, this.#piece.subarray(this.#length, this.#length + length));
      this.#length += length;
    }
    return this.byte(QUOTE);
  }

  /** Adds one ASCII character. */
  byte(character: number): this {
    this.#reserve(1);
    this.#piece[this.#length++] = character;
    return this;
  }

  /** Adds a positive decimal. */
  decimal(decimal: Decimal): this {
    this.#reserve(MAX_DECIMAL_BYTES);
    this.#length = writeDecimal(this.#piece, this.#length, decimal);
    return this;
  }

  /** Adds a whole number from 0 to 2^32 − 1. */
  uint32(value: number): this {
    this.#reserve(MAX_DECIMAL_BYTES);
    this.#length = writeUint32(this.#piece, this.#length, value);
    return this;
  }

  /** Everything written so far, in order; the writer is empty afterwards. */
  takePieces(): Uint8Array<ArrayBuffer>[] {
    this.#closePiece();
    return this.#full.splice(0);
  }

  /** Everything written so far as one piece; the writer is empty afterwards. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    const pieces = this.takePieces();
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    const bytes = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Quicker than the encoder for a few characters; false, with nothing added, when they are not all ASCII. */
  #writeAscii(text: string): boolean {
    const piece = this.#piece;
    const start = this.#length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return false;
      piece[start + index] = unit;
    }
    this.#length = start + text.length;
    return true;
  }

  #reserve(byteCount: number): void {
    if (this.#length + byteCount <= this.#piece.length) return;
    this.#closePiece();
    this.#piece = new Uint8Array(PIECE_BYTES);
  }

  #addPiece(piece: Uint8Array<ArrayBuffer>): void {
    this.#closePiece();
    this.#full.push(piece);
  }

  #closePiece(): void {
    if (this.#length === 0) return;
    this.#full.push(this.#piece.subarray(0, this.#length));
    this.#piece = new Uint8Array(0);
    this.#length = 0;
  }
}
