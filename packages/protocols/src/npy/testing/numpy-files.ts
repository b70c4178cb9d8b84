// Files written by NumPy 2.4.6 itself (numpy.lib.format.write_array, savez, savez_compressed), kept in base64 by name.
import { readFileSync } from 'node:fs';

const files: ReadonlyMap<string, string> = new Map(
  Object.entries(JSON.parse(readFileSync(new URL('../fixtures/numpy-2.4.6.json', import.meta.url), 'utf8'))),
);

/** One of NumPy's files. */
export function numpyFile(name: string): Uint8Array {
  const base64 = files.get(name);
  if (base64 === undefined) throw new Error(`no fixture ${name}`);
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
