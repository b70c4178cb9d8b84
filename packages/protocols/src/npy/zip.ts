// Reads ZIP archives held in memory: stored and deflated members, checked against size and CRC, bounded in total.
// Trusts the central directory alone. Encrypted and split archives and more than 65,534 members are refused.
// Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3–4.5.
import { AmaasError } from '@amaas/core';

/** One file of an archive, still packed. */
interface Member {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly size: number;
  readonly headerStart: number;
}

/** Deflate cannot pack tighter than about 1032 : 1, so a larger claim is a lie. */
const MAX_DEFLATE_RATIO = 1040;
const IN_ZIP64_EXTRA = 0xffffffff;

/**
 * Unpacks every file of an archive.
 * @param maxBytes - most bytes all files may unpack to together.
 * @throws MALFORMED_REQUEST for a broken archive, REQUEST_TOO_LARGE beyond `maxBytes`.
 */
export async function unpackZip(archive: Uint8Array, maxBytes: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const members = readDirectory(archive, view);
  const total = members.reduce((sum, member) => sum + member.size, 0);
  if (total > maxBytes) {
    throw new AmaasError(
      'REQUEST_TOO_LARGE',
      `zip: the files unpack to ${total} bytes, at most ${maxBytes} are allowed`,
    );
  }
  const files = new Map<string, Uint8Array>();
  for (const member of members) {
    if (files.has(member.name)) throw malformedZip(`${JSON.stringify(member.name)} is in the archive twice`);
    const packed = packedBytesOf(archive, view, member);
    const bytes = member.method === 0 ? packed : await inflate(packed, member);
    if (bytes.length !== member.size || crc32(bytes) !== member.crc) {
      throw malformedZip(`${JSON.stringify(member.name)} is damaged: size or checksum do not match`);
    }
    files.set(member.name, bytes);
  }
  return files;
}

function malformedZip(what: string): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `zip: ${what}`);
}

function readDirectory(archive: Uint8Array, view: DataView): readonly Member[] {
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === IN_ZIP64_EXTRA)
    throw malformedZip('archives with more than 65,534 files are not read');
  if (view.getUint16(end + 4, true) !== 0 || at + size > end)
    throw malformedZip('the directory lies outside the archive');
  const members: Member[] = [];
  for (let index = 0; index < count; index++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) throw malformedZip('the directory is damaged');
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    if (extraEnd > end) throw malformedZip('the directory is damaged');
    const name = new TextDecoder().decode(archive.subarray(at + 46, nameEnd));
    const method = view.getUint16(at + 10, true);
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw malformedZip(`${JSON.stringify(name)} is encrypted`);
    if (method !== 0 && method !== 8) {
      throw malformedZip(`${JSON.stringify(name)} is packed by method ${method}, expected 0 (stored) or 8 (deflate)`);
    }
    const wide = new WideFields(view, nameEnd, extraEnd);
    members.push({
      name,
      method,
      crc: view.getUint32(at + 16, true),
      // In the order in which the extra field lists what did not fit.
      size: wide.resolve(view.getUint32(at + 24, true)),
      packedBytes: wide.resolve(view.getUint32(at + 20, true)),
      headerStart: wide.resolve(view.getUint32(at + 42, true)),
    });
    at = extraEnd + view.getUint16(at + 32, true);
  }
  return members;
}

/** Start of the end-of-directory record: the last place where its comment reaches exactly to the end. */
function findEnd(view: DataView): number {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === 0x06054b50 && at + 22 + view.getUint16(at + 20, true) === view.byteLength)
      return at;
  }
  throw malformedZip('this is no complete ZIP archive');
}

/** The 64-bit values of a ZIP64 extra field, taken in turn by the 32-bit fields that say so. */
class WideFields {
  readonly #values: number[] = [];

  constructor(view: DataView, start: number, end: number) {
    for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
      if (view.getUint16(at, true) !== 1) continue;
      const extraEnd = Math.min(end, at + 4 + view.getUint16(at + 2, true));
      for (let value = at + 4; value + 8 <= extraEnd; value += 8) {
        this.#values.push(Number(view.getBigUint64(value, true)));
      }
      return;
    }
  }

  resolve(value: number): number {
    return value === IN_ZIP64_EXTRA ? (this.#values.shift() ?? value) : value;
  }
}

function packedBytesOf(archive: Uint8Array, view: DataView, member: Member): Uint8Array {
  const { headerStart, packedBytes } = member;
  const outside = (): AmaasError => malformedZip(`${JSON.stringify(member.name)} lies outside the archive`);
  if (headerStart + 30 > archive.length) throw outside();
  if (view.getUint32(headerStart, true) !== 0x04034b50) throw malformedZip('a file header is damaged');
  const start = headerStart + 30 + view.getUint16(headerStart + 26, true) + view.getUint16(headerStart + 28, true);
  if (start + packedBytes > archive.length) throw outside();
  return archive.subarray(start, start + packedBytes);
}

async function inflate(packed: Uint8Array, member: Member): Promise<Uint8Array> {
  const damaged = (): AmaasError => malformedZip(`${JSON.stringify(member.name)} is damaged: its size does not match`);
  if (member.size > MAX_DEFLATE_RATIO * (packed.length + 1)) throw damaged();
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(new Uint8Array(packed)); // a copy: streams may take over what they are given
      controller.close();
    },
  });
  const reader = source.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const bytes = new Uint8Array(member.size);
  let length = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (length + part.value.length > member.size) throw damaged();
      bytes.set(part.value, length);
      length += part.value.length;
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined); // the stream has failed or is about to be dropped: its own story does not matter
    if (error instanceof AmaasError) throw error;
    throw malformedZip(`${JSON.stringify(member.name)} is damaged: it cannot be inflated`);
  }
  return bytes.subarray(0, length);
}

/** CRC-32 as ZIP uses it (polynomial 0xEDB88320, reflected). */
export function crc32(bytes: Uint8Array): number {
  const table = crcTable();
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function crcTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value >>> 0;
  });
}
