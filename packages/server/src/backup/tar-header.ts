// Headers of tar archives: plain files in ustar form, with a pax record where a size does not fit into one.
// Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format".
import { AmaasError } from '@amaas/core';

/** Everything in an archive is a multiple of this. */
export const BLOCK_BYTES = 512;

/** Greatest size that fits into the eleven octal digits of a ustar header. */
const MAX_USTAR_BYTES = 8 ** 11 - 1;

/** Greatest extended header that is read; ours have some dozen bytes. */
export const MAX_PAX_BYTES = 64 * 1024;

export interface TarEntryHeader {
  /** ASCII, at most 100 bytes. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** What a header block says. */
export interface ParsedTarHeader extends TarEntryHeader {
  /** One character: `0` a file, `x` and `g` extended headers. */
  readonly type: string;
}

/** The blocks that announce one file; only its owner may read what is unpacked. */
export function encodeTarHeader(entry: TarEntryHeader, mtime: Date): Uint8Array {
  if (!/^[\x20-\x7e]{1,100}$/.test(entry.name))
    throw new TypeError(`tar: name ${JSON.stringify(entry.name)} is not supported`);
  if (entry.sizeBytes <= MAX_USTAR_BYTES) return encodeBlock({ ...entry, type: '0' }, mtime);
  const record = encodePaxRecord('size', String(entry.sizeBytes));
  const pax = Buffer.alloc(paddedBytes(record.length));
  pax.write(record, 'latin1');
  return Buffer.concat([
    encodeBlock({ name: 'pax', sizeBytes: record.length, type: 'x' }, mtime),
    pax,
    encodeBlock({ ...entry, sizeBytes: MAX_USTAR_BYTES, type: '0' }, mtime), // overruled by the record
  ]);
}

/** Bytes an entry's contents take up in an archive. */
export function paddedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** The blocks that end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/**
 * Reads one block; null for the zeros that end an archive.
 * @throws INVALID_ARGUMENT when it is no header, DIGEST_MISMATCH when its checksum is wrong.
 */
export function parseTarHeader(block: Uint8Array): ParsedTarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('latin1');
  if (text.slice(257, 262) !== 'ustar') throw new AmaasError('INVALID_ARGUMENT', 'tar: this is not a tar archive');
  if (parseOctal(text.slice(148, 156)) !== checksum(block)) {
    throw new AmaasError('DIGEST_MISMATCH', 'tar: a header is damaged: its checksum is wrong');
  }
  const prefix = untilNul(text.slice(345, 500));
  const name = untilNul(text.slice(0, 100));
  const type = text.slice(156, 157);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes: parseOctal(text.slice(124, 136)),
    type: type === '\0' ? '0' : type,
  };
}

/** Reads the records of an extended header. @throws DIGEST_MISMATCH when they are malformed. */
export function parsePaxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  const text = Buffer.from(bytes);
  for (let start = 0; start < text.length; ) {
    const space = text.indexOf(0x20, start);
    const length = space === -1 ? 0 : Number(text.toString('latin1', start, space));
    const record = text.toString('utf8', space + 1, start + length - 1);
    const equals = record.indexOf('=');
    if (!Number.isSafeInteger(length) || length < 5 || start + length > text.length || equals < 1) {
      throw new AmaasError('DIGEST_MISMATCH', 'tar: an extended header is malformed');
    }
    records.set(record.slice(0, equals), record.slice(equals + 1));
    start += length;
  }
  return records;
}

function encodeBlock(header: ParsedTarHeader, mtime: Date): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(header.name, 0, 'latin1');
  block.write(octal(0o600, 7), 100, 'latin1'); // mode
  block.write(octal(0, 7), 108, 'latin1'); // user
  block.write(octal(0, 7), 116, 'latin1'); // group
  block.write(octal(header.sizeBytes, 11), 124, 'latin1');
  block.write(octal(Math.floor(mtime.getTime() / 1000), 11), 136, 'latin1');
  block.write(' '.repeat(8), 148, 'latin1'); // the checksum counts as blanks
  block.write(header.type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${octal(checksum(block), 6)} `, 148, 'latin1');
  return block;
}

/** The sum of all bytes, those of the checksum itself taken as blanks. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) sum += i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
  return sum;
}

/** `<length> key=value\n`, where the length counts its own digits. */
function encodePaxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

function parseOctal(field: string): number {
  const digits = untilNul(field).trim();
  if (!/^[0-7]+$/.test(digits))
    throw new AmaasError('DIGEST_MISMATCH', 'tar: a header is damaged: expected octal digits');
  return Number.parseInt(digits, 8);
}

function untilNul(field: string): string {
  const nul = field.indexOf('\0');
  return nul === -1 ? field : field.slice(0, nul);
}
