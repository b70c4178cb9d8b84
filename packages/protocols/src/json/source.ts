// A JSON document as bytes with a reading position: white space, words and error messages.
// Reading past the end gives 0, a byte no JSON token may hold, so the end needs no test of its own.
import { AmaasError } from '@amaas/core';
import { CARRIAGE_RETURN, LINE_FEED, SPACE, TAB } from './characters.ts';

export class JsonSource {
  readonly bytes: Uint8Array;
  /** Byte about to be read. */
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Moves to the next byte that is not white space and returns it. */
  skipSpace(): number {
    const { bytes } = this;
    let position = this.position;
    let byte = bytes[position] ?? 0;
    while (byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB) {
      byte = bytes[++position] ?? 0;
    }
    this.position = position;
    return byte;
  }

  /** Moves behind `word` when it stands at the position. */
  takeWord(word: string): boolean {
    const at = this.position;
    for (let index = 0; index < word.length; index++) {
      if (this.bytes[at + index] !== word.charCodeAt(index)) return false;
    }
    this.position = at + word.length;
    return true;
  }

  /** The error for a document that goes on otherwise than it must. */
  unexpected(expectation: string, at: number = this.position): AmaasError {
    return new AmaasError(
      'MALFORMED_REQUEST',
      `json: expected ${expectation} at byte ${at}, got ${describeByte(this.bytes, at)}`,
    );
  }
}

function describeByte(bytes: Uint8Array, at: number): string {
  const byte = bytes[at];
  if (byte === undefined) return 'the end of the document';
  if (byte > SPACE && byte < 0x7f) return `'${String.fromCharCode(byte)}'`;
  return `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
