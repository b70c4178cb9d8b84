// The header of a .npy file: magic, version, and a Python dict literal padded to a multiple of 64 bytes.
// Source: NumPy, numpy.lib.format, "Format Version 1.0", "2.0" and "3.0".
import { AmaasError, MAX_RANK } from '@amaas/core';

/** What the header says. */
export interface NpyHeader {
  /** `<f4`, `|S5`, …: byte order, kind, bytes per element (for `U`: code points). */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const; // \x93NUMPY
const ALIGNMENT = 64;

/** The error of every malformed file. */
export function malformedNpy(what: string): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `npy: ${what}`);
}

/** Reads the header and says where the elements start. @throws MALFORMED_REQUEST */
export function parseHeader(bytes: Uint8Array): NpyHeader & { readonly dataStart: number } {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw malformedNpy('the file does not start with \\x93NUMPY');
  const version = bytes[6];
  if (version !== 1 && version !== 2 && version !== 3) {
    throw malformedNpy(`expected format version 1, 2 or 3, got ${version ?? 'the end of the file'}`);
  }
  const textStart = version === 1 ? 10 : 12;
  if (bytes.length < textStart) throw malformedNpy('the file ends within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = textStart + textLength;
  if (dataStart > bytes.length) {
    throw malformedNpy(`the header claims ${textLength} bytes, ${bytes.length - textStart} follow`);
  }
  // Version 3 is UTF-8, the others Latin-1; they differ in field names of structured types only, which are refused.
  const text = new TextDecoder().decode(bytes.subarray(textStart, dataStart));
  return { ...new HeaderParser(text).parse(), dataStart };
}

/** Writes a header, version 1 where it fits. */
export function formatHeader({ descr, fortranOrder, shape }: NpyHeader): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const prefix = dict.length < 65_000 ? 10 : 12;
  const total = Math.ceil((prefix + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set(MAGIC);
  bytes.set([prefix === 10 ? 1 : 2, 0], 6);
  const view = new DataView(bytes.buffer);
  if (prefix === 10) view.setUint16(8, total - prefix, true);
  else view.setUint32(8, total - prefix, true);
  bytes.set(new TextEncoder().encode(dict), prefix);
  bytes[total - 1] = 0x0a;
  return bytes;
}

/** Reads the one form of dict literal NumPy writes. */
class HeaderParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): NpyHeader {
    let descr: string | undefined;
    let fortranOrder: boolean | undefined;
    let shape: readonly number[] | undefined;
    this.#expect(/\{/y);
    while (this.#take(/\}/y) === null) {
      const key = this.#string();
      this.#expect(/:/y);
      if (key === 'descr') descr = this.#descr();
      else if (key === 'fortran_order') fortranOrder = this.#expect(/True|False/y) === 'True';
      else if (key === 'shape') shape = this.#shape();
      else throw malformedNpy(`the header has an unknown key ${JSON.stringify(key.slice(0, 40))}`);
      if (this.#take(/,/y) === null) {
        this.#expect(/\}/y);
        break;
      }
    }
    if (this.#text.slice(this.#position).trim() !== '') throw this.#unexpected();
    if (descr === undefined || fortranOrder === undefined || shape === undefined) {
      throw malformedNpy('the header must give descr, fortran_order and shape');
    }
    return { descr, fortranOrder, shape };
  }

  #descr(): string {
    if (this.#take(/[[(]/y) !== null) throw malformedNpy('structured types cannot be read; save one array per field');
    return this.#string();
  }

  #shape(): readonly number[] {
    const shape: number[] = [];
    this.#expect(/\(/y);
    while (this.#take(/\)/y) === null) {
      const dim = this.#expect(/[0-9]{1,19}L?/y); // Python 2 wrote long integers with an L
      if (shape.length === MAX_RANK) throw malformedNpy(`the array has more than ${MAX_RANK} dims`);
      shape.push(Number(dim.replace('L', '')));
      if (this.#take(/,/y) === null) {
        this.#expect(/\)/y);
        break;
      }
    }
    return shape;
  }

  #string(): string {
    return this.#expect(/'[^'\\]*'|"[^"\\]*"/y).slice(1, -1);
  }

  /** What a sticky pattern matches after white space, or null. */
  #take(pattern: RegExp): string | null {
    while (/\s/.test(this.#text.charAt(this.#position))) this.#position++;
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#position += match[0].length;
    return match[0];
  }

  #expect(pattern: RegExp): string {
    const found = this.#take(pattern);
    if (found === null) throw this.#unexpected();
    return found;
  }

  #unexpected(): AmaasError {
    const here = this.#text.slice(this.#position, this.#position + 40);
    return malformedNpy(`the header is no dict as NumPy writes it, from ${JSON.stringify(here)} on`);
  }
}
