// Reads the .tar.gz archives of test data: plain files of the ustar format, nothing else.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The files of a gzipped tar by path, in the archive's order. */
export function readTarGz(path: string): ReadonlyMap<string, Uint8Array> {
  const bytes = gunzipSync(readFileSync(path));
  const files = new Map<string, Uint8Array>();
  const text = (start: number, length: number): string => {
    const field = bytes.subarray(start, start + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
  };
  for (let header = 0; header + 512 <= bytes.length && bytes[header] !== 0; ) {
    const size = Number.parseInt(text(header + 124, 12), 8);
    const kind = text(header + 156, 1);
    const prefix = text(header + 345, 155);
    const name = text(header, 100);
    const start = header + 512;
    // A copy, so that nobody's views depend on where in the archive the file lay.
    if (kind === '0' || kind === '') {
      files.set(prefix === '' ? name : `${prefix}/${name}`, new Uint8Array(bytes.subarray(start, start + size)));
    }
    header = start + Math.ceil(size / 512) * 512;
  }
  return files;
}
