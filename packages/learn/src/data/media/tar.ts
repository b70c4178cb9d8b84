// The plain files of a tar archive held in memory: how data sets of many small files travel. Paths of pax and GNU are
// understood; links and devices are passed over.
// Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual, "Basic Tar Format".
import { AmaasError } from '@amaas/core';

export interface ArchivedFile {
  /** Path inside the archive, as it is written there. */
  readonly path: string;
  /** A view of the archive. */
  readonly bytes: Uint8Array;
}

const BLOCK_BYTES = 512;

/**
 * The plain files of an unpacked archive, in its order.
 * @throws INVALID_DATA when it is no tar archive, is damaged or cut short.
 */
export function readTar(archive: Uint8Array, name: string): readonly ArchivedFile[] {
  const files: ArchivedFile[] = [];
  const overrides = new Map<string, string>();
  for (let at = 0; at < archive.byteLength; ) {
    const block = archive.subarray(at, at + BLOCK_BYTES);
    if (block.byteLength < BLOCK_BYTES) throw damaged(name, 'it ends within a header');
    if (block.every((byte) => byte === 0)) break;
    const header = readHeader(block, name);
    const size = overrides.has('size') ? Number(overrides.get('size')) : header.size;
    const start = at + BLOCK_BYTES;
    if (!Number.isSafeInteger(size) || size > archive.byteLength - start)
      throw damaged(name, `"${header.path}" announces ${size} bytes and has ${archive.byteLength - start}`);
    const bytes = archive.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (header.type === 'x') for (const [key, value] of paxRecords(bytes, name)) overrides.set(key, value);
    else if (header.type === 'L') overrides.set('path', untilNul(text(bytes)));
    else if (header.type !== 'g' && header.type !== 'K') {
      if (header.type === '0' || header.type === '\0')
        files.push({ path: overrides.get('path') ?? header.path, bytes });
      overrides.clear();
    }
  }
  return files;
}

function readHeader(block: Uint8Array, name: string) {
  const field = (start: number, length: number): string => untilNul(text(block.subarray(start, start + length)));
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (Number.parseInt(field(148, 8).trim(), 8) !== sum)
    throw damaged(name, 'a header has a wrong checksum, or it is no tar archive');
  const prefix = text(block.subarray(257, 262)) === 'ustar' ? field(345, 155) : '';
  const path = field(0, 100);
  const size = /^[0-7]+$/.test(field(124, 12).trim()) ? Number.parseInt(field(124, 12), 8) : Number.NaN;
  return { path: prefix === '' ? path : `${prefix}/${path}`, size, type: text(block.subarray(156, 157)) };
}

function* paxRecords(bytes: Uint8Array, name: string): Generator<readonly [string, string]> {
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Number.parseInt(text(bytes.subarray(at, at + 20)), 10);
    const record = text(bytes.subarray(at, at + length)).replace(/^[0-9]+ /, '');
    const equals = record.indexOf('=');
    if (!(length > 4) || at + length > bytes.byteLength || equals < 1 || !record.endsWith('\n'))
      throw damaged(name, 'an extended header is malformed');
    yield [record.slice(0, equals), record.slice(equals + 1, -1)];
    at += length;
  }
}

function damaged(name: string, what: string): AmaasError {
  return new AmaasError('INVALID_DATA', `tar: ${name} cannot be read: ${what}`);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function untilNul(field: string): string {
  const nul = field.indexOf('\0');
  return nul === -1 ? field : field.slice(0, nul);
}
